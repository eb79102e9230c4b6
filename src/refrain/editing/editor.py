"""An editor: a codec, words and a denoiser, loaded from one folder, that answer edits."""

import hashlib
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from refrain.attention import Dense, Spec
from refrain.models import load
from refrain.models.protocols import Card, Codec, Denoiser, TextEncoder

from .edit import edit
from .request import Edit, OnProgress, Progress, Result


@dataclass(frozen=True, eq=False)
class Editor:
    """Answers edits with one model.

    vocabulary: the words it knows, where it knows only some. weights: a hash of its files.
    attention:  how the rule is computed, where an edit does not say. offload: what is remembered lies on the CPU.
    folder:     where it was loaded from; LoRAs are held against its transformer.
    """

    codec: Codec
    words: TextEncoder
    denoiser: Denoiser
    card: Card
    vocabulary: frozenset[str]
    weights: str
    model: str
    device: torch.device
    attention: Spec = Dense()
    offload: bool = False
    folder: Path | None = None

    @staticmethod
    def from_pretrained(
        model: str | Path = "embedded",
        attention: Spec = Dense(),
        device: str = "cpu",
        dtype: torch.dtype | None = None,
        offload: bool = False,
    ) -> "Editor":
        """Load an editor: `embedded`, a diffusers Wan folder with a refrain.json, or a hub id.

        dtype: of the transformer; float32 on the CPU and bfloat16 elsewhere unless given. offload: what is remembered
        of clean segments lies on the CPU, and comes back block by block at every step.
        Raises BadWeights or Unsupported in one sentence.
        """
        place = load.device(device)
        host = load.host(model, dtype or load.usual_dtype(place), place)
        return Editor(
            host.codec, host.words, host.denoiser, host.card, host.vocabulary, weights_hash(host.folder), str(model),
            place, attention, offload, host.folder,
        )  # fmt: skip

    def edit(self, request: Edit, on_progress: OnProgress | None = None) -> Result:
        """Answer one edit; `on_progress` is told how far it is, and may raise to cancel within a step."""
        return edit(request, self, on_progress or _silent)

    def cause(self) -> dict[str, object]:
        """What of a result is due to the editor and the machine."""
        return {
            "model": self.model,
            "weights": self.weights,
            "device": str(self.device),
            "versions": {
                "refrain": version("refrain-edit"),
                "torch": torch.__version__,
                "diffusers": version("diffusers"),
                "python": platform.python_version(),
            },
        }


def _silent(progress: Progress) -> None:
    """Nobody listens."""


def weights_hash(folder: Path) -> str:
    """SHA-256 over the names and bytes of all safetensors and JSON files of a checkpoint, in order."""
    sum_ = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".safetensors", ".json"}):
        sum_.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                sum_.update(block)
    return sum_.hexdigest()

"""The subject that `--subject` names, found and tracked by Grounding DINO and SAM 2."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from refrain.cli.progress import Teller, say
from refrain.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from refrain.data.composite import Mask
    from refrain.media import Clip

DETECTOR, SEGMENTER = "IDEA-Research/grounding-dino-tiny", "facebook/sam2.1-hiera-tiny"


@dataclass(frozen=True)
class Named:
    """What `--subject` says, the weights that look for it, and where they run; words None: it was not said."""

    words: str | None
    detector: str = DETECTOR
    segmenter: str = SEGMENTER
    device: str = "cpu"


def named(clip: "Clip", mask: Path | None, said: Named, teller: Teller, quiet: bool) -> "Mask | None":
    """The subject that the words name, at any size of the clip's frames; None where there are no words."""
    if said.words is None:
        return None
    if mask is not None:
        raise BadInput("Give --mask or --subject, not both.")
    from refrain.models.load import device
    from refrain.models.segment import find

    def tracked(done: int, of: int) -> None:
        teller.stage("tracking the subject", done, of)

    teller.stage("looking for the subject")
    place = device(said.device)
    found = find(said.words, clip.rgb, len(clip), said.detector, said.segmenter, place, tracked)
    say(
        f"{said.words}: {found.things} found in frame {found.at}, score {found.score:.2f}; seen in {found.held} of "
        f"{len(clip)} frames, covering {found.area:.1%} of them.",
        quiet,
    )

    def told_by_words(frames: "np.ndarray", start: int) -> "np.ndarray":
        rows, columns = frames.shape[1:3]
        return found.masks(start, start + len(frames), (rows, columns)).numpy()  # [n, Y, X]

    return told_by_words

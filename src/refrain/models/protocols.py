"""What the rest of Refrain needs from a model: a codec, words, a denoiser, and the card that a checkpoint carries."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Protocol, Self, get_args

from torch import Tensor

from refrain.attention import Spec
from refrain.errors import BadWeights
from refrain.sequence import RULES, Align, Kind, Rule, Sequence

CARD = "refrain.json"
Turns = Literal["", "edited", "text_then_image", "interleaved", "per_turn"]


class Codec(Protocol):
    """Pixels to latents and back. Frames [B, T, 3, Y, X] in [-1, 1], T = 4k + 1; latents [B, C, k + 1, Y', X']."""

    channels: int
    frames_per_latent: int
    pixels_per_latent: int

    def encode(self, frames: Tensor) -> Tensor:
        """Normalised latents, the same for the same frames."""
        ...

    def decode(self, latents: Tensor, first: bool = True) -> Tensor:
        """Frames, clamped to [-1, 1]. `first=False`: the latents start in the middle of a clip."""
        ...


class TextEncoder(Protocol):
    """Words to states [B, N, W]; rows of padding are zero, as Wan has them."""

    def encode(self, texts: list[str]) -> Tensor: ...


class Prepared(Protocol):
    """One row, ready to be denoised: what is clean has been seen to, once."""

    def state(self, noise: Tensor) -> Tensor:
        """What the solver integrates, at noise time 1."""
        ...

    def velocity(self, x: Tensor, t: float | Tensor) -> Tensor:
        """dx/dt of the state at noise time t in (0, 1]."""
        ...

    def answer(self, x: Tensor) -> Tensor:
        """The target's latents [B, C, T, Y, X] in a finished state."""
        ...


class Denoiser(Protocol):
    """A network that denoises the target of a row."""

    def kernel(self, spec: Spec) -> str | None:
        """What computes a sparse attention on this machine; None for an exact one."""
        ...

    def prepare(
        self, sequence: Sequence, spec: Spec = ..., memory: bool = ..., offload: bool = ..., spots: Any = ...
    ) -> Prepared: ...


@dataclass(frozen=True)
class Sampling:
    """How a checkpoint likes to be asked.

    until: the noise time down to which words are guided; below it they are followed as they are.
    grid: noise times run `even`ly before the shift, or as diffusers' Wan pipelines visit them, told to the network in
    whole thousandths (`wan`).
    """

    steps: int = 16
    guidance: float = 3.0
    until: float = 0.0
    shift: float = 1.0
    solver: Literal["euler", "heun", "unipc"] = "euler"
    grid: Literal["even", "wan"] = "even"


@dataclass(frozen=True)
class Card:
    """`refrain.json` beside the weights: the facts about a row that a checkpoint was trained on.

    rule:           who sees whom (a name in `refrain.sequence.RULES`).
    kinds:          the kinds of segment it knows; others are refused.
    context_words:  what clean tokens cross-attend to: the `prompt`, the `empty` prompt, or `none`.
    coarse:         factors (t, y, x) by which the source stands coarser than the target; (1, 1, 1) is full size.
    align:          where a coarse token stands on the target's grid.
    key_frames:     how many first latent frames of a window also stand at full size (IC-Effect: 1).
    history:        how many last latent frames of the previous window's answer stand before the next window.
    window:         latent frames that are predicted at once.
    offsets:        added to the positions of a kind, (t, y, x); a reference's is multiplied by its number.
    turns:          where the pictures of a session of several turns stand; empty: it was trained on single turns.
                    Each follows the one before in time (`text_then_image`: VINCIE as released; on hosts with words by
                    cross-attention all texts shift all pictures alike), the words between taking up time as well
                    (`interleaved`), or on all three axes (`per_turn`: VINCIE-NExT, arXiv 2610.12104). `edited`: as
                    the first, but a target stands on the picture that it edits, as in a single turn.
    clean_embedding: clean tokens have a patch embedding of their own.
    prediction:     the network's output is the `velocity`, or the `change` from the target's base.
    spread:         the usual size of a change in latents, by which a predicted change is scaled (`models.change`).
    shows_base:     the target's tokens carry the state less its base, and the base, on their channels instead of x_t.
    shows_place:    and also where on the picture they lie, row and column in -1..1, on two channels more: rotation
                    tells tokens how far apart they are, but not which edge is near.
    moves_on:       a story's next picture is a change of the last one, moved on (`editing.motion`).
    short_side, multiple: the size in pixels at which it likes to edit; sizes are multiples of `multiple`.
    name, understands: what it is called; an example wording of every edit that it knows (empty: any edit).
    content_words:  words and phrases of which an instruction must hold one; colour_words: these count as such only
                    where every word is known; refused_words: words it must not hold, outside such a phrase.
    """

    rule: str = "isolated"
    kinds: tuple[Kind, ...] = ("text", "source", "target")
    context_words: Literal["prompt", "empty", "none"] = "prompt"
    coarse: tuple[int, int, int] = (1, 1, 1)
    align: Align = "centre"
    key_frames: int = 0
    history: int = 0
    window: int = 21
    offsets: dict[str, tuple[float, float, float]] = field(default_factory=dict[str, tuple[float, float, float]])
    turns: Turns = ""
    clean_embedding: bool = False
    prediction: Literal["velocity", "change"] = "velocity"
    spread: float = 1.0
    shows_base: bool = False
    shows_place: bool = False
    moves_on: bool = False
    short_side: int = 480
    multiple: int = 16
    sampling: Sampling = Sampling()
    name: str = ""
    understands: tuple[str, ...] = ()
    content_words: tuple[str, ...] = ()
    colour_words: tuple[str, ...] = ()
    refused_words: tuple[str, ...] = ()

    def sight(self) -> Rule:
        """The rule itself."""
        return RULES[self.rule]

    def save(self, folder: Path) -> None:
        """Write `refrain.json` into `folder`."""
        (folder / CARD).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read `refrain.json`; a missing file, an unknown key or a bad value is a BadWeights."""
        path = folder / CARD
        try:
            said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BadWeights(
                f"{folder} has no {CARD}, so nobody knows what it was trained to edit; give a folder made by Refrain."
            ) from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise BadWeights(f"{path} is not readable JSON ({error}); get the file anew.") from None
        strange = sorted(set(said) - {f.name for f in fields(cls)})
        if strange:
            raise BadWeights(f"{path} says {', '.join(strange)}, which this version does not know; update Refrain.")
        if said.get("rule", "isolated") not in RULES:
            raise BadWeights(f"{path} names the rule {said['rule']!r}; known are {', '.join(RULES)}.")
        if said.get("turns", "") not in get_args(Turns):
            raise BadWeights(f"{path} places turns by {said['turns']!r}, which this version does not know; update it.")
        try:
            said["sampling"] = Sampling(**said.get("sampling", {}))
        except TypeError as error:
            raise BadWeights(f"{path} has a sampling that this version does not know ({error}).") from None
        lists = ("kinds", "coarse", "understands", "content_words", "colour_words", "refused_words")
        tuples = {name: tuple(said[name]) for name in lists if name in said}
        offsets = {kind: tuple(place) for kind, place in said.get("offsets", {}).items()}
        return cls(**{**said, **tuples, "offsets": offsets})

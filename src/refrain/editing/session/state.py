"""What the next turn edits, as latents: the answer where something changed, elsewhere what was there, to the bit."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from refrain.editing.chain import CHAIN, Masks
from refrain.editing.compose import Seen, see_coarsely
from refrain.editing.edit import Answer
from refrain.editing.matte import latent_matte
from refrain.editing.turns import Task
from refrain.errors import BadInput
from refrain.models.protocols import Card, Codec

LATENTS = "latents.safetensors"


@dataclass(frozen=True, eq=False)
class State:
    """The latents of a clip in a session, at full size and, where the checkpoint attends to them, coarse.

    changed: which latents [T, Y, X] the turn touched, bool; none of the source's. masks: the latents of the masks that
    were predicted on the way, or given.
    """

    full: Tensor  # [1, C, T, Y, X]
    coarse: Tensor | None
    changed: Tensor
    masks: dict[Task, Tensor] = field(default_factory=dict[Task, Tensor])

    @staticmethod
    def of(seen: Seen) -> "State":
        """That of a source, which no turn has touched."""
        return State(seen.full, seen.coarse, torch.zeros(seen.full.shape[2:], dtype=torch.bool))

    def seen(self, references: tuple[Tensor, ...], place: torch.device) -> Seen:
        """As a turn sees it on its device, with the latents of its references."""
        coarse = None if self.coarse is None else self.coarse.to(place)
        return Seen(self.full.to(place), coarse, tuple(picture.to(place) for picture in references))


@torch.no_grad()
def carried(answer: Answer, codec: Codec, card: Card) -> State:
    """The state after a turn. It does not pass through pixels, and what the matte leaves alone does not drift."""
    before, size = answer.seen, answer.latents.shape
    grid = (size[2], size[3], size[4])
    matte = answer.result.change.cpu()  # [T, 1, y, x]
    changed = latent_matte(matte, grid, codec.pixels_per_latent, codec.frames_per_latent)
    full = torch.where(changed.to(before.full.device), answer.latents, before.full)
    coarse = before.coarse
    if coarse is not None and changed.any():
        new = see_coarsely(codec, codec.decode(full), card)
        assert new is not None
        coarse = torch.where(coarsened(changed, card.coarse).to(coarse.device), new, coarse)
    drawn = Masks() if answer.chained is None else answer.chained.masks
    return State(full, coarse, changed, {task: latents for task, (latents, _) in drawn.items()})


def coarsened(changed: Tensor, factor: tuple[int, int, int]) -> Tensor:
    """Coarse latents [t, y, x] that cover a changed one [T, Y, X], both bool; the first frame stands alone in time."""
    n_t, n_y, n_x = factor
    frames, rows, columns = changed.shape
    some = F.pad(changed.float(), (0, -columns % (2 * n_x), 0, -rows % (2 * n_y)))  # whole coarse tokens
    later = F.pad(some[1:], (0, 0, 0, 0, 0, -(frames - 1) % n_t))
    groups = later.reshape(-1, n_t, later.shape[1], later.shape[2])
    in_time = torch.cat([some[:1], torch.amax(groups, dim=1)]) if frames > 1 else some
    return F.max_pool2d(in_time, (n_y, n_x)) > 0


def save(state: State, folder: Path) -> None:
    """Write `latents.safetensors`."""
    tensors = {"full": state.full, "changed": state.changed}
    if state.coarse is not None:
        tensors["coarse"] = state.coarse
    tensors |= {f"mask.{task}": latents for task, latents in state.masks.items()}
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, folder / LATENTS)


def load(folder: Path) -> State:
    """Read it again, to the bit."""
    try:
        tensors = load_file(folder / LATENTS)
        masks: dict[Task, Tensor] = {task: tensors[f"mask.{task}"] for task in CHAIN if f"mask.{task}" in tensors}
        return State(tensors["full"], tensors.get("coarse"), tensors["changed"], masks)
    except (SafetensorError, OSError, KeyError) as error:
        raise BadInput(f"{folder / LATENTS} cannot be read ({error}); put it back.") from None

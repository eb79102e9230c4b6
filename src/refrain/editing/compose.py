"""From what is known to a row: clean segments and one noisy target. Training and use call this same function.

A clip is seen (encoded) once, as one timeline of latents. It is edited window by window: window n stands on beat 2n,
its clean answer on beat 2n + 1, and of that answer the last latents stand, unchanged, before the next window.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from refrain.errors import BadInput, Unsupported
from refrain.models.protocols import Card, Codec
from refrain.models.wan.hearing import Spot
from refrain.sequence import Kind, Segment, Sequence, coarsen, grid

Origin = tuple[float, float, float]
"""What is added to positions (t, y, x)."""

PATCH = 2  # latent rows and columns in one token, on Wan and on the embedded model


@dataclass(frozen=True)
class Seen:
    """A source clip as latents [B, C, T, Y, X]: at full size, at the coarse size that the row attends to, and pictures
    [B, C, 1, Y, X] that the words speak of, in their order.

    spots: where single adapters work, as tokens [T, Y / 2, X / 2] of the whole timeline (`editing.effects`).
    """

    full: Tensor
    coarse: Tensor | None
    references: tuple[Tensor, ...] = ()
    spots: tuple[Spot, ...] = ()


@dataclass(frozen=True)
class Window:
    """Latent frames start .. stop of the timeline that are predicted at once; `history` latents stand before them."""

    start: int
    stop: int
    history: int = 0


def see(codec: Codec, frames: Tensor, card: Card, references: tuple[Tensor, ...] = ()) -> Seen:
    """Encode a source once: frames [B, T, 3, Y, X], T = 4k + 1, sizes multiples of `card.multiple`.

    references: pictures [B, 1, 3, Y, X]. Raises Unsupported where the checkpoint was not trained on any.
    """
    pictures = see_pictures(codec, references, card)
    return Seen(codec.encode(frames), see_coarsely(codec, frames, card), pictures)


def see_pictures(codec: Codec, references: tuple[Tensor, ...], card: Card) -> tuple[Tensor, ...]:
    """Encode reference pictures; Unsupported where the checkpoint was not trained on any."""
    if references:
        require_references(card)
    return tuple(codec.encode(picture) for picture in references)


def require_references(card: Card) -> None:
    """Raise Unsupported where the checkpoint was not trained on reference pictures."""
    if "reference" not in card.kinds:
        raise Unsupported(f"{card.name or 'This model'} was not trained on reference pictures; ask in words alone.")


def see_coarsely(codec: Codec, frames: Tensor, card: Card) -> Tensor | None:
    """The latents that the row attends to, where they are coarser than the target; None where they are not."""
    if card.coarse == (1, 1, 1):
        return None
    return codec.encode(shrink(frames, card.coarse, codec.pixels_per_latent * PATCH))


def shrink(frames: Tensor, factor: tuple[int, int, int], token: int) -> Tensor:
    """Frames [B, T, 3, Y, X] at a coarse size: the mean of each cell; in time, every n-th frame, the first included.

    Tokens are `token` pixels wide. Where coarse ones hang over the last row, column or frame of the source (720 rows
    are 45 tokens, so 23 coarse ones), it is repeated for as far as they reach.
    """
    n_t, n_y, n_x = factor
    batch, _, _, rows, columns = frames.shape
    some = frames[:, ::n_t]
    missing = (1 - some.shape[1]) % 4
    if missing:  # codecs take 4k + 1 frames
        some = torch.cat([some, frames[:, -1:].expand(-1, missing, -1, -1, -1)], dim=1)
    over = (0, -columns % (token * n_x), 0, -rows % (token * n_y))
    flat = some.flatten(0, 1)  # [B T', 3, Y, X]
    small = F.avg_pool2d(F.pad(flat, over, mode="replicate") if any(over) else flat, (n_y, n_x))
    return small.reshape(batch, -1, *small.shape[1:])


def windows(latents: int, card: Card) -> list[Window]:
    """Cut a timeline of so many latent frames into as few windows as can be, as even as can be.

    A short last window would see little beside itself: flames and flakes would jump there.
    """
    if latents <= card.window:
        return [Window(0, latents)]
    if not 0 < card.history < card.window:
        raise Unsupported(
            f"This model edits {card.window} latent frames at once and cannot go on from there; "
            "give a shorter clip or a stretch of it (--from, --to with --trim)."
        )
    most = card.window - card.history  # of every window but the first
    later = -(-(latents - card.window) // most)
    cuts = [Window(0, max(latents - later * most, -(-latents // (later + 1))))]
    for left in range(later, 0, -1):
        start = cuts[-1].stop
        cuts.append(Window(start, start - (start - latents) // left, card.history))
    return cuts


def compose(
    words: Tensor, seen: Seen, window: Window, card: Card, history: Tensor | None = None, beat: int = 0
) -> Sequence:
    """Lay one row: words, what is clean (source, key frames, history) and the target of `window`.

    words: states [B, N, W]; history: the last `window.history` latents of the answer so far [B, C, h, Y, X].
    The target counts time from the window's start, the history before it, so that every window looks alike. The history
    hears, one beat earlier, the same words: they asked for it too.
    """
    if (history is None) != (window.history == 0):
        raise BadInput("A window with history needs that history's latents, and only such a window.")
    frames = window.stop - window.start
    here = slice(window.start, window.stop)
    base = seen.full[:, :, here]
    rows, columns = base.shape[3] // PATCH, base.shape[4] // PATCH
    row = [text(words, beat)]
    row += [laid_reference(picture, number, beat, card) for number, picture in enumerate(seen.references, 1)]
    if history is not None:
        row += [text(words, beat - 2), lay("answer", beat - 1, grid(window.history, rows, columns), history, card)]
    row += laid_source(seen, window, card, beat)
    changing = base if card.prediction == "change" else None
    row.append(Segment("target", beat, grid(frames, rows, columns, (window.history, 0, 0)), base=changing))
    return Sequence(row)


def spots_of(spots: tuple[Spot, ...], window: Window, asked: bool = True) -> tuple[Spot, ...]:
    """Spots of the whole timeline on a window's target [L]. Where nothing is asked, all hear the empty prompt."""
    here = slice(window.start, window.stop)
    return tuple(
        Spot(
            spot.adapter,
            None if spot.tokens is None else spot.tokens[here].flatten(),
            spot.words if asked else None,
        )
        for spot in spots
    )


def text(states: Tensor, beat: int) -> Segment:
    """Words as a segment, one token after another."""
    return Segment("text", beat, grid(states.shape[1], 1, 1), content=states)


def laid_reference(latents: Tensor, number: int, beat: int, card: Card) -> Segment:
    """Reference picture 1, 2, ...; its offset grows with its number, for two pictures at one place look alike."""
    places = grid(latents.shape[2], latents.shape[3] // PATCH, latents.shape[4] // PATCH)
    return lay("reference", beat, places, latents, card, number)


def laid_source(
    seen: Seen, window: Window, card: Card, beat: int, kind: Kind = "source", origin: Origin = (0.0, 0.0, 0.0)
) -> list[Segment]:
    """A clip as it is attended to: at full size, or coarse, with its first frames at full size, where it is so.

    origin: added to the positions, but not to the place on the target.
    """
    full = seen.full[:, :, window.start : window.stop]
    frames, rows, columns = full.shape[2], full.shape[3] // PATCH, full.shape[4] // PATCH
    begin = (float(window.history), 0.0, 0.0)
    if seen.coarse is None:
        return [lay(kind, beat, grid(frames, rows, columns, begin), full, card, origin=origin)]
    coarse, places = seen.coarse, coarsen(frames, rows, columns, factor=card.coarse, align=card.align)
    if card.coarse[0] == 1:
        coarse = coarse[:, :, window.start : window.stop]
    elif window.start or len(places) != coarse.shape[2] * coarse.shape[3] * coarse.shape[4] // PATCH**2:
        raise Unsupported("A source that is coarse in time cannot be cut into windows; give a shorter clip.")
    laid = [lay(kind, beat, places + torch.tensor(begin), coarse, card, origin=origin)]
    keys = min(card.key_frames, frames)
    if keys:
        laid.append(lay(kind, beat, grid(keys, rows, columns, begin), full[:, :, :keys], card, origin=origin))
    return laid


def lay(
    kind: Kind, beat: int, places: Tensor, latents: Tensor, card: Card, number: int = 1,
    origin: Origin = (0.0, 0.0, 0.0),
) -> Segment:  # fmt: skip
    """A clean segment: its canvas is its place on the target; its positions are offset as the checkpoint says.

    number: how many times the kind's offset is taken.
    """
    offset = number * torch.tensor(card.offsets.get(kind, (0.0, 0.0, 0.0))) + torch.tensor(origin)
    return Segment(kind, beat, places + offset, canvas=places, content=latents)

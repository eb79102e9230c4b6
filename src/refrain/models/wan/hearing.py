"""What the tokens of a segment hear, and by which adapters they are touched; a target may be several parts in this."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from refrain.errors import BadInput, Unsupported

from .touch import Reach, Touch, Touches, adapters


@dataclass(frozen=True, eq=False)
class Spot:
    """Where one adapter works: bool [L] of the target's tokens (None: all), and what is said to them there.

    words: states [B, N, W]; None: the words of the row. A token under several spots hears the words of all of them.
    """

    adapter: str
    tokens: Tensor | None = None
    words: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Voice:
    """Words [B, N, W], and the adapters that act on their keys and values."""

    states: Tensor
    adapters: tuple[str, ...]
    touches: Touches


@dataclass(frozen=True, eq=False)
class Hearing:
    """For some tokens [n] of a segment (None: all) the voices they hear (none: silence); and what touches them."""

    parts: tuple[tuple[Tensor | None, tuple[Voice, ...]], ...]
    touches: Touches


def hearing(
    noisy: bool, states: Tensor | None, active: dict[str, Reach], spots: tuple[Spot, ...], device: torch.device
) -> Hearing:
    """Of a clean segment, or of the target under `spots`. active: the transformer's adapters.

    An adapter that has a spot works there alone, and acts on the words that are said there alone: so that two effects
    side by side do not read each other's words.
    """
    placed = {spot.adapter for spot in spots}
    mine = tuple(
        n for n, reach in active.items() if n not in placed and reach in ("all", "target" if noisy else "clean")
    )
    touches = None if set(active.values()) <= {"all"} and not spots else tuple(map(Touch, mine))
    if states is None:
        return Hearing((), touches)
    if not noisy or not spots:
        return Hearing(((None, (_voice(states, mine, active),)),), touches)
    parts: list[tuple[Tensor | None, tuple[Voice, ...]]] = []
    for tokens, over in _parts(spots, device):
        each = [(spot.adapter, states if spot.words is None else spot.words) for spot in over]
        said = {id(words): words for _, words in each} or {id(states): states}
        heard = ((words, (*mine, *(name for name, own in each if own is words))) for words in said.values())
        parts.append((tokens, tuple(_voice(words, names, active) for words, names in heard)))
    own = [Touch(s.adapter, None if s.tokens is None else s.tokens.nonzero().flatten().to(device)) for s in spots]
    return Hearing(tuple(parts), (*(touches or ()), *own))


def check(spots: tuple[Spot, ...], transformers: list[nn.Module], length: int) -> None:
    """Raise for a spot of an adapter that is nowhere or touches more than the target, or of another length."""
    active = {name: reach for net in transformers for name, reach in adapters(net).items()}
    for spot in spots:
        if spot.adapter not in active:
            raise BadInput(f"There is no active adapter {spot.adapter!r} on the transformer; attach it first.")
        if active[spot.adapter] != "target":
            raise Unsupported(f"The adapter {spot.adapter!r} touches clean tokens too, so it cannot be kept to a spot.")
        if spot.tokens is not None and spot.tokens.shape != (length,):
            raise BadInput(f"A spot says {tuple(spot.tokens.shape)} of the target's {length} tokens; say it of each.")


def _voice(states: Tensor, names: tuple[str, ...], active: dict[str, Reach]) -> Voice:
    every = set(names) == set(active)
    return Voice(states, names, None if every else tuple(map(Touch, names)))


def _parts(spots: tuple[Spot, ...], device: torch.device) -> list[tuple[Tensor | None, tuple[Spot, ...]]]:
    """The target, cut into tokens that lie under the same spots (none, perhaps)."""
    bounded = [(spot, spot.tokens.cpu()) for spot in spots if spot.tokens is not None]
    if not bounded:
        return [(None, spots)]
    kinds, which = torch.stack([tokens for _, tokens in bounded]).unique(dim=1, return_inverse=True)  # [S, N], [L]
    parts: list[tuple[Tensor | None, tuple[Spot, ...]]] = []
    for n, there in enumerate(kinds.T.tolist()):
        out = {id(spot) for (spot, _), here in zip(bounded, there) if not here}
        over = tuple(spot for spot in spots if id(spot) not in out)
        parts.append((None if len(kinds.T) == 1 else (which == n).nonzero().flatten().to(device), over))
    return parts

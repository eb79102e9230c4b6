"""Rows to test with: tiny latents, a turn asked after another, and tiny denoisers that read them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from refrain.models.protocols import Card
from refrain.models.wan.denoiser import Expert, WanDenoiser
from refrain.sequence import Kind, Rule, Segment, Sequence, coarsen, grid
from tiny import tiny_transformer

CHANNELS, WORDS, WIDTH = 4, 5, 32  # of latents; of an instruction; of its states
FRAMES, ROWS, COLUMNS = 2, 4, 6  # of the target's latents
KINDS: tuple[Kind, ...] = ("text", "source", "reference", "mask", "answer", "target")


def some(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def latents(seed: int, frames: int = FRAMES, rows: int = ROWS, columns: int = COLUMNS) -> Tensor:
    """Latents [1, C, T, Y, X]."""
    return some(1, CHANNELS, frames, rows, columns, seed=seed)


def said(beat: int, seed: int, words: int = WORDS) -> Segment:
    """Words."""
    return Segment("text", beat, grid(words, 1, 1), content=some(1, words, WIDTH, seed=seed))


def laid(kind: Kind, beat: int, seed: int) -> Segment:
    """A segment of the target's size; offset, so that no two of a row stand at equal places."""
    return Segment(
        kind,
        beat,
        grid(FRAMES, ROWS // 2, COLUMNS // 2) + torch.tensor([3.0 * seed, 0, 0]),
        canvas=grid(FRAMES, ROWS // 2, COLUMNS // 2),
        content=None if kind == "target" else latents(seed),
    )


def one_turn() -> Sequence:
    """Words, a source at half size with its first frame at full size, and the target."""
    half = coarsen(FRAMES, ROWS // 2, COLUMNS // 2)
    return Sequence(
        [
            said(0, 1),
            Segment("source", 0, half, content=latents(2, FRAMES, 2, 4)),
            Segment("source", 0, grid(1, ROWS // 2, COLUMNS // 2), content=latents(3, 1)),
            laid("target", 0, 0),
        ]
    )


def second_turn(answer: Tensor | None = None) -> Sequence:
    """A source and its first answer, then new words, a reference and the second target, which stands amid the row."""
    first = laid("answer", 1, 2)
    if answer is not None:
        first = Segment("answer", 1, first.positions, canvas=first.canvas, content=answer)
    return Sequence(
        [said(0, 1), laid("source", 0, 1), first, said(2, 4), laid("target", 2, 5), laid("reference", 2, 3)]
    )


def denoiser(experts: int = 1, **facts: Any) -> WanDenoiser:
    """One tiny transformer, or two, with a card that says `facts`."""
    nets = [tiny_transformer(seed=n, channels=CHANNELS) for n in range(experts)]
    card = Card(kinds=KINDS, **facts)
    boundary = 0.5 if experts == 2 else None
    return WanDenoiser(
        tuple(Expert(net, net.patch_embedding) for net in nets), card, boundary, some(1, 7, WIDTH, seed=9)
    )


def reach(query: Segment, row: Sequence, rule: Rule) -> set[Segment]:
    """All whose content can come to `query`: what it sees, what that sees, and so on."""
    found, frontier = {query}, [query]
    while frontier:
        here = frontier.pop()
        new = {key for key in row if rule(here, key)} - found
        found |= new
        frontier += new
    return found


class Watch:
    """Stands in for `attend` and writes down, for each call, which tokens it was given and what came out."""

    def __init__(self, attend: Callable[..., Tensor]) -> None:
        self.attend = attend
        self.calls: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, plan: Any, spec: Any, *rest: Any) -> Tensor:
        out = self.attend(q, k, v, plan, spec, *rest)
        self.calls.append((q, k.clone(), v.clone(), out))  # what is laid in a row's room does not stay there
        return out

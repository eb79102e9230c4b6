"""What remembering buys: one step of Wan 2.1 1.3B's blocks, on rows laid and attended to in several ways.

Weights are random, widths are real, clips are cut in time so that two cores can carry them. All ways are timed in turn
(one after another, again and again), so that whatever else the machine does falls on all alike.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from refrain.attention import Plan
from refrain.cli.bench_peak import in_a_child, peak_bytes
from refrain.editing.compose import Seen, Window, compose
from refrain.editing.estimate import pass_flops
from refrain.models.outline import Network
from refrain.models.protocols import Card
from refrain.models.wan.blank import blank_expert
from refrain.models.wan.block import Run, walk, word_keys
from refrain.models.wan.denoiser import Expert, Row, WanDenoiser
from refrain.models.wan.rope import rotation
from refrain.sequence import Sequence, isolated

FULL = 21  # latent frames of 81 frames
HEADS, HEAD, FEED, TEXT, WORDS, CHANNELS = 12, 128, 8960, 4096, 512, 16
WAYS = (
    "target only",
    *(f"{way}, {size} source" for size in ("full", "half") for way in ("mask", "segments", "memory")),
)


@dataclass(frozen=True)
class Job:
    """size: rows and columns in pixels; frames: latent frames; layers: blocks."""

    size: tuple[int, int]
    frames: int
    layers: int
    dtype: str


@dataclass(frozen=True)
class Figure:
    """One way at one size.

    tokens: computed in a step; seconds: the median step by the clock; busy: by the processor, all threads together,
    which other work on the machine disturbs less; first: the step that remembers, where there is one.
    flops: of a step; time_ratio, flop_ratio: to the target alone; floor: flop_ratio at all 81 frames.
    peak: bytes that the process held at most; step: bytes of them that came with the steps.
    """

    way: str
    tokens: int
    seconds: float
    busy: float
    first: float | None
    flops: float
    time_ratio: float
    flop_ratio: float
    floor: float
    peak: int | None
    step: int | None

    @property
    def over(self) -> float:
        """How much slower than arithmetic alone would have it, the target alone taken as the measure."""
        return self.time_ratio / self.flop_ratio


def measure(job: Job, repeats: int, peaks: bool, tell: Callable[[str], None]) -> list[Figure]:
    """All ways at one size: first steps in turn, then `repeats` rounds of every way."""
    with torch.no_grad():
        one = expert_of(job)
        steps = {way: step_of(way, job, one) for way in WAYS}
        firsts = {way: _timed(step, 1.0) for way, step in steps.items()}
        spent: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
        for n in range(repeats):
            for way, step in steps.items():
                tell(f"{job.size[1]}x{job.size[0]}, round {n + 1} of {repeats}: {way}")
                spent[way].append(_timed(step, 1 - (n + 1) / (repeats + 1)))
    steps.clear()
    medians = {way: statistics.median(clock for clock, _ in each) for way, each in spent.items()}
    alone, found = WAYS[0], list[Figure]()
    for way in WAYS:
        tell(f"{job.size[1]}x{job.size[0]}, memory: {way}")
        peak = in_a_child(_peak, way, job) if peaks else None
        whole = replace(job, frames=FULL)
        found.append(
            Figure(
                way=way,
                tokens=_asking(way, job),
                seconds=medians[way],
                busy=statistics.median(busy for _, busy in spent[way]),
                first=firsts[way][0] if way.startswith("memory") else None,
                flops=flops(way, job),
                time_ratio=medians[way] / medians[alone],
                flop_ratio=flops(way, job) / flops(alone, job),
                floor=flops(way, whole) / flops(alone, whole),
                peak=peak and peak[0],
                step=peak and peak[1],
            )
        )
    return found


def faster_dtype(layers: int) -> str:
    """float32 or bfloat16, whichever carries the target alone faster on this machine."""
    spent: dict[str, float] = {}
    for dtype in ("float32", "bfloat16"):
        job = Job((368, 640), 1, layers, dtype)
        with torch.no_grad():
            step = step_of(WAYS[0], job, expert_of(job))
            step(1.0)
            spent[dtype] = min(_timed(step, 0.5)[0] for _ in range(3))
    return min(spent, key=lambda dtype: spent[dtype])


def latent_frames(size: tuple[int, int], tokens: int) -> int:
    """Latent frames that make about so many tokens, at least two (one would be its own key frame), at most all."""
    rows, columns = patches(size)
    return max(2, min(FULL, round(tokens / (rows * columns)))) if tokens else FULL


def patches(size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of tokens: 16 pixels each, the last padded."""
    return -(-size[0] // 16), -(-size[1] // 16)


# -- rows and steps ----------------------------------------------------------------------------------------------------


def card_of(way: str) -> Card:
    """Half-size sources stand with their first frame at full size (IC-Effect)."""
    return Card(coarse=(1, 2, 2), key_frames=1) if way.endswith("half source") else Card()


def row_of(way: str, job: Job, bare: bool = False) -> Sequence:
    """The row, laid by `compose`; with `bare`, on latents that take no memory."""
    rows, columns = patches(job.size)

    def latents(y: int, x: int) -> Tensor:
        shape = (1, CHANNELS, job.frames, 2 * y, 2 * x)
        return torch.zeros(1).expand(shape) if bare else torch.randn(shape)

    card = card_of(way)
    coarse = latents(-(-rows // 2), -(-columns // 2)) if card.coarse != (1, 1, 1) else None
    words = torch.zeros(1).expand(1, WORDS, TEXT) if bare else torch.randn(1, WORDS, TEXT)
    row = compose(words, Seen(latents(rows, columns), coarse), Window(0, job.frames), card)
    return row if way != WAYS[0] else Sequence([s for s in row if s.kind in ("text", "target")])


def expert_of(job: Job) -> Expert:
    """Blocks of Wan 2.1 1.3B, of random numbers."""
    return blank_expert(job.layers, HEADS, HEAD, FEED, TEXT, CHANNELS, getattr(torch, job.dtype))


def step_of(way: str, job: Job, one: Expert) -> Callable[[float], Tensor]:
    """One step, (noise time) -> velocity."""
    denoiser = WanDenoiser((one,), card_of(way))
    rows, columns = patches(job.size)
    noise = torch.randn(1, CHANNELS, job.frames, 2 * rows, 2 * columns)
    prepared = denoiser.prepare(row_of(way, job), memory=not way.startswith(("mask", "segments")))
    if way.startswith("mask"):
        return masked(prepared, noise)
    return lambda t: prepared.velocity(noise, t)


def masked(prepared: Row, noise: Tensor) -> Callable[[float], Tensor]:
    """The same row, computed whole in one attention call with a boolean mask [L, L], as IC-Effect's release does.

    It is given two modulation rows and remembered words, which the release has not: attention alone is compared.
    """
    one, row, target = prepared.denoiser.experts[0], prepared.row, prepared.row.target
    owner = torch.repeat_interleave(torch.tensor([len(s) for s in row]))  # [L]
    sees = torch.tensor([[isolated(q, k) for k in row] for q in row])
    mask = sees[owner][:, owner]  # [L, L]
    by = rotation(torch.cat([s.positions for s in row]), HEAD)
    states = one.transformer.condition_embedder.text_embedder(_words(prepared).to(one.dtype))
    words = [word_keys(block, states) for block in one.transformer.blocks]
    clean = [one.tokens(s.content, clean=True) for s in row if s.content is not None]

    def look(q: Tensor, k: Tensor, v: Tensor, _: Tensor) -> Tensor:
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2)

    def step(t: float) -> Tensor:
        x = torch.cat([*clean, one.tokens(noise, clean=False)], dim=1)  # compose lays the target last
        (embedded, now), (_, still) = one.time(torch.tensor([t])), one.time(torch.zeros(1))
        edge = x.shape[1] - len(target)
        runs = [Run(0, edge, still, words), Run(edge, x.shape[1], now, words)]
        for number, block in enumerate(one.transformer.blocks):
            x = walk(block, number, x, runs, by, look)
        return one.latents(x[:, edge:], embedded, target)

    return step


def _words(prepared: Row) -> Tensor:
    spoken = prepared.sequence.words(0)
    assert spoken is not None and spoken.content is not None  # compose lays them
    return spoken.content


# -- arithmetic and memory ---------------------------------------------------------------------------------------------


def flops(way: str, job: Job) -> float:
    """Of one step: projections, feed-forward, words, and the pairs that attention computes (all of them for a mask)."""
    bare = row_of(way, job, bare=True).without_words()
    plan = Plan.of(bare, isolated, None if way.startswith(("mask", "segments")) else [len(bare.segments) - 1])
    area = len(bare) ** 2 if way.startswith("mask") else plan.area()
    net = Network(job.layers, HEADS, HEAD, FEED, CHANNELS, CHANNELS, TEXT, WORDS, 1, 8, 4, False)
    return pass_flops(net, _asking(way, job), area)


def _asking(way: str, job: Job) -> int:
    """Tokens that are carried through the blocks in a step."""
    bare = row_of(way, job, bare=True)
    return len(bare.without_words()) if way.startswith(("mask", "segments")) else len(bare.target)


def _timed(step: Callable[[float], Tensor], t: float) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    began, busy = time.perf_counter(), time.process_time()
    step(t)
    return time.perf_counter() - began, time.process_time() - busy


def _peak(way: str, job: Job) -> tuple[int, int]:
    """In a process of its own: the most that two steps took in all, and what of it came with the steps."""
    with torch.no_grad():
        step = step_of(way, job, expert_of(job))
        before = peak_bytes()
        for t in (1.0, 0.5):
            step(t)
    return peak_bytes(), peak_bytes() - before

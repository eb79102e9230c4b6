"""Calibration: edits run densely, every choice of attention is weighed on what the heads really ask, and budgets are
chosen for an error.

The units of every statistic are edits (a clip, an instruction, a seed): the moments and windows of one edit are no
independent draws. Nothing is kept of q, k and v: a call is weighed when it is seen.
"""

from collections.abc import Callable
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from refrain.attention import Dense, Isa
from refrain.attention.tiles import Cut
from refrain.errors import BadInput, Unsupported
from refrain.media.fit import model_size, pad_frames
from refrain.models.wan.denoiser import Seen, WanDenoiser

from .compose import see
from .edit import denoise
from .editor import Editor
from .request import Edit, Progress
from .solve import Solver
from .statistics import spearman
from .walk import walk_of
from .ways import Certified, Way, Weighed, certify, weigh

RUNGS = (0, 1/32, 1/16, 3/32, 1/8, 3/16, 1/4, 3/8, 1/2, 5/8, 3/4, 7/8, 1)  # fmt: skip
FEW = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)
MASSES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
SURE = 4  # query tiles of a call whose certificate is looked at
EDGES = torch.logspace(-6, 1, 29)  # of the histogram of errors, four bins a decade
ISA, BENT, RASTER, TWICE, THRESHOLD = "isa", "isa order 1", "isa raster", "context x2", "threshold"
BESIDE, BENT_BESIDE, FREE = "isa, neighbours first", "isa, neighbours first, order 1", "isa by mass alone"
FRAME = "isa, tiles of one frame"
PUBLISHED, CONTEXT, SHARE = "published", "published, context share", "published, dense share"


def all_ways(tile: Cut = None) -> tuple[Way, ...]:
    """Every preset, at several settings. The published one is swept in both of its thresholds."""
    was = Isa.published()
    found = [Way(ISA, keep, Isa(keep, tile)) for keep in RUNGS]
    found += [Way(BENT, keep, Isa(keep, tile, order=1)) for keep in RUNGS]
    found += [Way(BESIDE, keep, Isa(keep, tile, neighbours=True)) for keep in RUNGS]
    found += [Way(BENT_BESIDE, keep, Isa(keep, tile, order=1, neighbours=True)) for keep in RUNGS]
    found += [Way(FREE, keep, Isa(keep, tile, aligned=False)) for keep in FEW]
    found += [Way(FRAME, keep, Isa(keep, (1, 8, 8))) for keep in (*FEW[:-1], 3 / 8, FEW[-1])]
    found += [Way(RASTER, keep, Isa(keep, 64)) for keep in FEW]
    found += [Way(TWICE, keep, Isa((keep, 2 * keep), tile)) for keep in FEW]
    found += [Way(THRESHOLD, mass, Isa(1, tile, routing="threshold", mass=mass)) for mass in MASSES]
    found += [Way(PUBLISHED, 0, was)]
    found += [Way(CONTEXT, x, replace(was, context=x, drop_context=x < 1)) for x in (*FEW, 1)]
    found += [Way(SHARE, x, replace(was, dense_share=x)) for x in (0, 1 / 4, 1 / 2, 3 / 4, 1)]
    return tuple(found)


@dataclass(frozen=True)
class Setting:
    """moments: noise times at which an edit is looked at. tiles: query tiles looked at in each call; 0: all."""

    tile: Cut = None
    moments: int = 3
    tiles: int = 24


@dataclass(frozen=True, eq=False)
class Look:
    """One call of one layer: error, cost [H, W], context [H], counts [W, bins], ranks [H, 6], trust [H, 5]."""

    error: Tensor
    cost: Tensor
    context: Tensor
    counts: Tensor
    ranks: Tensor
    trust: Tensor


@dataclass(frozen=True, eq=False)
class Measured:
    """S samples (calls of all L layers, at one moment of one window of one edit), H heads, W ways.

    edits: [S] the number of the edit; times: [S] noise times.
    error, cost: [S, L, H, W]. context: [S, L, H] attention on clean keys. counts: [W, bins] of queries by `EDGES`.
    ranks: [S, L, H, 6]: Spearman's correlation of a query tile's sharpness with its error, and the rms error of the
        less sharp and of the sharper half of the tiles, over that of all; first of the published way without its dense
        half, then of `Isa()`.
    trust: [S, L, H, 5] of `Isa()`, query by query: Spearman's correlation of estimate and error, and of bound and
        error; the median of estimate over error, and of bound over error; the share of queries that err beyond the
        bound.
    tokens: of the longest row, (target, context).
    """

    ways: tuple[Way, ...]
    edits: Tensor
    times: Tensor
    error: Tensor
    cost: Tensor
    context: Tensor
    counts: Tensor
    ranks: Tensor
    trust: Tensor
    tokens: tuple[int, int]

    def of(self, family: str) -> list[int]:
        """The numbers of a family's ways, in the order of what varies."""
        return [n for n, way in enumerate(self.ways) if way.family == family]


def look(seen: Seen, ways: Ordered[Way], tiles: int, seed: int) -> Look:
    """Weigh all ways, as they are at this layer, on one call."""
    ways = [replace(way, spec=_sparse(way.spec, seen.layer)) for way in ways]
    cuts: dict[Cut, list[int]] = {}
    for n, way in enumerate(ways):
        cuts.setdefault(way.spec.tile, []).append(n)
    rows: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
    ranks: dict[str, Tensor] = {}
    context = torch.zeros(0)
    for numbers in cuts.values():
        found = weigh(seen.q, seen.k, seen.v, seen.plan, [ways[n] for n in numbers], tiles, seed)
        errors, costs, counts = found.error.cpu(), found.costs.cpu(), counted(found)
        for place, n in enumerate(numbers):
            rows[n] = errors[place], costs[place], counts[place]
            name = {(SHARE, 0): "published", (ISA, 1 / 8): "isa"}.get((ways[n].family, ways[n].at))
            if name is not None:
                ranks[name] = ranked(found, place)
        context = (found.context.sum((1, 2)) / found.lengths.sum()).cpu()
    nothing = torch.full((len(context), 3), torch.nan)
    error, cost, counts = (torch.stack([rows[n][i] for n in range(len(ways))], dim=int(i < 2)) for i in range(3))
    trust = trusted(certify(seen.q, seen.k, seen.v, seen.plan, Isa(1 / 8, ways[0].spec.tile), SURE, seed))
    ranked_ = torch.cat([ranks.get(name, nothing) for name in ("published", "isa")], dim=1)
    return Look(error, cost, context, counts, ranked_, trust)


def trusted(found: Certified) -> Tensor:
    """[H, 5], as `Measured.trust` says."""
    error, likely, most = (x.cpu() for x in (found.error, found.estimate, found.bound))
    some = error.clamp(min=1e-12)
    ratios = [(x / some).median(-1).values for x in (likely, most)]
    above = (error > most * (1 + 1e-4) + 1e-6).float().mean(-1)  # single precision has its say
    return torch.stack([spearman(likely, error), spearman(most, error), *ratios, above], dim=-1)


def _sparse(spec: Isa, layer: int) -> Isa:
    """The choice for a layer, at any noise time."""
    here = spec.at(layer, 0.0)
    if not isinstance(here, Isa):
        raise Unsupported("Ways that are dense in some layers cannot be weighed; leave dense_layers out.")
    return here


def counted(found: Weighed) -> Tensor:
    """[W, bins] queries by the norm of their error over the rms norm of their head's answers; the last bin is open."""
    mean = found.size.sum((1, 2)) / found.lengths.sum()  # [H]
    slots = torch.arange(found.size.shape[-1], device=found.size.device) < found.lengths[:, None]  # [R, S]
    share = (found.wrong / mean[:, None, None]).sqrt()[:, :, slots].flatten(1)  # [W, queries]
    bins = torch.bucketize(share.cpu(), EDGES)
    return torch.stack([torch.bincount(row, minlength=len(EDGES) + 1) for row in bins])


def ranked(found: Weighed, place: int) -> Tensor:
    """[H, 3]: how sharpness ranks with error over query tiles, and the error of the duller and of the sharper half."""
    wrong = (found.wrong[place].sum(-1) / found.lengths).cpu()  # [H, R]
    sharp = found.sharp.cpu()
    order = sharp.argsort(-1)
    half = order.shape[-1] // 2
    halves = [wrong.gather(-1, part).mean(-1) for part in (order[:, :half], order[:, -half:])]
    shares = [(part / wrong.mean(-1)).sqrt() for part in halves]
    return torch.stack([spearman(sharp, wrong), *shares], dim=-1)


class Watcher:
    """Sees every self-attention of one edit, and weighs those of the target at some steps, asked with its words.

    Guidance asks twice at each step, first with the words: the second time is passed over.
    """

    def __init__(self, steps: frozenset[int], layers: int, weighed: Callable[[Seen, int], Look]) -> None:
        self.steps, self.layers, self.weighed = steps, layers, weighed
        self.found: list[tuple[float, tuple[Look, ...]]] = []
        self.tokens = (0, 0)
        self._step, self._last, self._asked = -1, 0.0, False
        self._looks: list[Look] = []

    def __call__(self, seen: Seen) -> None:
        row = seen.plan.row
        if row is None or not any(row.segments[i].noisy for i in seen.plan.queries):
            return
        if seen.layer == 0:
            self._asked = seen.t != self._last
            self._step = 0 if seen.t > self._last else self._step + self._asked
            self._last = seen.t
        if not self._asked or self._step not in self.steps:
            return
        self._looks.append(self.weighed(seen, len(self.found) * self.layers + seen.layer))
        if seen.layer == self.layers - 1:
            self.found.append((seen.t, tuple(self._looks)))
            self._looks = []
            target = len(row.target)
            self.tokens = max(self.tokens, (target, len(row) - target))


def moments_of(steps: int, moments: int) -> frozenset[int]:
    """The numbers of `moments` of so many steps, evenly spread."""
    if not 1 <= moments <= steps or steps < 2:
        raise BadInput(
            f"An edit of {steps} steps cannot be looked at {moments} times; at most once a step, of 2 or more."
        )
    return frozenset(int((n + 0.5) * steps / moments) for n in range(moments))


def measure(
    editor: Editor, requests: Ordered[Edit], setting: Setting, tell: Callable[[int, Progress], None],
    ways: tuple[Way, ...] | None = None,
) -> Measured:  # fmt: skip
    """Run the edits densely and weigh `ways` (all, unless given) on what they ask; `tell` hears which edit is how far.

    Raises BadInput for fewer than two edits, Unsupported for a denoiser that cannot be watched.
    """
    if len(requests) < 2:
        raise BadInput("One edit says nothing about others: give two clips, two instructions or two seeds.")
    denoiser = editor.denoiser
    if not isinstance(denoiser, WanDenoiser):
        raise Unsupported(f"A {type(denoiser).__name__} cannot be watched; calibrate a Wan or the embedded model.")
    ways = all_ways(setting.tile) if ways is None else ways
    layers = len(denoiser.experts[0].transformer.blocks)
    samples: list[tuple[int, float, tuple[Look, ...]]] = []
    tokens = (0, 0)
    for number, request in enumerate(requests):
        steps = moments_of(walk_of(request, editor.card).steps, setting.moments)

        def weighed(seen: Seen, seed: int, number: int = number) -> Look:
            return look(seen, ways, setting.tiles, 10_000 * number + seed)

        watcher = Watcher(steps, layers, weighed)
        denoiser.watch = watcher
        try:
            answer(editor, request, lambda progress, n=number: tell(n, progress))
        finally:
            denoiser.watch = None
            denoiser.forget()
        samples += [(number, t, looks) for t, looks in watcher.found]
        tokens = max(tokens, watcher.tokens)
    return _together(ways, samples, tokens)


def _together(
    ways: tuple[Way, ...], samples: Ordered[tuple[int, float, tuple[Look, ...]]], tokens: tuple[int, int]
) -> Measured:
    def stacked(name: str) -> Tensor:
        return torch.stack([torch.stack([getattr(one, name) for one in looks]) for _, _, looks in samples])

    return Measured(
        ways, torch.tensor([edit for edit, _, _ in samples]), torch.tensor([t for _, t, _ in samples]),
        stacked("error"), stacked("cost"), stacked("context"), stacked("counts").sum((0, 1)), stacked("ranks"),
        stacked("trust"), tokens,
    )  # fmt: skip


def answer(editor: Editor, request: Edit, on_progress: Callable[[Progress], Any]) -> None:
    """Walk the noise of one edit down, densely; what comes out is not wanted."""
    card, clip = editor.card, request.source
    size = model_size(clip.size, request.short_side or card.short_side, card.multiple)
    with torch.no_grad():
        seen = see(editor.codec, pad_frames(clip.at(size))[None].to(editor.device), card)
        words = editor.words.encode([request.instruction, ""])
        solve = Solver(editor.denoiser, card, walk_of(request, card), Dense())
        denoise(solve, seen, (words[:1], words[1:]), on_progress)

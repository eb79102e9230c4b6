"""What an edit will cost, from sizes alone: tokens, arithmetic, memory and time. No weights are needed.

The row of every window is laid by `compose` itself, on latents that take no memory, so its tokens and its plan are
those of the edit. FLOPs count a multiply-add as two.
"""

from dataclasses import dataclass

import torch

from refrain.attention import Dense, Flex, Plan, Spec
from refrain.attention.tiles import SLOTS
from refrain.flow import times, wan_times
from refrain.models.outline import Network
from refrain.models.protocols import Card
from refrain.sequence import Sequence

from .compose import Seen, Window, compose, windows

RATES = {"cpu": 80e9, "mps": 2e12, "cuda": 100e12}
"""FLOPs a second that a machine is taken to reach: two cores of a laptop, an Apple GPU, a data-centre GPU."""
PASTING = 0.25e-6  # seconds for one source pixel to be read, put back and written, on a CPU
STARTING = 5.0  # seconds to import torch and diffusers and to load a small model
BASE_BYTES = 680_000_000  # Python, torch and diffusers themselves
PIXEL_BYTES = 4.0  # for one source pixel: its planes and those of the answer
WORKING = 14  # float32 rows of the width that one token needs in a block, the feed-forward's included
WAN_CODEC = (5.1e6, 8.6e6)  # FLOPs to encode and to decode one pixel (counted on Wan 2.1's)
LINEAR_CODEC = (650.0, 2600.0)


@dataclass(frozen=True)
class Job:
    """What is asked: frames and size (rows, columns) at which the model edits, steps, and calls of the network a step.

    branches: 2 where guidance drops the words, else 1; until: the noise time down to which it does. shift, grid: of the
    noise times. bytes_each: of one number of the network. source_pixels: of all frames at the source's own size.
    references: pictures that stand beside the source. attention: how the rule is computed. passes: how often
    each window is drawn, since effects may be drawn apart; once, where it is empty.
    """

    frames: int
    size: tuple[int, int]
    steps: int
    branches: int = 2
    solver: str = "euler"
    bytes_each: int = 4
    source_pixels: int = 0
    references: int = 0
    until: float = 0.0
    shift: float = 1.0
    grid: str = "even"
    attention: Spec = Dense()
    passes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Pane:
    """One window of an edit. tokens: of every segment in order, by kind; step_area, clean_area: pairs that attend.

    context_area: the pairs of step_area whose key is clean.
    """

    tokens: tuple[tuple[str, int], ...]
    step_area: int
    clean_area: int
    context_area: int

    @property
    def target(self) -> int:
        return sum(n for kind, n in self.tokens if kind == "target")

    @property
    def clean(self) -> int:
        return sum(n for kind, n in self.tokens if kind != "target")


@dataclass(frozen=True)
class Estimate:
    """calls: of the network, in one window. flops: of the whole edit.

    memory_bytes: clean keys and values of one window; peak_bytes: of the process.
    """

    panes: tuple[Pane, ...]
    calls: int
    flops: float
    memory_bytes: int
    peak_bytes: int
    seconds: float
    rate: float


def estimate(job: Job, card: Card, net: Network, weight_bytes: int, device: str = "cpu") -> Estimate:
    """Predict an edit on a kind of device (`cpu`, `cuda`, `mps`)."""
    remembers = card.rule != "full"
    rows = lay(job, card, net)
    panes = tuple(pane_of(row, card) for row in rows)
    asked = [(t, job.branches if t >= job.until else 1) for t in visits(job)]
    memories = job.branches if remembers and card.context_words == "prompt" else 1
    flops = codec_flops(job, net)
    for pane, often in zip(panes, job.passes or (1,) * len(panes), strict=True):
        still = pane.clean_area * share(job.attention, net.layers, 0.0)[1]
        if remembers:
            flops += often * memories * pass_flops(net, pane.clean, still, card.context_words != "none")
        for t, calls in asked:
            noisy, clean = share(job.attention, net.layers, t)
            area = noisy * (pane.step_area - pane.context_area) + clean * pane.context_area
            flops += often * calls * pass_flops(net, pane.target + (0 if remembers else pane.clean), area)
    kept = memory_bytes(net, max(pane.clean for pane in panes), job.bytes_each) * memories if remembers else 0
    tokens = max(pane.target + (0 if remembers else pane.clean) for pane in panes)
    working = WORKING * 4 * net.width * tokens + 4 * 12 * job.frames * job.size[0] * job.size[1]
    weights = weight_bytes * job.bytes_each // 2  # they lie in two bytes a number
    rate = RATES.get(device, RATES["cpu"])
    return Estimate(
        panes=panes,
        calls=sum(calls for _, calls in asked),
        flops=flops,
        memory_bytes=kept,
        peak_bytes=int(BASE_BYTES + weights + kept + working + PIXEL_BYTES * job.source_pixels),
        seconds=STARTING + flops / rate + PASTING * job.source_pixels,
        rate=rate,
    )


def lay(job: Job, card: Card, net: Network) -> list[Sequence]:
    """The row of every window, on latents without memory."""
    frames, rows, columns = latents_of(job.frames, job.size, net)
    pictures = tuple(_bare(net, 1, rows, columns) for _ in range(job.references))
    seen = Seen(_bare(net, frames, rows, columns), _coarse(card, net, job), pictures)
    words = torch.zeros(1, 1, 1).expand(1, net.text_length, net.text_width)
    return [
        compose(words, seen, window, card, _history(window, net, rows, columns), beat=2 * number)
        for number, window in enumerate(windows(frames, card))
    ]


def latents_of(frames: int, size: tuple[int, int], net: Network) -> tuple[int, int, int]:
    """Latent frames, rows and columns of so many frames of a size (rows, columns)."""
    return 1 + -(-(frames - 1) // net.latent_frames), size[0] // net.frame_pixels, size[1] // net.frame_pixels


def pane_of(row: Sequence, card: Card) -> Pane:
    """Count a row: with memory its target asks at every step, and its clean segments once."""
    rule, bare = card.sight(), row.without_words()
    clean = [i for i, segment in enumerate(bare) if not segment.noisy]
    noisy = [i for i, segment in enumerate(bare) if segment.noisy]
    remembers = card.rule != "full"
    step = Plan.of(bare, rule, noisy if remembers else None)
    once = Plan.of(bare, rule, clean).area() if remembers and clean else 0
    lengths = [len(segment) for segment in bare]
    context = sum(lengths[i] * lengths[j] for s in step.sights for i in s.queries for j in s.keys if j in clean)
    return Pane(tuple((segment.kind, len(segment)) for segment in bare), step.area(), once, context)


def share(spec: Spec, layers: int, t: float) -> tuple[float, float]:
    """The share of visible pairs that is computed at noise time t, of noisy keys and of clean ones, over all layers.

    A mean counts as one key of the `SLOTS` it stands for. What `threshold` leaves out below `keep` is not foreseen.
    """
    each = [_share(spec.at(layer, t)) for layer in range(layers)]
    return sum(noisy for noisy, _ in each) / layers, sum(clean for _, clean in each) / layers


def _share(spec: Spec) -> tuple[float, float]:
    """The same, of one layer."""
    if isinstance(spec, Dense | Flex):
        return 1.0, 1.0
    kept = [x for layer in spec.budgets for x in layer]
    keep = spec.keep if isinstance(spec.keep, tuple) else (spec.keep, spec.keep)
    if kept:
        keep = (sum(kept) / len(kept),) * 2
    noisy, clean = (spec.dense_share + (1 - spec.dense_share) * (x + (1 - x) / SLOTS) for x in keep)
    rest = 0.0 if spec.drop_context else (1 - spec.context) / SLOTS
    return noisy, spec.context * clean + rest


def visits(job: Job) -> list[float]:
    """The noise times at which the solver asks for a velocity."""
    stations = [float(t) for t in (wan_times if job.grid == "wan" else times)(job.steps, job.shift)]
    if job.solver != "heun":
        return stations[:-1]
    return [t for pair in zip(stations, stations[1:]) for t in pair if t > 0]


def pass_flops(net: Network, tokens: int, area: float, words: bool = True) -> float:
    """One pass of so many tokens through all blocks; `words`: they also attend to the words."""
    width = net.width
    per_token = 8 * width * width + 4 * width * net.feed_forward  # q, k, v, out; feed-forward
    if words:
        per_token += 4 * width * width + 4 * width * net.text_length
    patch = 4  # numbers of one channel that a token carries
    ends = 2 * patch * width * (net.channels_in + net.channels_out)
    return float(net.layers * (tokens * per_token + 4 * area * width) + tokens * ends)


def memory_bytes(net: Network, clean: int, bytes_each: int) -> int:
    """Keys and values of so many clean tokens in every block of one expert (as `Row.memory_size`)."""
    return 2 * clean * net.layers * net.width * bytes_each


def codec_flops(job: Job, net: Network) -> float:
    """Encoding the source, decoding it for comparison, and decoding the answer."""
    encoding, decoding = LINEAR_CODEC if net.linear_codec else WAN_CODEC
    return job.frames * job.size[0] * job.size[1] * (encoding + 2 * decoding)


def _bare(net: Network, frames: int, rows: int, columns: int) -> torch.Tensor:
    return torch.zeros(1, 1, 1, 1, 1).expand(1, net.channels_out, frames, rows, columns)


def _coarse(card: Card, net: Network, job: Job) -> torch.Tensor | None:
    """Latents of the coarse source: the codec sees every n-th frame at a smaller size."""
    if card.coarse == (1, 1, 1):
        return None
    n_t, n_y, n_x = card.coarse
    shown = 1 + (job.frames - 1 + (-(job.frames - 1)) % net.latent_frames) // n_t  # of the padded clip
    frames = 1 + -(-(shown - 1) // net.latent_frames)
    return _bare(net, frames, job.size[0] // (n_y * net.frame_pixels), job.size[1] // (n_x * net.frame_pixels))


def _history(window: Window, net: Network, rows: int, columns: int) -> torch.Tensor | None:
    return _bare(net, window.history, rows, columns) if window.history else None

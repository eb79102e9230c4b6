"""Attention, all rivals side by side: the whole of `attend`, with its tiles, means, choice and way back, by the clock.

Everybody is given the same tensors and takes a turn in every round, so that whatever else the machine does falls on all
alike. Figures are medians of the rounds. What is compiled is compiled before, and the first call is told apart.
"""

import contextlib
import math
import statistics
import time
from collections.abc import Callable
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from refrain.attention import Dense, Flex, Isa, Plan, Spec, attend
from refrain.attention.isa.run import job_of, kernel_of
from refrain.attention.isa.select import EXACT, MEAN
from refrain.attention.spec import Kernel
from refrain.cli.bench_heads import KINDS, Sizes, heads_of, row_of, size_of
from refrain.errors import BadInput, RefrainError
from refrain.sequence import RULES

SWEEP = tuple(2**n for n in range(9, 15))  # tokens of the target, and as many of the source
TIMED = (
    "content",
    "local",
    "copy",
    "smooth",
)  # heads, in turn; only `threshold` takes longer for some
BURST = 0.02  # seconds: what is quicker on a GPU is called several times in a row


@dataclass(frozen=True)
class Setup:
    """What is attended to. dtype: torch's name; memory: only the target asks; backward: gradients are timed too."""

    sizes: Sizes
    heads: int
    width: int
    dtype: str
    device: str = "cpu"
    rule: str = "isolated"
    memory: bool = True
    backward: bool = False


@dataclass(frozen=True)
class Way:
    """One rival: `attend` by a spec, or, with a backend, torch's own dense attention by that kernel."""

    name: str
    spec: Spec
    backend: Literal["any", "cudnn", "flash"] | None = None

    @property
    def dense(self) -> bool:
        return isinstance(self.spec, Dense | Flex)

    @property
    def plain(self) -> bool:
        """A kernel by its name, with nothing but a budget."""
        return isinstance(self.spec, Isa) and replace(self.spec, kernel="auto") == Isa(keep=self.spec.keep)


SDPA = Way("SDPA", Dense(), "any")


@dataclass(frozen=True)
class Figure:
    """What came out for one way.

    seconds, busy: the median call by the clock; and by the processor, all threads together, which other work on the
    machine disturbs less (of no meaning on a GPU). first: the first call, which compiles. times, times_busy: how many
    times faster than the best dense way, by either. exact: the share of the dense query-key pairs that are exact; cost:
    FLOPs of exact pairs and means over those of dense attention; rate: FLOP/s of the exact pairs alone. errors: by kind
    of head, rms over that of dense attention in float32. kernel: what computes it, where that was left to `auto`.
    refused: why there are no figures.
    """

    way: Way
    seconds: float = 0.0
    busy: float = 0.0
    first: float = 0.0
    times: float = 0.0
    times_busy: float = 0.0
    exact: float = 1.0
    cost: float = 1.0
    rate: float = 0.0
    errors: dict[str, float] = field(default_factory=dict[str, float])
    kernel: str = ""
    refused: str = ""


def kernels_of(text: str, device: str) -> tuple[Kernel, ...]:
    """`gather,flex` -> those kernels; `all`: those that the device may have."""
    names = ("gather", "flex", *(["triton"] if torch.device(device).type == "cuda" else [])) if text == "all" else ()
    wanted = names or tuple(text.split(","))
    kernels: tuple[Kernel, ...] = ("reference", "gather", "flex", "triton")
    if set(wanted) - set(kernels):
        raise BadInput(f"Kernels are {', '.join(kernels)}, or all; not {text!r}.")
    return tuple(kernel for kernel in kernels if kernel in wanted)


def keeps_of(text: str) -> list[float]:
    """`1/8,0.25` -> [0.125, 0.25]."""
    try:
        keeps = [float(Fraction(each.strip())) for each in text.split(",")]
    except (ValueError, ZeroDivisionError):
        raise BadInput(f"--keep is a list of shares such as 1/8,1/16 or 0.1, not {text!r}.") from None
    for keep in keeps:
        Isa(keep=keep)
    return keeps


def ways_of(device: str, keeps: Ordered[float], kernels: Ordered[Kernel]) -> list[Way]:
    """Dense attention as torch has it here, then sparse attention by every kernel, then its variants by `auto`."""
    ways = [SDPA]
    if torch.device(device).type == "cuda":
        ways += [Way("SDPA, cudnn", Dense(), "cudnn"), Way("SDPA, flash", Dense(), "flash")]
    ways.append(Way("Dense()", Dense()))
    if "flex" in kernels:
        ways.append(Way("Flex()", Flex()))
    for keep in keeps:
        ways += [Way(f"Isa {share_of(keep)}, {kernel}", Isa(keep=keep, kernel=kernel)) for kernel in kernels]
        ways.append(Way(f"Isa {share_of(keep)}, first order", Isa(keep=keep, order=1)))
    ways.append(Way("Isa threshold, at most 1/2", Isa(keep=1 / 2, routing="threshold")))
    return [*ways, Way("Isa published", Isa.published())]


def share_of(keep: float) -> str:
    """0.125 -> 1/8; what is no such part stays a number."""
    return f"1/{round(1 / keep)}" if keep and abs(1 / keep - round(1 / keep)) < 1e-6 else f"{keep:g}"


def measure(
    setup: Setup, ways: Ordered[Way], repeats: int, tell: Callable[[str], None], errors: bool = True
) -> list[Figure]:
    """Every way: its first call, errors on all kinds of heads, then `repeats` rounds in turn."""
    plan, kinds = plan_of(setup), [TIMED[n % len(TIMED)] for n in range(setup.heads)]
    given = given_of(setup, plan, kinds)
    found: dict[str, Figure] = {}
    for way in ways:
        tell(f"first: {way.name}")
        found[way.name] = _first(setup, way, plan, given)
    alive = [way for way in ways if not found[way.name].refused]
    if errors:
        tell("errors")
        for name, by_kind in _errors(setup, alive, plan).items():
            found[name] = replace(found[name], errors=by_kind)
    spent: dict[str, list[tuple[float, float]]] = {way.name: [] for way in alive}
    for n in range(repeats):
        for way in alive:
            tell(f"round {n + 1} of {repeats}: {way.name}")
            spent[way.name].append(timed(_call(setup, way, plan, given), setup.device))
    for name, each in spent.items():
        clock, busy = (statistics.median(one) for one in zip(*each))
        found[name] = replace(found[name], seconds=clock, busy=busy)
    return _compared(setup, plan, [found[way.name] for way in ways])


def plan_of(setup: Setup) -> Plan:
    """With memory the target alone asks; without, the whole row."""
    if setup.rule not in RULES:
        raise BadInput(f"A rule is one of {', '.join(RULES)}, not {setup.rule!r}.")
    if setup.memory and setup.rule == "full":
        raise BadInput("Under `full` clean tokens see noise, so nothing can be remembered: measure it without memory.")
    return Plan.of(row_of(setup.sizes), RULES[setup.rule], [1] if setup.memory else None)


def only(setup: Setup, ways: Ordered[Way], repeats: int, tell: Callable[[str], None]) -> list[tuple[int, list[Figure]]]:
    """`measure` in the shape of `sweep`: at the one length that was asked for."""
    return [(math.prod(setup.sizes.target), measure(setup, ways, repeats, tell))]


def sweep(
    setup: Setup, ways: Ordered[Way], repeats: int, tell: Callable[[str], None]
) -> list[tuple[int, list[Figure]]]:
    """Dense ways and the kernels, without variants, on rows of 512 + 512 to 16,384 + 16,384 tokens; no errors."""
    plain = [way for way in ways if way.dense or way.plain]
    found: list[tuple[int, list[Figure]]] = []
    for tokens in SWEEP:
        size = size_of(str(tokens))
        told = partial(_told, tell, f"{tokens} + {tokens}: ")
        found.append((tokens, measure(replace(setup, sizes=Sizes(size, size)), plain, repeats, told, errors=False)))
    return found


def pairs(setup: Setup, way: Way, plan: Plan, given: "Given") -> tuple[float, float]:
    """The share of dense query-key pairs that are exact, and the cost by FLOPs: a mean costs as much as one key."""
    if not isinstance(way.spec, Isa):
        return 1.0, 1.0
    with torch.no_grad():
        job = job_of(given.q, given.k, given.v, plan, way.spec)
        asks, holds = job.asking.lengths.double(), job.held.lengths.double()
        whole = plan.area() * setup.heads
        exact = float(torch.einsum("bhnm,n,m->", (job.state == EXACT).double(), asks, holds))
        means = float(torch.einsum("bhnm,n->", (job.state == MEAN).double(), asks))
        slopes = 0 if job.means.slope is None else job.means.slope.shape[2]  # a product with [D, D] is half of D pairs
        return exact / whole, (exact + means + slopes * setup.width / 2 * float(asks.sum()) * setup.heads) / whole


def _told(tell: Callable[[str], None], where: str, what: str) -> None:
    tell(where + what)


# -- one call ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Given:
    """q [1, Lq, H, D], k and v [1, Lk, H, D], and, where gradients are wanted, that of the answer."""

    q: Tensor
    k: Tensor
    v: Tensor
    grad: Tensor | None


def given_of(setup: Setup, plan: Plan, kinds: Ordered[str], seed: int = 0) -> Given:
    """Heads of these kinds, as the plan wants them."""
    q, k, v = heads_of(row_of(setup.sizes), kinds, setup.width, seed, setup.device)
    asking = sum(plan.lengths[i] for i in plan.queries)
    q, k, v = (x.to(getattr(torch, setup.dtype)) for x in (q[:, -asking:], k, v))  # the target stands last
    grad = torch.randn_like(q) if setup.backward else None
    q, k, v = (x.contiguous().requires_grad_(setup.backward) for x in (q, k, v))
    return Given(q, k, v, grad)


def _answer(way: Way, plan: Plan, given: Given) -> Tensor:
    if way.backend is None:
        return attend(given.q, given.k, given.v, plan, way.spec)
    backends = {"cudnn": SDPBackend.CUDNN_ATTENTION, "flash": SDPBackend.FLASH_ATTENTION}
    with sdpa_kernel(backends[way.backend]) if way.backend in backends else contextlib.nullcontext():
        return _sdpa(plan, given)


def _sdpa(plan: Plan, given: Given) -> Tensor:
    """torch's dense attention, one call for each group of segments that see the same."""

    def look(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2)

    if len(plan.sights) == 1:
        return look(given.q, given.k, given.v)
    asked, held = ([plan.lengths[i] for i in numbers] for numbers in (plan.queries, plan.keys))
    q = dict(zip(plan.queries, given.q.split(asked, 1)))
    k, v = (dict(zip(plan.keys, x.split(held, 1))) for x in (given.k, given.v))
    out: dict[int, Tensor] = {}
    for sight in plan.sights:
        asks, seen = [q[i] for i in sight.queries], [[x[j] for j in sight.keys] for x in (k, v)]
        parts = look(torch.cat(asks, 1), *(torch.cat(x, 1) for x in seen)).split([x.shape[1] for x in asks], 1)
        out |= dict(zip(sight.queries, parts))
    return torch.cat([out[i] for i in plan.queries], 1)


def _call(setup: Setup, way: Way, plan: Plan, given: Given) -> Callable[[], object]:
    """The call that is timed: forward, or forward and backward."""
    if given.grad is None:
        return partial(torch.no_grad()(_answer), way, plan, given)
    return lambda: torch.autograd.grad(_answer(way, plan, given), (given.q, given.k, given.v), given.grad)


def _first(setup: Setup, way: Way, plan: Plan, given: Given) -> Figure:
    """The first call, and the cost; or why there is none. What a machine lacks is no reason to measure nothing else."""
    began = time.perf_counter()
    try:
        _call(setup, way, plan, given)()
        _wait(setup.device)
        first = time.perf_counter() - began
        exact, cost = pairs(setup, way, plan, given)
        kernel = kernel_of(way.spec, given.q) if isinstance(way.spec, Isa) and way.spec.kernel == "auto" else ""
        return Figure(way, first=first, exact=exact, cost=cost, kernel=kernel)
    except RefrainError as error:
        return Figure(way, refused=str(error))
    except Exception as error:  # whatever torch, Triton or a compiler says where it has no kernel
        return Figure(way, refused=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


def _errors(setup: Setup, ways: Ordered[Way], plan: Plan) -> dict[str, dict[str, float]]:
    """Of every way, on each kind of head, against dense attention in float32 on the same numbers."""
    found: dict[str, dict[str, float]] = {way.name: {} for way in ways}
    for kind in KINDS:
        given = given_of(setup, plan, [kind] * setup.heads, seed=1)
        wide = Given(given.q.detach().float(), given.k.detach().float(), given.v.detach().float(), None)
        with torch.no_grad():
            truth = _answer(Way("", Dense()), plan, wide)
        for way in ways:
            with torch.set_grad_enabled(setup.backward):
                out = _answer(way, plan, given).detach().float()
            found[way.name][kind] = float((out - truth).norm() / truth.norm())
    return found


def timed(call: Callable[[], object], device: str) -> tuple[float, float]:
    """Seconds of one call by the clock, and of the processor."""
    calls = 1
    if torch.device(device).type == "cuda":
        once = _spent(call, 1, device)[0]
        calls = max(1, min(50, round(BURST / once)))
    return _spent(call, calls, device)


def _spent(call: Callable[[], object], calls: int, device: str) -> tuple[float, float]:
    _wait(device)
    began, busy = time.perf_counter(), time.process_time()
    for _ in range(calls):
        call()
    _wait(device)
    return (time.perf_counter() - began) / calls, (time.process_time() - busy) / calls


def _wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
    elif torch.device(device).type == "mps":
        torch.mps.synchronize()


def _compared(setup: Setup, plan: Plan, figures: list[Figure]) -> list[Figure]:
    """Figures with their speed-up over the best dense way, and the rate of their exact part."""
    dense = [f for f in figures if f.way.dense and not f.refused]
    clock, busy = (min((getattr(f, name) for f in dense), default=0.0) for name in ("seconds", "busy"))
    work = 4 * plan.area() * setup.heads * setup.width * (3.5 if setup.backward else 1)
    return [
        f
        if f.refused
        else replace(f, times=clock / f.seconds, times_busy=busy / max(f.busy, 1e-9), rate=f.exact * work / f.seconds)
        for f in figures
    ]

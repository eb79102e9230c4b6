"""`refrain bench`: what memory buys, what sparse attention buys, and what a whole edit takes, on this machine."""

import json as _json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from refrain.cli.options import Debug, Device, Json, Model, two_sides
from refrain.cli.progress import told
from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.cli import bench_attention as rivals
    from refrain.cli.bench_edit import Figures
    from refrain.cli.bench_memory import Figure, Job
    from refrain.cli.bench_session import Course
    from refrain.cli.bench_session import Figure as Turned
    from refrain.cli.bench_told import Swept

app = typer.Typer(no_args_is_help=True, help="Measure speed and memory on this machine.", rich_markup_mode="rich")

GOALS = (
    ("half-size source + memory / target only", "memory, half source", "target only", "at most 1.30"),
    ("mask / memory, full-size source", "mask, full source", "memory, full source", "at least 1.90"),
    ("segments / memory, full-size source", "segments, full source", "memory, full source", ""),
    ("mask, full-size / memory, half-size source", "mask, full source", "memory, half source", ""),
)


@app.command()
def memory(
    sizes: Annotated[str, typer.Option(metavar="WxH,...", help="Sizes of the clips.")] = "640x360,832x480,1280x720",
    tokens: Annotated[
        int, typer.Option(metavar="N", help="Cut clips of 81 frames in time to about so many tokens; 0: leave them.")
    ] = 5000,
    layers: Annotated[int, typer.Option(metavar="N", help="Blocks.")] = 1,
    repeats: Annotated[int, typer.Option(metavar="N", help="Rounds; the median counts.")] = 3,
    dtype: Annotated[str, typer.Option(metavar="NAME", help="float32, bfloat16, or faster: whichever is.")] = "faster",
    threads: Annotated[int, typer.Option(metavar="N", help="Of the processor; 0: all.")] = 0,
    peak: Annotated[bool, typer.Option("--peak/--no-peak", help="Also measure memory, each way in a process.")] = True,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Time a step of Wan 2.1 1.3B's blocks: no source, a dense mask, segments, and segments remembered.

    Examples:

      refrain bench memory

      refrain bench memory --sizes 832x480 --tokens 0 --repeats 1 --no-peak
    """
    if layers < 1 or repeats < 1 or tokens < 0 or threads < 0:
        raise BadInput("--layers and --repeats must be 1 or more, --tokens and --threads 0 or more.")
    if dtype not in ("float32", "bfloat16", "faster"):
        raise BadInput(f"--dtype must be float32, bfloat16 or faster, not {dtype}.")
    wanted = [two_sides(size) for size in sizes.split(",")]

    import torch

    from refrain.cli.bench_memory import Job, faster_dtype, latent_frames, measure

    if threads:
        torch.set_num_threads(threads)
    with told(json) as teller:
        teller.stage("choosing a dtype")
        chosen = faster_dtype(layers) if dtype == "faster" else dtype
        jobs = [Job(size, latent_frames(size, tokens), layers, chosen) for size in wanted]
        found = [(job, measure(job, repeats, peak, teller.stage)) for job in jobs]
    if json:
        print(
            _json.dumps({"machine": _machine(), "repeats": repeats, "sizes": [_facts(*one) for one in found]}, indent=2)
        )
    else:
        for job, figures in found:
            _show(job, figures)


@app.command()
def edit(
    clip: Annotated[str | None, typer.Argument(metavar="[CLIP]", help="A file; a rendered scene unless given.")] = None,
    instruction: Annotated[
        str, typer.Option("-i", "--instruction", metavar="WORDS", help="What to change.")
    ] = "make it snow",
    frames: Annotated[int, typer.Option(metavar="N", help="Frames of the rendered scene.")] = 40,
    size: Annotated[str, typer.Option(metavar="WxH", help="Its size.")] = "512x512",
    steps: Annotated[int | None, typer.Option(metavar="N", help="As in refrain edit.")] = None,
    model: Model = "embedded",
    device: Device = "cpu",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Time one edit from file to file, stage by stage, with the memory that it takes.

    Examples:

      refrain bench edit

      refrain bench edit clip.mp4 -i "set it on fire" --json
    """
    from refrain.cli.bench_edit import Errand, measure

    if not 1 <= frames <= 2000:
        raise BadInput(f"--frames must be 1 to 2000, not {frames}.")
    with told(json) as teller:
        teller.stage("editing")
        figures = measure(Errand(clip, frames, two_sides(size), instruction, model, steps, device))
    if json:
        print(_json.dumps({"machine": _machine(), "total": figures.total, **asdict(figures)}, indent=2))
    else:
        _show_edit(figures)


@app.command()
def attention(
    tokens: Annotated[str, typer.Option(metavar="N|TxYxX", help="Tokens of the target.")] = "8192",
    context: Annotated[
        str | None, typer.Option(metavar="N|TxYxX", help="Tokens of the source beside it; as many unless given.")
    ] = None,
    heads: Annotated[int, typer.Option(metavar="N", help="Heads.")] = 1,
    width: Annotated[int, typer.Option(metavar="N", help="Width of a head.")] = 128,
    keep: Annotated[str, typer.Option(metavar="SHARE,...", help="Shares of tiles that are exact.")] = "1/8",
    dtype: Annotated[str, typer.Option(metavar="NAME,...", help="float32, bfloat16, float16.")] = "float32,bfloat16",
    kernels: Annotated[
        str, typer.Option(metavar="NAME,...", help="reference, gather, flex, triton; all: what the device may have.")
    ] = "all",
    memory: Annotated[
        bool, typer.Option("--memory/--no-memory", help="Only the target asks, or the whole row.")
    ] = True,
    rule: Annotated[str, typer.Option(metavar="NAME", help="isolated, block_causal or full.")] = "isolated",
    backward: Annotated[bool, typer.Option("--backward", help="Time forward and backward together.")] = False,
    sweep: Annotated[bool, typer.Option("--sweep", help="Rows of 1,024 to 32,768 tokens, and the crossover.")] = False,
    repeats: Annotated[int, typer.Option(metavar="N", help="Rounds; the median counts.")] = 5,
    threads: Annotated[int, typer.Option(metavar="N", help="Of the processor; 0: all.")] = 0,
    device: Device = "cpu",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Time sparse attention beside dense attention, and say what it errs on heads that look at places and things.

    Examples:

      refrain bench attention

      refrain bench attention --keep 1/4,1/8,1/16 --dtype bfloat16 --heads 4

      refrain bench attention --sweep --json
    """
    names = [name.strip() for name in dtype.split(",")]
    if heads < 1 or width < 2 or width % 2 or repeats < 1 or threads < 0:
        raise BadInput("--heads and --repeats must be 1 or more, --width even, --threads 0 or more.")
    if set(names) - {"float32", "bfloat16", "float16"}:
        raise BadInput(f"--dtype is a list of float32, bfloat16 and float16, not {dtype}.")

    import torch

    from refrain.cli import bench_attention as rivals
    from refrain.cli.bench_heads import Sizes, size_of
    from refrain.cli.bench_told import facts
    from refrain.models.load import device as device_of

    device = str(device_of(device))
    if threads:
        torch.set_num_threads(threads)
    sizes = Sizes(size_of(tokens), size_of(context or tokens))
    setups = [rivals.Setup(sizes, heads, width, name, device, rule, memory, backward) for name in names]
    ways = rivals.ways_of(device, rivals.keeps_of(keep), rivals.kernels_of(kernels, device))
    with told(json) as teller:
        take = rivals.sweep if sweep else rivals.only
        found = [(setup, take(setup, ways, repeats, teller.stage)) for setup in setups]
    if json:
        listed = [facts(setup, measured) for setup, measured in found]
        print(_json.dumps({"machine": _machine(), "repeats": repeats, "setups": listed}, indent=2))
    else:
        for setup, measured in found:
            (_show_sweep if sweep else _show_rivals)(setup, measured)


@app.command()
def session(
    size: Annotated[str, typer.Option(metavar="WxH", help="Of the picture.")] = "192x192",
    turns: Annotated[int, typer.Option(metavar="N", help="Turns, one after another.")] = 10,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Of every turn; the model's own unless given.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="One that knows turns; random numbers unless given.")
    ] = None,
    width: Annotated[int, typer.Option(metavar="N", help="Of a network of random numbers.")] = 256,
    layers: Annotated[int, typer.Option(metavar="N", help="Of such a network.")] = 6,
    coarse: Annotated[bool, typer.Option("--coarse", help="Of such a network: pictures before at half size.")] = False,
    without: Annotated[bool, typer.Option("--without/--no-without", help="Also time turns without memory.")] = True,
    repeats: Annotated[int, typer.Option(metavar="N", help="Rounds; the least counts.")] = 3,
    threads: Annotated[int, typer.Option(metavar="N", help="Of the processor; 0: all.")] = 0,
    device: Device = "cpu",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Time the turns of a session, with memory and without, and compare what they answer.

    Examples:

      refrain bench session

      refrain bench session --size 384x384 --coarse --json
    """
    if turns < 1 or repeats < 1 or threads < 0 or layers < 1 or (steps is not None and steps < 1):
        raise BadInput("--turns, --repeats, --layers and --steps must be 1 or more, --threads 0 or more.")

    import torch

    from refrain.cli.bench_session import Course, measure

    if threads:
        torch.set_num_threads(threads)
    course = Course(two_sides(size), turns, steps, model, width, layers, coarse, device)
    with told(json) as teller:
        figures = measure(course, repeats, without, teller.stage)
    if json:
        listed = [asdict(figure) for figure in figures]
        print(_json.dumps({"machine": _machine(), "repeats": repeats, **asdict(course), "figures": listed}, indent=2))
    else:
        _show_session(course, figures)


def _facts(job: "Job", figures: "list[Figure]") -> dict[str, object]:
    """One size as JSON."""
    from refrain.cli.bench_memory import FULL

    return {
        **asdict(job),
        "cut_in_time": FULL / job.frames,
        "ways": [{**asdict(figure), "over_flops": figure.over} for figure in figures],
        "ratios": [asdict(ratio) for ratio in _ratios(figures)],
    }


@dataclass(frozen=True)
class Ratio:
    """One way over another: by the clock, by the processor, by FLOPs, and by the FLOPs of all 81 frames."""

    what: str
    clock: float
    busy: float
    flops: float
    whole: float
    goal: str


def _ratios(figures: "list[Figure]") -> list[Ratio]:
    by = {figure.way: figure for figure in figures}
    return [
        Ratio(
            what,
            by[a].seconds / by[b].seconds,
            by[a].busy / by[b].busy,
            by[a].flops / by[b].flops,
            by[a].floor / by[b].floor,
            goal,
        )
        for what, a, b, goal in GOALS
    ]


def _show(job: "Job", figures: "list[Figure]") -> None:
    from refrain.cli.bench_memory import FULL, patches

    rows, columns = patches(job.size)
    table = Table(
        title=f"{job.size[1]}x{job.size[0]}: {job.frames} of {FULL} latent frames of {rows}x{columns} tokens, "
        f"{job.layers} block(s), {job.dtype}",
        caption="s: by the clock; cpu: by the processor; first: the step that remembers; ×: to target only; GB: peak",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("way", no_wrap=True)
    for head in ("tokens", "s", "cpu", "first", "TFLOP", "×", "× FLOP", "GB"):
        table.add_column(head, justify="right", no_wrap=True)
    for f in figures:
        table.add_row(
            f.way, str(f.tokens), f"{f.seconds:.2f}", f"{f.busy:.2f}", "" if f.first is None else f"{f.first:.2f}",
            f"{f.flops / 1e12:.2f}", f"{f.time_ratio:.2f}", f"{f.flop_ratio:.2f}",
            "" if f.peak is None else f"{f.peak / 1e9:.2f}",
        )  # fmt: skip
    console = Console()
    console.print(table)
    for ratio in _ratios(figures):
        console.print(
            f"{ratio.what}: {ratio.clock:.2f} by the clock, {ratio.busy:.2f} by the processor, {ratio.flops:.2f} by "
            f"FLOPs ({ratio.whole:.2f} at all 81 frames){f'; goal: {ratio.goal}' if ratio.goal else ''}",
            highlight=False,
            soft_wrap=True,
        )


def _show_edit(figures: "Figures") -> None:
    rows, columns = figures.size
    table = Table("stage", "seconds", title=f"{figures.frames} frames of {columns}x{rows}, edited at "
                  f"{figures.model_size[1]}x{figures.model_size[0]} in {figures.steps} steps")  # fmt: skip
    for stage, seconds in figures.seconds.items():
        table.add_row(stage, f"{seconds:.2f}")
    table.add_row("total", f"{figures.total:.2f}", style="bold")
    table.add_row("of the processor", f"{figures.busy:.2f}")
    Console().print(table)
    Console().print(f"peak memory: {figures.peak / 1e9:.2f} GB")


def _show_session(course: "Course", figures: "list[Turned]") -> None:
    first, rows = figures[0], list[list[str]]()
    for each in figures:
        kept = [f"{each.with_[0]:.2f}", f"{each.with_[1]:.2f}", f"{each.with_[1] / first.with_[1]:.2f}"]
        anew = ["", "", ""]
        if each.without is not None and first.without is not None:
            anew = [f"{each.without[0]:.2f}", f"{each.without[1]:.2f}", f"{each.without[1] / first.without[1]:.2f}"]
        apart = "" if each.apart is None else f"{each.apart:.0e}"
        rows.append([str(each.turn), str(each.tokens), *kept, *anew, apart])
    head = ("turn", "tokens", "memory s", "cpu", "× turn 1", "without s", "cpu", "× turn 1", "apart")
    title = f"{course.size[1]}x{course.size[0]}, {course.model or f'{course.layers} layers of width {course.width}'}"
    _print(_table(title, "the least of all rounds; cpu: of the processor; apart: of the two answers", head, rows), ())


def _show_rivals(setup: "rivals.Setup", measured: "Swept") -> None:
    from refrain.cli.bench_told import ERROR, SPEED, error_rows, goals, remarks, speed_rows, told_of

    ((_, figures),) = measured
    caption = (
        "ms: by the clock; cpu ms: by the processor; ×: faster than the best dense; "
        "exact, cost: of dense attention's pairs and FLOPs; GF/s: GFLOP/s of the exact part"
    )
    _print(_table(told_of(setup), caption, SPEED, speed_rows(figures)), remarks(figures))
    _print(_table("", "over dense attention in float32", ERROR, error_rows(figures)), goals(setup, figures))


def _show_sweep(setup: "rivals.Setup", measured: "Swept") -> None:
    from refrain.cli.bench_told import swept_table, told_of

    head, rows, lines = swept_table(measured)
    caption = "times faster than the best dense way, by the clock / by the processor"
    _print(_table(told_of(setup, swept=True), caption, head, rows), lines)


def _table(title: str, caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """The first column to the left, numbers to the right."""
    table = Table(title=title, caption=caption, box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for n, name in enumerate(head):
        table.add_column(name, justify="right" if n else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _print(table: Table, lines: Sequence[str]) -> None:
    console = Console()
    console.print(table)
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _machine() -> dict[str, object]:
    import torch

    return {
        "system": platform.platform(terse=True),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }

"""`refrain calibrate`: measures what attention may leave out, and writes budgets for an error into a file."""

import json as _json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from refrain.cli.options import Debug, Device, Json, Quiet, Seed
from refrain.cli.progress import Teller, say, told
from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.attention.budgets import Budgets
    from refrain.editing.calibrate import Measured, Setting
    from refrain.editing.choose import Choice
    from refrain.editing.editor import Editor
    from refrain.editing.request import Edit
    from refrain.media import Clip
    from refrain.models.outline import Outline

RENDERED = 3  # scenes, where no clips are given
SHOWN = (1 / 16, 1 / 8, 1 / 4, 1 / 2)  # keeps that the table shows; the file and the plot have all
TITLES = {
    "isa": "Isa(keep)", "isa order 1": "Isa(keep, order=1)", "isa, neighbours first": "neighbours=True",
    "isa, neighbours first, order 1": "neighbours=True, order=1", "isa by mass alone": "aligned=False",
    "isa, tiles of one frame": "tile=(1, 8, 8)",
    "isa raster": "Isa(keep, tile=64)", "context x2": "Isa((keep, 2 keep))",
    "threshold": "threshold, mass", "published": "published",
    "published, context share": "published, context", "published, dense share": "published, dense share",
}  # fmt: skip
DUELS = ("isa", "isa order 1", "isa, neighbours first", "isa, tiles of one frame")


def calibrate(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="embedded, a folder with a refrain.json, or a hub id.")
    ] = "embedded",
    more: Annotated[list[Path] | None, typer.Argument(metavar="[CLIP]...", help="Clips, as with --clips.")] = None,
    error: Annotated[
        float, typer.Option(metavar="X", help="Of every head: rms of the difference over rms of dense attention.")
    ] = 0.02,
    clips: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="What is edited; may come again. Rendered scenes if none.")
    ] = None,
    instructions: Annotated[
        list[str] | None,
        typer.Option("-i", "--instruction", metavar="WORDS", help="May come again. The first two the model knows."),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The budgets.")] = Path("budgets.json"),
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="The PNG; OUT's name with .png.")] = None,
    size: Annotated[int | None, typer.Option(metavar="PIXELS", help="Shorter side, as it will be edited at.")] = None,
    frames: Annotated[int, typer.Option(metavar="N", help="Frames of each clip, as many as will be edited.")] = 17,
    steps: Annotated[int | None, typer.Option(metavar="N", help="As in refrain edit.")] = None,
    moments: Annotated[int, typer.Option(metavar="N", help="Noise times at which an edit is looked at.")] = 3,
    tiles: Annotated[int, typer.Option(metavar="N", help="Query tiles looked at in each call; 0: all.")] = 24,
    tile: Annotated[
        str | None, typer.Option(metavar="T,Y,X", help="Of the Isa that is to be used; the best box unless given.")
    ] = None,
    order: Annotated[int, typer.Option(metavar="N", help="Of the Isa that is to be used: 0 or 1.")] = 0,
    seed: Seed = 0,
    seeds: Annotated[int, typer.Option(metavar="N", help="So many seeds of each edit, from --seed on.")] = 1,
    device: Device = "cpu",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure the error of sparse attention against its cost, and choose a budget for every layer and head.

    A few edits run densely; what their heads ask is answered again by every preset, at several settings.

    The least budgets that keep every head's error within --error are written, for --attention isa:FILE.

    Examples:

      refrain calibrate embedded --error 0.02

      refrain calibrate embedded --error 0.05 --clips a.mp4 b.mp4 --size 384 --frames 33 -o budgets.json
    """
    asked = Asked(error, (*(clips or ()), *(more or ())), tuple(instructions or ()), frames, size, steps)
    _check(asked, moments, tiles, order, seeds)
    plotted = plot or out.with_suffix(".png")
    _check_places(out, plotted)
    from refrain.editing.calibrate import Setting
    from refrain.models.outline import Outline

    outline = Outline.of(model)
    words = _words(asked, outline)
    setting = Setting(_cut(tile), moments, tiles)
    with told(quiet or json) as teller:
        requests = [
            request for clip in _clips(asked, teller) for said in words for n in range(seeds)
            for request in [_request(asked, clip, said, seed + n)]
        ]  # fmt: skip
        teller.stage("loading the model")
        from refrain.editing.editor import Editor

        editor: Editor = Editor.from_pretrained(model, device=device)
        report = _measured(editor, requests, setting, teller, (error, order))
    from refrain.cli.outputs import replaced
    from refrain.cli.plot import sheet_of

    replaced(out, report.budgets.text().encode())
    sheet_of(report.measured, report.choice, error, order).save(plotted)
    if json:
        print(_json.dumps(report.facts(), indent=2))
    else:
        _show(report, error)
        say(f"wrote {out} and {plotted}", quiet)


@dataclass(frozen=True)
class Asked:
    """What the options say, before anything is read."""

    error: float
    clips: tuple[Path, ...]
    instructions: tuple[str, ...]
    frames: int
    size: int | None
    steps: int | None


@dataclass(frozen=True, eq=False)
class Report:
    """What came of it."""

    budgets: "Budgets"
    measured: "Measured"
    choice: "Choice"

    def facts(self) -> dict[str, Any]:
        return asdict(self.budgets)


def _check(asked: Asked, moments: int, tiles: int, order: int, seeds: int) -> None:
    if not 0 < asked.error < 1:
        raise BadInput(f"--error must be above 0 and below 1, such as 0.02, not {asked.error}.")
    if asked.frames < 1 or moments < 1 or seeds < 1 or tiles < 0:
        raise BadInput("--frames, --moments and --seeds must be 1 or more, --tiles 0 or more.")
    if order not in (0, 1):
        raise BadInput(f"--order must be 0 or 1, not {order}.")


def _cut(text: str | None) -> "tuple[int, int, int] | None":
    """`3,5,4` -> a box (t, y, x)."""
    from refrain.attention.tiles import checked

    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
        raise BadInput(f"--tile is a box of frames, rows and columns of tokens, such as 3,5,4, not {text}.")
    t, y, x = (int(part) for part in parts)
    checked((t, y, x))
    return t, y, x


def _check_places(out: Path, plot: Path) -> None:
    """Refuse outputs that cannot be written, or that would take away something else."""
    from refrain.attention.budgets import Budgets
    from refrain.cli.outputs import check_free, same

    for path in (out, plot):
        check_free(path)
    if out.suffix != ".json":
        raise BadInput(f"--attention isa:FILE reads a .json; give -o a name that ends so, not {out.name}.")
    if plot.suffix.lower() != ".png":
        raise BadInput(f"The plot is a PNG; give --plot a name that ends in .png, not {plot.name}.")
    if same(out, plot):
        raise BadInput(f"The budgets and the plot cannot both be {out}; give --plot another name.")
    if out.exists():
        try:
            Budgets.read(out)
        except BadInput:
            raise BadInput(
                f"{out} is there and holds no budgets; give -o another name, so that it is not lost."
            ) from None


def _words(asked: Asked, outline: "Outline") -> tuple[str, ...]:
    """What is asked for: as given, or the first two edits that the model's card names."""
    from refrain.editing.request import require_understood

    words = asked.instructions or tuple(wording.split(" (")[0] for wording in outline.card.understands[:2])
    if not words:
        raise BadInput("This model names no edits of its own; say some with -i.")
    for said in words:
        require_understood(said, outline.card, outline.vocabulary)
    return words


def _clips(asked: Asked, teller: Teller) -> "list[Clip]":
    """The first frames of every clip, or rendered scenes of the size that is asked."""
    from refrain.cli.sheet import clip_of

    teller.stage("reading")
    if asked.clips:
        return [clip_of(path, asked.frames) for path in asked.clips]
    from refrain.cli.sample import FPS, from_bytes
    from refrain.data.scenes import render_scene
    from refrain.media import Clip

    side = max(64, asked.size or 240)
    shape = (side, round(side * 4 / 3))
    return [Clip.of(from_bytes(render_scene(9_100_000 + n, asked.frames, shape).frames), FPS) for n in range(RENDERED)]


def _request(asked: Asked, clip: "Clip", said: str, seed: int) -> "Edit":
    from refrain.editing.request import Edit

    return Edit(said, clip, seed=seed, steps=asked.steps, short_side=asked.size)


def _measured(
    editor: "Editor", requests: "list[Edit]", setting: "Setting", teller: Teller, wanted: tuple[float, int]
) -> Report:
    """Run, weigh, choose. wanted: the error, and the order of the Isa that is chosen for."""
    from refrain.attention.budgets import Budgets
    from refrain.editing.calibrate import measure
    from refrain.editing.choose import choose

    listeners = [teller.every(n, len(requests)) for n in range(len(requests))]
    measured = measure(editor, requests, setting, lambda n, progress: listeners[n](progress))
    error, order = wanted
    choice = choose(measured, error, 1 if order else 0)
    layers, heads = measured.error.shape[1:3]
    budgets = Budgets(
        editor.card.name or editor.model, layers, heads, error, choice.budgets, setting.tile, 1 if order else 0,
        choice.neighbours, editor.weights, _told(editor, requests, setting, measured, choice),
    )  # fmt: skip
    return Report(budgets, measured, choice)


def _told(
    editor: "Editor", requests: "list[Edit]", setting: "Setting", measured: "Measured", choice: "Choice"
) -> dict[str, Any]:
    """What was measured, and what was found, as plain values."""
    from refrain.editing.choose import context_mass, curve, duel, sharpness, trust
    from refrain.editing.walk import walk_of
    from refrain.media.fit import model_size

    first, card = requests[0], editor.card
    rows, columns = model_size(first.source.size, first.short_side or card.short_side, card.multiple)
    families = list(dict.fromkeys(way.family for way in measured.ways))
    return {
        "clips": list(dict.fromkeys(_name(request.source) for request in requests)),
        "instructions": list(dict.fromkeys(request.instruction for request in requests)),
        "seeds": sorted({request.seed for request in requests}),
        "edits": len(requests),
        "size": f"{columns}x{rows}",
        "frames": max(len(request.source) for request in requests),
        "steps": walk_of(first, card).steps,
        "noise_times": sorted({round(float(t), 4) for t in measured.times}, reverse=True),
        "samples": len(measured.times),
        "query_tiles": setting.tiles or "all",
        "tokens": {"target": measured.tokens[0], "context": measured.tokens[1]},
        "chosen": {"cost": choice.cost, "error": choice.reached, "errors": _rounded(choice.error)},
        "context_mass": _rounded(context_mass(measured)),
        "against_published": {family: _duel(duel(measured, family)) for family in DUELS},
        "sharpness": sharpness(measured),
        "certificate": trust(measured),
        "curves": {family: [_figures(point) for point in curve(measured, family)] for family in families},
    }


def _figures(point: Any) -> dict[str, float]:
    return {name: _short(value) for name, value in asdict(point).items()}


def _duel(found: Any) -> dict[str, float]:
    return {**_figures(found), "ratio": _short(found.ratio)}


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _rounded(table: Any) -> list[list[float]]:
    return [[_short(float(x)) for x in layer] for layer in table]


def _name(clip: "Clip") -> str:
    return "a rendered scene" if clip.origin is None else Path(clip.origin).name


def _show(report: Report, error: float) -> None:
    console, facts = Console(), report.budgets.measured
    table = Table(
        title=f"error against cost, {facts['edits']} edits at {facts['size']} x {facts['frames']}",
        caption="cost: over dense attention's; error: rms over rms, mean of all heads; low, high: 95 %",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    for head in ("way", "at", "cost", "error", "low", "high", "median"):
        table.add_column(head, justify="left" if head == "way" else "right", no_wrap=True)
    for family, points in facts["curves"].items():
        for point in points:
            if not family.startswith(("isa", "context")) or point["at"] in SHOWN:
                figures = (f"{point[name]:.3f}" for name in ("cost", "error", "low", "high", "median"))
                table.add_row(TITLES[family], f"{point['at']:.3g}", *figures)
    console.print(table)
    console.print(_budget_table(report))
    duels = facts["against_published"]
    was = duels["isa"]
    told = ", ".join(f"{TITLES[family]} {one['isa_rms']:.3f} (× {one['ratio']:.2f})" for family, one in duels.items())
    console.print(
        f"The published preset costs {was['cost']:.2f} of dense attention, at an rms error of "
        f"{was['published_rms']:.3f}; at that cost: {told}.",
        f"The budgets for an error of {error:g} cost {report.choice.cost:.2f} of dense attention; the mean error is "
        f"{report.choice.reached:.4f}.",
        sep="\n", highlight=False, soft_wrap=True,
    )  # fmt: skip


def _budget_table(report: Report) -> Table:
    """keep of every layer and head, with the share of attention that goes to the context."""
    heads = report.budgets.heads
    table = Table(title="keep (attention on the context), layer by layer", box=SIMPLE_HEAD)
    table.add_column("layer", justify="right")
    for head in range(heads):
        table.add_column(f"head {head}", justify="right", no_wrap=True)
    for layer, (keep, mass) in enumerate(zip(report.budgets.keep, report.budgets.measured["context_mass"])):
        table.add_row(str(layer), *(f"{k:.3f} ({m:.2f})" for k, m in zip(keep, mass)))
    return table

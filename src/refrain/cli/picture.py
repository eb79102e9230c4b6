"""`refrain picture`: who sees whom, drawn in the terminal or as a PNG; and how closely."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from refrain.cli.matrix import COLOURS, Cell, Matrix
from refrain.cli.options import Attention, Debug, Device, Model, Picture, Seed
from refrain.cli.progress import say, told
from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.sequence import Sequence

app = typer.Typer(
    no_args_is_help=True, help="Draw the rule, the plan of an edit, or its attention.", rich_markup_mode="rich"
)

SAID = {
    "isolated": "Each clean segment sees itself; a target also sees every clean segment of its past.",
    "block_causal": "Nobody looks ahead, and nobody looks at noise but the noise of the same beat.",
    "full": "Everybody sees everybody, so nothing can be remembered.",
}


@app.command()
def rule(
    name: Annotated[str, typer.Argument(metavar="[isolated|block_causal|full]")] = "isolated",
    out: Picture = None,
    debug: Debug = False,
) -> None:
    """Draw who sees whom by a rule, on a clip that is edited in two windows.

    Examples:

      refrain picture rule

      refrain picture rule block_causal -o rule.png
    """
    from refrain.sequence import RULES, Segment, Sequence, grid

    if name not in RULES:
        raise BadInput(f"There is no rule called {name}; known are {', '.join(RULES)}.")
    kinds = (("source", 0), ("target", 0), ("answer", 1), ("source", 2), ("target", 2))
    row = Sequence([Segment(kind, beat, grid(1, 1, 1)) for kind, beat in kinds])  # pyright: ignore[reportArgumentType]
    _show(matrix_of(row, name, f"rule: {name}", SAID[name]), out)


@app.command()
def plan(
    model: Model = "embedded",
    size: Annotated[int | None, typer.Option(metavar="PIXELS", help="Shorter side at which the model edits.")] = None,
    frames: Annotated[int, typer.Option(metavar="N", help="Frames of the clip.")] = 17,
    wide: Annotated[str, typer.Option(metavar="WxH", help="Shape of the clip.")] = "1280x720",
    window: Annotated[int, typer.Option(metavar="N", help="Which window of the clip.")] = 1,
    out: Picture = None,
    debug: Debug = False,
) -> None:
    """Draw the segments of one window of an edit, as large as they are, and what of them is computed when.

    Examples:

      refrain picture plan

      refrain picture plan --frames 81 --window 2 -o plan.png
    """
    from refrain.cli.options import two_sides
    from refrain.editing.estimate import Job, lay
    from refrain.media.fit import model_size
    from refrain.models.outline import Outline

    outline = Outline.of(model)
    card = outline.card
    fitted = model_size(two_sides(wide), size or card.short_side, card.multiple)
    if frames < 1:
        raise BadInput(f"--frames must be 1 or more, not {frames}.")
    rows = lay(Job(frames, fitted, card.sampling.steps), card, outline.network)
    if not 1 <= window <= len(rows):
        raise BadInput(f"{frames} frames make {len(rows)} windows; --window must be one of them, not {window}.")
    row = rows[window - 1].without_words()
    told = f"{len(row):,} tokens: window {window} of {len(rows)}, {fitted[1]}x{fitted[0]}, {frames} frames"
    _show(matrix_of(row, card.rule, told, SAID[card.rule]), out)


@app.command()
def attention(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="What is edited.")],
    instruction: Annotated[str, typer.Argument(metavar="INSTRUCTION", help='What to change: "make it snow".')],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The PNG.")] = Path("attention.png"),
    attention: Attention = "isa:1/8",
    layer: Annotated[int | None, typer.Option(metavar="N", help="Which block, from 0; the middle one.")] = None,
    head: Annotated[int, typer.Option(metavar="N", help="Which head, from 0.")] = 0,
    time: Annotated[float, typer.Option(metavar="T", help="Noise time, 0 to 1; the nearest step.")] = 0.5,
    query: Annotated[
        int | None, typer.Option(metavar="N", help="The query tile whose keys are shown; the one that errs most.")
    ] = None,
    model: Model = "embedded",
    size: Annotated[int | None, typer.Option(metavar="PIXELS", help="As in refrain edit.")] = None,
    frames: Annotated[int, typer.Option(metavar="N", help="Take only the first N frames of CLIP.")] = 17,
    steps: Annotated[int | None, typer.Option(metavar="N", help="As in refrain edit.")] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    debug: Debug = False,
) -> None:
    """Draw, on the frames of a real edit, which tiles sparse attention looks at exactly, and where it errs.

    Examples:

      refrain picture attention clip.mp4 "make it snow" -o map.png

      refrain picture attention clip.mp4 "make it snow" --attention isa:published --layer 3 --head 1 --time 0.8
    """
    from refrain.cli.options import attention_of
    from refrain.cli.outputs import check_free
    from refrain.cli.picture_attention import Where, draw, look
    from refrain.cli.sheet import clip_of
    from refrain.editing.editor import Editor
    from refrain.editing.request import Edit, require_understood
    from refrain.models.outline import Outline

    check_free(out)
    if not 0 <= time <= 1:
        raise BadInput(f"--time must be a noise time from 0 to 1, not {time}.")
    outline = Outline.of(model)
    require_understood(instruction, outline.card, outline.vocabulary)
    net = outline.network
    spec = attention_of(attention, net.layers, net.heads)
    where = Where(net.layers // 2 if layer is None else layer, head, time, query)
    with told(False) as teller:
        teller.stage("reading")
        source = clip_of(clip, frames)
        request = Edit(instruction, source, seed=seed, steps=steps, short_side=size)
        teller.stage("editing, up to that step")
        shown = look(Editor.from_pretrained(model, device=device), request, spec, where)
        draw(shown, source, f"{attention}, layer {where.layer}, head {head}: {instruction}").save(out)
    print(shown.report.summary())
    say(f"wrote {out}", False)


def matrix_of(row: "Sequence", rule: str, title: str, said: str) -> Matrix:
    """Segments as rows and columns. A cell that clean segments ask for is computed once, unless the rule forbids."""
    from refrain.attention import Plan
    from refrain.sequence import RULES

    sights = Plan.of(row, RULES[rule]).sights
    sees = {(i, j) for sight in sights for i in sight.queries for j in sight.keys}
    clean = [i for i, segment in enumerate(row) if not segment.noisy]
    remembers = not any((i, j) in sees for i in clean for j in range(len(row.segments)) if j not in clean)
    cells = [
        [
            Cell.UNSEEN if (i, j) not in sees else Cell.ONCE if remembers and i in clean else Cell.STEP
            for j in range(len(row.segments))
        ]
        for i in range(len(row.segments))
    ]
    names = tuple((segment.kind, f"{segment.kind} {segment.beat}") for segment in row)
    return Matrix(title, said, names, tuple(len(s) for s in row), cells)


def _show(drawn: Matrix, out: Picture) -> None:
    if out is None:
        Console().print(_table(drawn), Text(drawn.said, style="dim"), sep="\n")
    else:
        from refrain.cli.outputs import check_free

        check_free(out)
        drawn.draw().save(out)


def _table(drawn: Matrix) -> Table:
    """The matrix as text: rows ask, columns are seen."""
    table = Table(title=drawn.title, title_justify="left", caption_justify="left", padding=(0, 1))
    table.caption = "rows ask, columns are seen: ██ at every step, ▒▒ once and remembered, · never"
    table.add_column("")
    for kind, name in drawn.names:
        table.add_column(Text(name, style=_style(kind)), justify="center")
    if len(set(drawn.lengths)) > 1:
        table.add_column("tokens", justify="right", style="dim")
    for (kind, name), length, cells in zip(drawn.names, drawn.lengths, drawn.cells):
        marks = [Text({Cell.STEP: "██", Cell.ONCE: "▒▒", Cell.UNSEEN: "·"}[c], style=_style(kind)) for c in cells]
        more = [f"{length:,}"] if len(set(drawn.lengths)) > 1 else []
        table.add_row(Text(name, style=_style(kind)), *marks, *more)
    return table


def _style(kind: str) -> str:
    return "#{:02x}{:02x}{:02x}".format(*COLOURS[kind])

"""`refrain sheet`: many edits on one picture (rows: edits, columns: clips), or one edit before and after."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refrain.cli.canvas import INK, PALE, Canvas, width_of
from refrain.cli.options import Debug, Device, Model, Quiet, Seed
from refrain.cli.progress import Teller, say, told
from refrain.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from refrain.media import Clip

HEIGHT, GAP, TOP = 144, 4, 34


def sheet(
    sources: Annotated[list[Path] | None, typer.Argument(metavar="[CLIP]...", help="One column each.")] = None,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The PNG.")] = Path("sheet.png"),
    instructions: Annotated[
        list[str] | None,
        typer.Option("-i", "--instruction", metavar="WORDS", help="A row; may come again. All the model knows."),
    ] = None,
    rendered: Annotated[int, typer.Option(metavar="N", help="Also so many rendered scenes.")] = 0,
    before: Annotated[Path | None, typer.Option(metavar="FILE", help="A source, to set beside --after.")] = None,
    after: Annotated[Path | None, typer.Option(metavar="FILE", help="Its edit.")] = None,
    frames: Annotated[int, typer.Option(metavar="N", help="Edit only the first N frames of each clip.")] = 17,
    size: Annotated[int | None, typer.Option(metavar="PIXELS", help="Shorter side at which the model edits.")] = None,
    preserve: Annotated[bool, typer.Option("--preserve/--no-preserve", help="As in refrain edit.")] = True,
    model: Model = "embedded",
    seed: Seed = 0,
    device: Device = "cpu",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw edits on one sheet: for every clip a frame of the source and two of the answer, for every edit a row.

    Examples:

      refrain sheet a.mp4 b.mp4 -o sheet.png

      refrain sheet --rendered 4 -i "make it snow" -i "set it on fire" -o sheet.png

      refrain sheet --before in.mp4 --after out.mp4 -o sheet.png
    """
    from refrain.cli.outputs import check_free
    from refrain.media import Clip

    check_free(out)
    if (before is None) != (after is None):
        raise BadInput("--before and --after go together.")
    with told(quiet) as teller:
        if before is not None and after is not None:
            pair(Clip.read(before), Clip.read(after)).save(out)
        else:
            clips = [*(clip_of(path, frames) for path in sources or ()), *scenes(rendered, seed, frames)]
            if not clips:
                raise BadInput("Give clips, or --rendered 4, or --before and --after.")
            table(clips, Edits(model, tuple(instructions or ()), device, size, seed, preserve), teller).save(out)
    say(f"wrote {out}", quiet)


@dataclass(frozen=True)
class Edits:
    """The rows, and how they are made; no instructions: one of every kind that the model's card names."""

    model: str
    instructions: tuple[str, ...]
    device: str
    size: int | None
    seed: int
    preserve: bool


def clip_of(path: Path, frames: int) -> "Clip":
    """The first frames of a file."""
    from refrain.media import Clip

    if frames < 1:
        raise BadInput(f"--frames must be 1 or more, not {frames}.")
    clip = Clip.read(path)
    return clip.between(0, min(frames, len(clip)))


def scenes(count: int, seed: int, frames: int) -> "Iterator[Clip]":
    """Rendered scenes as clips; their seeds are none of those that a recipe trains on."""
    from refrain.cli.sample import FPS, from_bytes
    from refrain.data.scenes import render_scene
    from refrain.media import Clip

    for n in range(count):
        yield Clip.of(from_bytes(render_scene(9_000_000 + 100 * seed + n, frames, (240, 320)).frames), FPS)


def table(clips: "list[Clip]", edits: Edits, teller: Teller) -> Canvas:
    """Rows of edits, three pictures a clip."""
    from refrain.editing.editor import Editor
    from refrain.editing.request import Edit, require_understood
    from refrain.models.outline import Outline

    outline = Outline.of(edits.model)
    asked = edits.instructions or [wording.split(" (")[0] for wording in outline.card.understands]
    if not asked:
        raise BadInput("This model names no edits of its own; say some with -i.")
    for words in asked:
        require_understood(words, outline.card, outline.vocabulary)
    teller.stage("loading the model")
    editor: Editor = Editor.from_pretrained(edits.model, device=edits.device)
    shots = [thumbs(clip, (len(clip) // 2,)) for clip in clips]
    label = max(width_of(words, 12) for words in asked) + 20
    canvas, places = blank(label, [3 * frames[0].shape[1] + 4 * GAP for frames in shots], len(asked))
    for column, left in enumerate(places):
        canvas.words(name_of(clips[column], column), left + GAP, TOP - 16, 11, PALE)
    for row, words in enumerate(asked):
        y = TOP + row * (HEIGHT + GAP)
        canvas.words(words, 10, y + HEIGHT / 2, 12, INK)
        for column, clip in enumerate(clips):
            number, total = row * len(clips) + column, len(asked) * len(clips)
            request = Edit(words, clip, seed=edits.seed, short_side=edits.size, preserve=edits.preserve)
            answer = editor.edit(request, teller.every(number, total)).clip
            strip(canvas, [*shots[column], *thumbs(answer, (len(clip) // 2, len(clip) - 1))], places[column], y)
    return canvas


def pair(before: "Clip", after: "Clip") -> Canvas:
    """Three moments of a clip above the same three of its edit."""
    length = min(len(before), len(after))
    moments = tuple(sorted({0, length // 2, length - 1}))
    rows = [("before", thumbs(before, moments)), ("after", thumbs(after, moments))]
    width = max(sum(frame.shape[1] + GAP for frame in frames) for _, frames in rows)
    canvas, places = blank(64, [width], 2)
    for n, (name, frames) in enumerate(rows):
        y = TOP + n * (HEIGHT + GAP)
        canvas.words(name, 10, y + HEIGHT / 2, 12, INK)
        strip(canvas, frames, places[0], y)
    return canvas


def blank(label: float, widths: list[int], rows: int) -> tuple[Canvas, list[float]]:
    """An empty sheet with a place for every column."""
    places = [label + sum(widths[:n]) + 10 * n for n in range(len(widths))]
    canvas = Canvas(round(places[-1] + widths[-1] + 10), TOP + rows * (HEIGHT + GAP) + 8)
    return canvas, places


def strip(canvas: Canvas, frames: "list[np.ndarray]", x: float, y: float) -> None:
    """Frames side by side."""
    for frame in frames:
        canvas.picture(frame, round(x) + GAP, y)
        x += frame.shape[1] + GAP


def thumbs(clip: "Clip", numbers: tuple[int, ...]) -> "list[np.ndarray]":
    """Some frames at the height of a row: uint8 [y, x, 3]."""
    rows, columns = clip.size
    width = max(8, round(HEIGHT * columns / rows))
    found: list[np.ndarray] = []
    for n in numbers:
        small = clip.between(n, n + 1).at((HEIGHT, width))[0]
        found.append(((small + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy())
    return found


def name_of(clip: "Clip", number: int) -> str:
    """What a column is called."""
    return f"scene {number + 1}" if clip.origin is None else clip.origin.stem[:28]

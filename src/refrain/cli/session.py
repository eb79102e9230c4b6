"""`refrain session`: edit a clip or a picture turn after turn, and take back whatever was not meant."""

import json as text
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refrain.cli.edit import bound_of
from refrain.cli.options import (
    Attention,
    Debug,
    Device,
    Json,
    Number,
    Picture,
    Quiet,
    Seed,
    attention_of,
    dtype_of,
    effect_of,
)
from refrain.cli.progress import say, told

if TYPE_CHECKING:
    import numpy as np

    from refrain.attention import Spec
    from refrain.editing.editor import Editor
    from refrain.editing.session.session import Session
    from refrain.editing.session.turn import Turn

app = typer.Typer(help="Edit turn after turn: ask, look, take back, go another way.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The session's folder.")]
OwnModel = Annotated[str | None, typer.Option("--model", metavar="NAME", help="The session's own, unless given.")]
DType = Annotated[Number | None, typer.Option(help="float32 on the CPU, bfloat16 elsewhere.")]


@app.command("new")
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")],
    source: Annotated[Path, typer.Argument(metavar="CLIP", help="A video, a GIF or a picture.")],
    model: Annotated[
        str, typer.Option(help="embedded, a folder in diffusers' layout, or a hub id.", metavar="NAME")
    ] = "embedded",
    size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Shorter side at which the model edits, in every turn.")
    ] = None,
    start: Annotated[float | None, typer.Option("--from", metavar="SECONDS", help="Take CLIP from here on.")] = None,
    stop: Annotated[float | None, typer.Option("--to", metavar="SECONDS", help="Take CLIP up to here.")] = None,
    device: Device = "cpu",
    dtype: DType = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Begin a session with a video or a picture. It keeps all that it needs in DIR.

    Examples:

      refrain session new holiday clip.mp4

      refrain session new portrait photo.jpg --size 256
    """
    from refrain.editing.session.session import Session
    from refrain.media import Clip
    from refrain.models.outline import Outline

    with told(quiet) as teller:
        teller.stage("reading")
        clip = Clip.read(source, start, stop)
        for note in clip.notes:
            say(note, quiet)
        Outline.of(model)
        teller.stage("loading the model")
        here = str(Path(model).resolve()) if Path(model).is_dir() else model
        Session.create(folder, clip, _editor(here, None, device, dtype), size, teller.on_progress)
    say(f'began {folder}; now: refrain session ask {folder} "what to change"', quiet)


@app.command("ask")
def ask(
    folder: Folder,
    instruction: Annotated[str, typer.Argument(metavar="WORDS", help='What to change: "make it snow".')],
    at: Annotated[
        int | None, typer.Option(metavar="TURN", help="Edit this turn, not where the session stands.")
    ] = None,
    frame: Annotated[
        int | None, typer.Option(metavar="N", help="Edit this frame alone, as a picture; 0 is the first.")
    ] = None,
    seed: Seed = 0,
    steps: Annotated[int | None, typer.Option(metavar="N", help="More are finer and slower.")] = None,
    guidance: Annotated[float | None, typer.Option(metavar="X", help="How strongly the words count; 1 is off.")] = None,
    reference: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A picture, in the words <1>, <2>; may come again.")
    ] = None,
    carry: Annotated[
        list[int] | None, typer.Option(metavar="TURN", help="A turn that is a picture, after those; may come again.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture or clip of CLIP's size: nothing changes where black.")
    ] = None,
    box: Annotated[
        str | None, typer.Option(metavar="X0,Y0,X1,Y1", help="Nothing changes outside this box of pixels.")
    ] = None,
    effect: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE[:WEIGHT][@X0,Y0,X1,Y1][@2s-4s]", help="A LoRA, as in refrain edit."),
    ] = None,
    any_base: Annotated[bool, typer.Option("--any-base", help="Take LoRAs that were trained on another base.")] = False,
    model: OwnModel = None,
    attention: Attention = "dense",
    offload: Annotated[bool, typer.Option("--offload", help="Keep what is remembered of CLIP on the CPU.")] = False,
    device: Device = "cpu",
    dtype: DType = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Edit the turn that the session stands on, and stand on the answer.

    Examples:

      refrain session ask holiday "make it snow"

      refrain session ask holiday "black and white" --at 0 --box 0,0,200,120
    """
    began = time.monotonic()
    from refrain.editing.compose import require_references
    from refrain.editing.request import check_words, require_understood
    from refrain.editing.session.session import Session
    from refrain.media import Clip
    from refrain.models.outline import Outline

    check_words(instruction)
    with told(quiet or json) as teller:
        teller.stage("reading")
        session = Session.open(folder)
        parent = session.here if at is None else session.turn(at)
        name = model or _model_of(session)
        outline = Outline.of(name)
        if not effect:
            require_understood(instruction, outline.card, outline.vocabulary)
        if reference or carry:
            require_references(outline.card)
        bound = None
        if mask or box:
            clip = parent.clip
            bound = bound_of(clip if frame is None else clip.between(frame, frame + 1), mask, box)
        pictures = tuple(Clip.read(path) for path in reference or ())
        spec = attention_of(attention, outline.network.layers, outline.network.heads)
        teller.stage("loading the model")
        session = Session.open(folder, _editor(name, spec, device, dtype, offload))
        turn = session.ask(
            instruction, parent, teller.on_progress, seed=seed, steps=steps, guidance=guidance, bound=bound,
            references=(*pictures, *(carry or ())), effects=tuple(map(effect_of, effect or ())), any_base=any_base,
            frame=frame,
        )  # fmt: skip
    if json:
        print(text.dumps(turn.record, indent=2, ensure_ascii=False))
    seconds = time.monotonic() - began
    say(f"turn {turn.id} is {turn.folder / turn.record['clip']['file']}, in {seconds:.0f} s", quiet or json)


@app.command("undo")
def undo(folder: Folder, quiet: Quiet = False, debug: Debug = False) -> None:
    """Stand on the turn before. Nothing is deleted: redo leads back.

    Examples:

      refrain session undo holiday
    """
    _stands(_opened(folder).undo(), quiet)


@app.command("redo")
def redo(folder: Folder, quiet: Quiet = False, debug: Debug = False) -> None:
    """Stand again on the turn that was last left from here.

    Examples:

      refrain session redo holiday
    """
    _stands(_opened(folder).redo(), quiet)


@app.command("branch")
def branch(
    folder: Folder,
    turn: Annotated[int, typer.Argument(metavar="TURN", help="Its number in refrain session show; 0 is the source.")],
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Stand on any turn, so that the next one goes another way from there.

    Examples:

      refrain session branch holiday 2
    """
    _stands(_opened(folder).branch(turn), quiet)


@app.command("show")
def show(folder: Folder, out: Picture = None, json: Json = False, debug: Debug = False) -> None:
    """Print the tree of turns, a star where the session stands; with -o draw it, a frame of every turn.

    Examples:

      refrain session show holiday

      refrain session show holiday -o tree.png
    """
    from refrain.cli.outputs import check_free
    from refrain.cli.tree import drawn, lines

    session = _opened(folder)
    if out is not None:
        check_free(out)
        drawn(session.show(), lambda number, height: _thumb(session.turn(number), height)).save(out)
    print(text.dumps(session.show(), indent=2, ensure_ascii=False) if json else "\n".join(lines(session.show())))


@app.command("export")
def export(
    folder: Folder,
    out: Annotated[str, typer.Option("-o", "--out", metavar="OUT", help="A video, a picture, or a folder/ of frames.")],
    turn: Annotated[int | None, typer.Option(metavar="TURN", help="This turn, not where the session stands.")] = None,
    quality: Annotated[float, typer.Option(metavar="N", help="Of H.264: 0 best to 51 smallest.")] = 18,
    lossless: Annotated[bool, typer.Option("--lossless", help="H.264 without loss, in CLIP's own pixels.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a turn with CLIP's times and sound, and beside it, with .json, how it came about from the first turn on.

    Examples:

      refrain session export holiday -o snow.mp4

      refrain session export holiday -o first.mp4 --turn 1
    """
    from refrain.cli.outputs import check_outputs, write_record

    session = _opened(folder)
    found = session.here if turn is None else session.turn(turn)
    check_outputs(out, None, ())
    for note in session.export(found, out, quality, lossless):
        say(note, quiet)
    line = session.line(found)
    asked = [each.words for each in line[1:]]
    weights = line[0].record["editor"]["weights"]
    record = {"instruction": "; then ".join(asked), "weights": weights, "turns": [each.record for each in line]}
    write_record({**record, "output": out}, out)
    say(f"wrote {out}", quiet)


@app.command("replay")
def replay(
    folder: Folder,
    copy: Annotated[Path, typer.Argument(metavar="NEWDIR", help="A folder that is new or empty.")],
    model: OwnModel = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="In place of the seed of every turn.")] = None,
    attention: Attention = "dense",
    device: Device = "cpu",
    dtype: DType = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Ask everything again, in a new folder: of another model, with another seed, or to see that it comes out the same.

    Examples:

      refrain session replay holiday holiday-14b --model ./wan-14b

      refrain session replay holiday other --seed 7
    """
    from refrain.models.outline import Outline

    session = _opened(folder)
    name = model or _model_of(session)
    with told(quiet) as teller:
        outline = Outline.of(name)
        spec = attention_of(attention, outline.network.layers, outline.network.heads)
        teller.stage("loading the model")
        again = session.replay(copy, _editor(name, spec, device, dtype), seed, teller.on_progress)
    say(f"asked everything again in {copy}, which stands at turn {again.here.id}", quiet)


def _opened(folder: Path) -> "Session":
    from refrain.editing.session.session import Session

    return Session.open(folder)


def _editor(
    name: str, spec: "Spec | None", device: str, dtype: Number | None, offload: bool = False
) -> "Editor":  # fmt: skip
    from refrain.attention import Dense
    from refrain.editing.editor import Editor

    return Editor.from_pretrained(name, spec or Dense(), device, dtype_of(dtype), offload)


def _model_of(session: "Session") -> str:
    return session.turns[0].record["editor"]["model"]


def _stands(turn: "Turn", quiet: bool) -> None:
    say(f"at turn {turn.id}: {turn.words}" if turn.id else "at the source", quiet)


def _thumb(turn: "Turn", height: int) -> "np.ndarray":
    """The middle frame of a turn, small: uint8 [y, x, 3]."""
    clip = turn.clip
    rows, columns = clip.size
    middle = len(clip) // 2
    small = clip.between(middle, middle + 1).at((height, max(8, round(height * columns / rows))))[0]
    return ((small + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()

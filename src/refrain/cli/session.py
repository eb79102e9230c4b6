"""`refrain session`: edit a clip or a picture turn after turn, and take back whatever was not meant."""

import json as text
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refrain.cli import session_masks as masks
from refrain.cli.options import (
    AnyBase,
    Attention,
    Box,
    Debug,
    Device,
    DType,
    Guidance,
    Json,
    Mask,
    Offload,
    Picture,
    Quiet,
    Seed,
    Steps,
    attention_of,
    effect_of,
)
from refrain.cli.progress import say, told
from refrain.cli.session_models import able, editor_of, opened, with_model

if TYPE_CHECKING:
    from refrain.editing.session.turn import Turn
    from refrain.media import Clip

app = typer.Typer(help="Edit turn after turn: ask, look, take back, go another way.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The session's folder.")]
OwnModel = Annotated[str | None, typer.Option("--model", metavar="NAME", help="The session's own, unless given.")]
Words = Annotated[str, typer.Argument(metavar="WORDS", help='What to change: "make it snow".')]
At = Annotated[int | None, typer.Option(metavar="TURN", help="Edit this turn, not where the session stands.")]
Frame = Annotated[int | None, typer.Option(metavar="N", help="Edit this frame alone, as a picture; 0 is the first.")]
Anew = Annotated[bool, typer.Option("--anew", help="Go on with another --model: encode what was seen again.")]
References = Annotated[
    list[Path] | None, typer.Option(metavar="FILE", help="A picture that the words name, <1>, <2>; may come again.")
]
Carry = Annotated[
    list[int] | None, typer.Option(metavar="TURN", help="A turn that is a picture, named after those; may come again.")
]
Effects = Annotated[
    list[str] | None, typer.Option(metavar="FILE[:WEIGHT][@X0,Y0,X1,Y1][@2s-4s]", help="A LoRA, as in refrain edit.")
]


@app.command("new")
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")],
    source: Annotated[Path, typer.Argument(metavar="CLIP", help="A video, a GIF or a picture.")],
    model: Annotated[
        str,
        typer.Option(
            help="embedded, embedded-sessions (it knows of turns), a folder in diffusers' layout, or a hub id.",
            metavar="NAME",
        ),
    ] = "embedded",
    size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Shorter side at which the model edits, in every turn.")
    ] = None,
    start: Annotated[float | None, typer.Option("--from", metavar="SECONDS", help="Take CLIP from here on.")] = None,
    stop: Annotated[float | None, typer.Option("--to", metavar="SECONDS", help="Take CLIP up to here.")] = None,
    dummy: Annotated[bool, typer.Option("--dummy", help="Show the model first a turn that changed nothing.")] = False,
    device: Device = "cpu",
    dtype: DType = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Begin a session with a video or a picture. It keeps all that it needs in DIR.

    Examples:

      refrain session new holiday clip.mp4

      refrain session new portrait photo.jpg --size 256

      refrain session new table things.png --model embedded-sessions
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
        Session.create(folder, clip, editor_of(here, None, device, dtype), size, teller.on_progress, dummy)
    say(f'began {folder}; now: refrain session ask {folder} "what to change"', quiet)


@app.command("ask")
def ask(
    folder: Folder,
    instruction: Words,
    at: At = None,
    frame: Frame = None,
    seed: Seed = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    reference: References = None,
    carry: Carry = None,
    mask: Mask = None,
    box: Box = None,
    chain: Annotated[
        bool, typer.Option("--chain", help="Draw masks first: where it changes, then how it will lie.")
    ] = False,
    here: Annotated[Path | None, typer.Option(metavar="MASK", help="Your own mask of where it changes.")] = None,
    within: Annotated[bool, typer.Option("--within", help="Change nothing outside these masks.")] = False,
    story: Annotated[
        bool, typer.Option("--story", help="Draw what comes next, of a clip after --frame N; nothing is put back.")
    ] = False,
    effect: Effects = None,
    any_base: AnyBase = False,
    model: OwnModel = None,
    anew: Anew = False,
    attention: Attention = "dense",
    offload: Offload = False,
    device: Device = "cpu",
    dtype: DType = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Edit the turn that the session stands on, and stand on the answer.

    --reference, --carry, --chain, --here, --within and --story are for models that were taught them; others say so.

    Examples:

      refrain session ask holiday "make it snow"

      refrain session ask holiday "remove the hat" --chain --within

      refrain session ask holiday "paint the boat red" --frame 0

      refrain session ask holiday "paint the boat red" --at 0 --carry 1
    """
    began = time.monotonic()
    with told(quiet or json) as teller:
        teller.stage("reading")
        asked = able(folder, instruction, at, model, bool(effect), bool(reference or carry))
        for note in asked.notes:
            say(note, quiet or json)
        bound, where = (masks.read_for(asked.parent, frame, *one) for one in ((mask, box), (here, None)))
        choices = {
            "seed": seed, "steps": steps, "guidance": guidance, "bound": bound, "frame": frame, "chain": chain,
            "references": (*_clips(reference), *(carry or ())), "effects": tuple(map(effect_of, effect or ())),
            "any_base": any_base, "here": where, "within": within, "story": story,
        }  # fmt: skip
        spec = attention_of(attention, asked.outline.network.layers, asked.outline.network.heads)
        teller.stage("loading the model")
        turn = with_model(folder, asked.model, anew, spec, device, dtype, offload).ask(
            instruction, asked.parent.id, teller.on_progress, **choices
        )
    if json:
        print(text.dumps(turn.record, indent=2, ensure_ascii=False))
    seconds = time.monotonic() - began
    say(f"turn {turn.id} is {turn.folder / turn.record['clip']['file']}, in {seconds:.0f} s", quiet or json)


@app.command("where")
def where(
    folder: Folder,
    instruction: Words,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="MASK", help="A PNG; of a clip, a video.")],
    there: Annotated[Path | None, typer.Option(metavar="MASK", help="Also write how the change will lie.")] = None,
    at: At = None,
    frame: Frame = None,
    seed: Seed = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    model: OwnModel = None,
    anew: Anew = False,
    device: Device = "cpu",
    dtype: DType = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a mask of where the words would change a turn, and ask nothing. Paint it over, and give it to ask --here.

    Examples:

      refrain session where holiday "remove the hat" -o mask.png

      refrain session ask holiday "remove the hat" --here mask.png --within
    """
    from refrain.attention import Dense
    from refrain.cli.outputs import check_free

    for path in (out, there):
        if path is not None:
            check_free(path)
    with told(quiet) as teller:
        teller.stage("reading")
        asked = able(folder, instruction, at, model)
        for note in asked.notes:
            say(note, quiet)
        teller.stage("loading the model")
        found = with_model(folder, asked.model, anew, Dense(), device, dtype).where(
            instruction, asked.parent.id, teller.on_progress, seed=seed, steps=steps, guidance=guidance, frame=frame
        )
        for path, mask in ((out, found.here), (there, found.there)):
            if path is not None:
                masks.write_for(asked.parent, frame, mask, path)
    say(f"wrote {out}", quiet)


@app.command("undo")
def undo(folder: Folder, quiet: Quiet = False, debug: Debug = False) -> None:
    """Stand on the turn before. Nothing is deleted: redo leads back.

    Examples:

      refrain session undo holiday
    """
    _stands(opened(folder).undo(), quiet)


@app.command("redo")
def redo(folder: Folder, quiet: Quiet = False, debug: Debug = False) -> None:
    """Stand again on the turn that was last left from here.

    Examples:

      refrain session redo holiday
    """
    _stands(opened(folder).redo(), quiet)


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
    _stands(opened(folder).branch(turn), quiet)


@app.command("show")
def show(folder: Folder, out: Picture = None, json: Json = False, debug: Debug = False) -> None:
    """Print the tree of turns, a star where the session stands; with -o draw it, a frame of every turn.

    Examples:

      refrain session show holiday

      refrain session show holiday -o tree.png
    """
    from refrain.cli.outputs import check_free
    from refrain.cli.tree import drawn, lines

    session = opened(folder)
    if out is not None:
        check_free(out)
        drawn(session.show(), lambda number, height: masks.thumb(session.turn(number), height)).save(out)
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

    session = opened(folder)
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

    Without --model every turn is asked of the model that answered it.

    Examples:

      refrain session replay holiday holiday-14b --model ./wan-14b

      refrain session replay holiday other --seed 7
    """
    from refrain.models.outline import Outline

    session = opened(folder)
    names = (model,) if model else dict.fromkeys(turn.made_by["model"] for turn in session.turns)
    with told(quiet) as teller:
        networks = {name: Outline.of(name).network for name in names}
        specs = {name: attention_of(attention, one.layers, one.heads) for name, one in networks.items()}
        teller.stage("loading the model")
        first, *others = (editor_of(name, spec, device, dtype) for name, spec in specs.items())
        again = session.replay(copy, first, seed, teller.on_progress, others)
    say(f"asked everything again in {copy}, which stands at turn {again.here.id}", quiet)


def _clips(paths: list[Path] | None) -> "list[Clip]":
    from refrain.media import Clip

    return [Clip.read(path) for path in paths or ()]


def _stands(turn: "Turn", quiet: bool) -> None:
    say(f"at turn {turn.id}: {turn.words}" if turn.id else "at the source", quiet)

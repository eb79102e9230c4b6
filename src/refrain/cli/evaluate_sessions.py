"""`refrain evaluate sessions`: a model edits rendered sessions turn by turn, and an exact judge looks on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refrain.cli.options import Debug, Device, Model, Quiet
from refrain.cli.progress import say, told
from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.data.sessions import RenderedSession
    from refrain.editing.editor import Editor
    from refrain.evaluation.sessions.exam import Begin, Judged, Reply

Turns = Annotated[int, typer.Option("--turns", metavar="N", help="Turns of every session; 5 and 10 are usual.")]
Each = Annotated[int, typer.Option("--each", metavar="N", help="Sessions.")]
Practice = Annotated[
    int | None,
    typer.Option("--practice", metavar="N", help="Others than the exam's, from the N-th on: to choose settings by."),
]
Compositions = Annotated[
    int, typer.Option("--compositions", metavar="N", help="Also pictures composed of two references.")
]
Stories = Annotated[int, typer.Option("--stories", metavar="N", help="Also pictures that are to go on, three times.")]
Truth = Annotated[bool, typer.Option("--truth", help="Judge the true answers instead of a model's.")]
Source = Annotated[bool, typer.Option("--source", help="Judge sources returned as they were.")]
Chain = Annotated[bool, typer.Option("--chain", help="Predict the masks first, and measure them.")]
Within = Annotated[bool, typer.Option("--within", help="With --chain: change nothing outside these masks.")]
Alone = Annotated[bool, typer.Option("--alone", help="Every turn edits the last answer, without history or preserve.")]
Through = Annotated[bool, typer.Option("--through", help="Ask on after a failure, for the figures of the rest.")]
Size = Annotated[int, typer.Option("--size", metavar="PIXELS", help="Side of the frames.")]
Length = Annotated[int, typer.Option("--length", metavar="N", help="Frames; 1 is a picture.")]
Steps = Annotated[int | None, typer.Option(metavar="N", help="More are finer and slower.")]
Guidance = Annotated[float | None, typer.Option(metavar="X", help="How strongly the words count; 1 is off.")]
Kept = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="FILE.jsonl", help="Keep every session; a stopped run goes on."),
]
Show = Annotated[
    Path | None,
    typer.Option("--show", metavar="FOLDER", help="Draw every session that is asked: answers, and the true ones."),
]


def sessions(
    model: Model = "embedded",
    turns: Turns = 5,
    each: Each = 20,
    practice: Practice = None,
    compositions: Compositions = 0,
    stories: Stories = 0,
    size: Size = 128,
    length: Length = 1,
    truth: Truth = False,
    source: Source = False,
    chain: Chain = False,
    within: Within = False,
    alone: Alone = False,
    through: Through = False,
    out: Kept = None,
    show: Show = None,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    device: Device = "cpu",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Rendered sessions of several turns: was each turn done, was the rest left alone, how far does a model get?

    Prints a table in Markdown under the digest of its questions. A session ends at its first failure; success at a turn
    is that of all turns so far, and `way` is how much of the change was made: 1 all, 0 none. Compositions and stories
    are asked besides, each with a table line of its own; with --each 0 nothing else is.

    Examples:

      refrain evaluate sessions --each 50 -o run.jsonl

      refrain evaluate sessions --turns 10 --chain --each 20

      refrain evaluate sessions --practice 500 --each 24 --turns 4 --through --guidance 1.2

      refrain evaluate sessions --truth --each 10 --show sheets

      refrain evaluate sessions --model runs/sessions/model --each 0 --compositions 20 --stories 20
    """
    from refrain.evaluation.sessions import exam

    way = Way(truth, source, alone, chain, within)
    _check(way, turns, each, practice, (compositions, stories))
    _make(show, each)
    frames = (size, size)
    first = exam.FIRST if practice is None else exam.practice(practice, each)
    choices = {"seed": seed, "steps": steps, "guidance": guidance}
    choices |= {name: True for name, yes in (("chain", chain), ("within", within)) if yes}
    who = "truth" if truth else "source" if source else model
    answers: list[list[Judged]] = []
    with _answering(who, device) as editor, told(quiet) as teller:
        weights = editor.weights if editor else ""
        cause = {"who": who, "weights": weights}
        if each:
            asked = each, turns, frames, length, first
            named = exam.digest(exam.sessions(*asked))
            paper = f"exam {exam.EDITION}" if practice is None else f"practice {exam.EDITION} from {practice}"
            print(f"{paper}, {each} sessions of {turns} turns, {size} pixels, digest {named}\n")
            cause |= {"digest": named, "through": through, "alone": alone, **choices}
            before = _before(out, cause)
            with _begun(who, editor, alone, choices) as begin:
                for n, one in enumerate(exam.sessions(*asked)):
                    teller.stage("sessions", n, each)
                    found = before.get(one.seed)
                    if found is None:
                        found = _sat(begin, one, through, show)
                        _keep(out, one.seed, found, cause)
                    answers.append(found)
            print(exam.report(answers, turns))
        if compositions or stories:
            from refrain.cli.evaluate_parts import parts

            print(parts(who, editor, (compositions, stories), frames, choices, out, teller))
    say(f"sessions kept in {out}", quiet or out is None)


@dataclass(frozen=True)
class Way:
    """Who answers, and how it is asked."""

    truth: bool
    source: bool
    alone: bool
    chain: bool
    within: bool


def _check(way: Way, turns: int, each: int, practice: int | None, parts: tuple[int, int]) -> None:
    if turns < 1 or each < 0 or min(parts) < 0:
        raise BadInput(f"--turns must be 1 or more, and counts 0 or more, not {turns}, {each}, {parts[0]}, {parts[1]}.")
    if not each and not any(parts):
        raise BadInput("Nothing is asked; give --each, --compositions or --stories of 1 or more.")
    if practice is not None and (any(parts) or not each):
        raise BadInput("--practice is of sessions; leave out --compositions and --stories, and --each 0.")
    if way.truth + way.source + way.alone > 1:
        raise BadInput("--truth, --source and --alone exclude one another; give one of them.")
    if way.chain and (way.truth or way.source or way.alone):
        raise BadInput("--chain asks a model in a session; leave out --truth, --source and --alone.")
    if way.within and not way.chain:
        raise BadInput("--within needs masks; give --chain too.")
    if way.alone and any(parts):
        raise BadInput("Compositions and stories are asked in sessions; leave out --alone.")


def _make(show: Path | None, each: int) -> None:
    """The folder of the sheets, if any are to be drawn."""
    if show is None:
        return
    if not each:
        raise BadInput("--show draws sessions, and with --each 0 there are none.")
    if show.is_file():
        raise BadInput(f"{show} is a file; --show wants a folder.")
    show.mkdir(parents=True, exist_ok=True)


def _sat(begin: "Begin", session: "RenderedSession", through: bool, show: Path | None) -> "list[Judged]":
    """One session, asked and judged; drawn where sheets are wanted."""
    from refrain.cli.session_sheet import drawn, watched
    from refrain.evaluation.sessions import exam

    replies: list[Reply] = []
    found = exam.sit(watched(begin, replies), session, through)
    if show is not None:
        drawn(session, replies, found).save(show / f"{session.seed}.png")
    return found


@contextmanager
def _answering(who: str, device: str) -> "Iterator[Editor | None]":
    """The model that answers; None where the truth or the source does."""
    if who in ("truth", "source"):
        yield None
        return
    from refrain.editing.editor import Editor

    yield Editor.from_pretrained(who, device=device)


@contextmanager
def _begun(who: str, editor: "Editor | None", alone: bool, choices: dict[str, Any]) -> "Iterator[Begin]":
    """What answers sessions; those of a model lie in a folder that goes in the end."""
    from refrain.evaluation.sessions import exam

    if editor is None:
        yield exam.truth if who == "truth" else exam.unchanged
        return
    with TemporaryDirectory(prefix="refrain-sessions-") as folder:
        yield exam.alone(editor, choices) if alone else exam.in_session(editor, Path(folder), choices)


def _before(out: Path | None, cause: dict[str, Any]) -> "dict[int, list[Judged]]":
    """The sessions that a run which stopped has kept. Raises BadInput for those of another cause."""
    from refrain.evaluation.sessions.exam import Judged

    held = [one for one in kept(out) if "turns" in one]
    if any(one["cause"] != cause for one in held):
        raise BadInput(f"{out} holds answers of another model, exam or setting; give another file.")
    return {one["seed"]: [Judged(**turn) for turn in one["turns"]] for one in held}


def kept(out: Path | None) -> list[dict[str, Any]]:
    """All that a file of answers holds; nothing where there is none."""
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out and out.is_file() else []


def _keep(out: Path | None, seed: int, turns: "list[Judged]", cause: dict[str, Any]) -> None:
    if out is None:
        return
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"seed": seed, "turns": [asdict(one) for one in turns], "cause": cause}) + "\n")

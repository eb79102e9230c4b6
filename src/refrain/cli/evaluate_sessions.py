"""`refrain evaluate sessions`: a model edits rendered sessions turn by turn, and an exact judge looks on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refrain.cli.options import Debug, Device, Model, Quiet
from refrain.cli.progress import say, told
from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.evaluation.sessions import Begin, Judged

Turns = Annotated[int, typer.Option("--turns", metavar="N", help="Turns of every session; 5 and 10 are usual.")]
Each = Annotated[int, typer.Option("--each", metavar="N", help="Sessions.")]
Truth = Annotated[bool, typer.Option("--truth", help="Judge the true answers instead of a model's.")]
Source = Annotated[bool, typer.Option("--source", help="Judge sources returned as they were.")]
Chain = Annotated[bool, typer.Option("--chain", help="Predict the masks first, and measure them.")]
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


def sessions(
    model: Model = "embedded",
    turns: Turns = 5,
    each: Each = 20,
    size: Size = 128,
    length: Length = 1,
    truth: Truth = False,
    source: Source = False,
    chain: Chain = False,
    alone: Alone = False,
    through: Through = False,
    out: Kept = None,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    device: Device = "cpu",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Rendered sessions of several turns: was each turn done, was the rest left alone, how far does a model get?

    Prints a table in Markdown under the digest of its questions. A session ends at its first failure; success at a turn
    is that of all turns so far.

    Examples:

      refrain evaluate sessions --each 50 -o run.jsonl

      refrain evaluate sessions --turns 10 --chain --each 20

      refrain evaluate sessions --truth --each 10
    """
    from refrain.evaluation import sessions as exam

    _check(turns, each, truth + source + alone, chain and (truth or source or alone))
    frames = (size, size)
    named = exam.digest(exam.sessions(each, turns, frames, length))
    print(f"exam {exam.EDITION}, {each} sessions of {turns} turns, {size} pixels, digest {named}\n")
    choices = {"seed": seed, "steps": steps, "guidance": guidance}
    choices |= {"chain": True} if chain else {}
    who = "truth" if truth else "source" if source else model
    asked = {"digest": named, "through": through, "alone": alone, **choices}
    answers: list[list[Judged]] = []
    with _begun(who, device, alone, choices) as (begin, weights), told(quiet) as teller:
        cause = {"who": who, "weights": weights, **asked}
        before = _before(out, cause)
        for n, one in enumerate(exam.sessions(each, turns, frames, length)):
            teller.stage("sessions", n, each)
            found = before.get(one.seed)
            if found is None:
                found = exam.sit(begin, one, through)
                _keep(out, one.seed, found, cause)
            answers.append(found)
    print(exam.report(answers, turns))
    say(f"sessions kept in {out}", quiet or out is None)


def _check(turns: int, each: int, ways: int, chain: bool) -> None:
    if turns < 1 or each < 1:
        raise BadInput(f"--turns and --each must be 1 or more, not {turns} and {each}.")
    if ways > 1:
        raise BadInput("--truth, --source and --alone exclude one another; give one of them.")
    if chain:
        raise BadInput("--chain asks a model in a session; leave out --truth, --source and --alone.")


@contextmanager
def _begun(who: str, device: str, alone: bool, choices: dict[str, Any]) -> "Iterator[tuple[Begin, str]]":
    """Who answers, and the hash of its weights; sessions lie in a folder that goes in the end."""
    from refrain.evaluation import sessions as exam

    if who in ("truth", "source"):
        yield (exam.truth if who == "truth" else exam.unchanged), ""
        return
    from refrain.editing.editor import Editor

    editor = Editor.from_pretrained(who, device=device)
    with TemporaryDirectory(prefix="refrain-sessions-") as folder:
        yield exam.alone(editor, choices) if alone else exam.in_session(editor, Path(folder), choices), editor.weights


def _before(out: Path | None, cause: dict[str, Any]) -> "dict[int, list[Judged]]":
    """The sessions that a run which stopped has kept. Raises BadInput for those of another cause."""
    from refrain.evaluation.sessions import Judged

    held = [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out and out.is_file() else []
    if any(one["cause"] != cause for one in held):
        raise BadInput(f"{out} holds answers of another model, exam or setting; give another file.")
    return {one["seed"]: [Judged(**turn) for turn in one["turns"]] for one in held}


def _keep(out: Path | None, seed: int, turns: "list[Judged]", cause: dict[str, Any]) -> None:
    if out is None:
        return
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"seed": seed, "turns": [asdict(one) for one in turns], "cause": cause}) + "\n")

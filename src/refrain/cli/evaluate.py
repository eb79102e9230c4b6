"""`refrain evaluate`: a model sits an exam whose true answers are known."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from refrain.cli.effects import known
from refrain.cli.options import Debug, Model, Quiet
from refrain.cli.progress import say, told
from refrain.errors import BadInput

app = typer.Typer(help="Sit an exam whose true answers are known, or judge clips that exist.", no_args_is_help=True)


Each = Annotated[int, typer.Option("--each", metavar="N", help="Cases of every effect.")]
Only = Annotated[list[str] | None, typer.Option("--effect", metavar="NAME", help="This effect only; again for more.")]
Truth = Annotated[bool, typer.Option("--truth", help="Judge the true targets and the bare sources instead.")]
Kept = Annotated[
    str | None,
    typer.Option("-o", "--out", metavar="FILE.jsonl", help="Keep every answer; a stopped run goes on."),
]


@app.command("effects")
def effects(
    model: Model = "embedded",
    each: Each = 4,
    only: Only = None,
    truth: Truth = False,
    out: Kept = None,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Rendered effects on held-out scenes: is the effect recognised, is the rest left alone, does it flicker?

    Prints a table in Markdown, under the digest of its questions. With --truth it tells what the classifier that judges
    makes of the true targets, and of sources returned as they were.

    Examples:

      refrain evaluate effects --each 2 -o run.jsonl

      refrain evaluate effects --truth --each 4
    """
    from refrain.data.effects import EFFECTS
    from refrain.evaluation import exam
    from refrain.evaluation.recogniser import Recogniser

    if each < 1:
        raise BadInput(f"--each must be 1 or more, not {each}.")
    names = sorted([known(name) for name in only] if only else EFFECTS)
    judge, questions = Recogniser.load(), list(exam.cases(each, names))
    print(f"exam {exam.EDITION}, {len(questions)} cases, digest {exam.digest(questions)}\n")
    if truth:
        right = sum(judge.name(one.shot.frames, one.example.target) == one.effect for one in questions)
        same = sum(judge.name(one.shot.frames, one.shot.frames) == one.effect for one in questions)
        print(
            f"true targets recognised: {right} of {len(questions)}\nbare sources recognised: {same} of {len(questions)}"
        )
        return
    _sit(model, questions, judge, Path(out) if out else None, seed, quiet)


def _sit(model: str, questions: list, judge: object, out: Path | None, seed: int, quiet: bool) -> None:
    """Ask everything that was not answered before; keep every answer as it comes."""
    from refrain.editing.editor import Editor
    from refrain.evaluation.sit import Answer, answer, report

    editor = Editor.from_pretrained(model)
    cause = {"weights": editor.weights, "seed": seed}
    held = [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out and out.is_file() else []
    if any({key: one[key] for key in cause} != cause for one in held):
        raise BadInput(f"{out} holds answers of other weights or another seed; give another file.")
    before = {one["number"]: Answer(**{k: v for k, v in one.items() if k not in cause}) for one in held}
    answers = []
    with told(quiet) as teller:
        for n, one in enumerate(questions):
            teller.stage(one.effect, n, len(questions))
            found = before.get(one.number) or answer(editor, one, judge, seed)
            answers.append(found)
            if out and one.number not in before:
                with out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**asdict(found), **cause}) + "\n")
    print(report(answers))
    say(f"answers kept in {out}", quiet or out is None)

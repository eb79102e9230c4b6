"""`refrain evaluate`: a model sits an exam whose true answers are known."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refrain.cli.effects import known
from refrain.cli.evaluate_bench import ANY, Benches, bench
from refrain.cli.evaluate_sessions import sessions
from refrain.cli.options import Debug, Model, Quiet, effect_of
from refrain.cli.progress import say, told
from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.editing.editor import Editor
    from refrain.editing.request import EffectUse
    from refrain.evaluation.effects.recogniser import Recogniser
    from refrain.evaluation.effects.sit import Answer

app = typer.Typer(
    cls=Benches, no_args_is_help=True,
    help="Answer a published benchmark, or sit an exam whose true answers are known.",
)  # fmt: skip
app.command(ANY)(bench)
app.command("sessions")(sessions)

Each = Annotated[int, typer.Option("--each", metavar="N", help="Cases of every effect.")]
Only = Annotated[list[str] | None, typer.Option("--effect", metavar="NAME", help="This effect only; again for more.")]
Loras = Annotated[
    list[str] | None,
    typer.Option("--lora", metavar="NAME|FILE[:WEIGHT]", help="An Effect-LoRA that every edit wears; again for more."),
]
Truth = Annotated[bool, typer.Option("--truth", help="Judge the true targets and the bare sources instead.")]
Short = Annotated[
    bool,
    typer.Option("--short", help="The first 17 frames of each, at 160 pixels and in bfloat16: a quarter of the time."),
]
Write = Annotated[
    Path | None,
    typer.Option("--write", metavar="FOLDER", help="Write the questions and true answers there, for any system."),
]
Kept = Annotated[
    str | None,
    typer.Option("-o", "--out", metavar="FILE.jsonl", help="Keep every answer; a stopped run goes on."),
]


Clips = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[CLIP]...", help="Clips of your own instead of rendered scenes: only recognition is told."),
]


@app.command("effects")
def effects(
    clips: Clips = None,
    model: Model = "embedded",
    each: Each = 4,
    only: Only = None,
    lora: Loras = None,
    truth: Truth = False,
    write: Write = None,
    short: Short = False,
    out: Kept = None,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Rendered effects on held-out scenes: is the effect recognised, is the rest left alone, does it flicker?

    Prints a table in Markdown, under the digest of its questions. With --truth it tells what the classifier that judges
    makes of the true targets, and of sources returned as they were. With --write nothing is asked: FOLDER becomes the
    benchmark `rendered`, which `refrain evaluate rendered` and `refrain score rendered` take.

    Examples:

      refrain evaluate effects --each 2 -o run.jsonl

      refrain evaluate effects --truth --each 4

      refrain evaluate effects --short --each 1

      refrain evaluate effects a.mp4 b.mp4 --effect snow --effect rings

      refrain evaluate effects --effect dragon --lora dragon.safetensors

      refrain evaluate effects --write rendered --short --each 1
    """
    from refrain.data.effects import EFFECTS
    from refrain.evaluation.effects import exam
    from refrain.evaluation.effects.recogniser import Recogniser
    from refrain.evaluation.effects.sit import answer

    if each < 1:
        raise BadInput(f"--each must be 1 or more, not {each}.")
    names = sorted([known(name) for name in only] if only else EFFECTS if truth or write else _understood(model, quiet))
    judge, worn = Recogniser.load(), tuple(map(effect_of, lora or ()))
    kept = Path(out) if out else None
    if clips:
        if write or truth:
            raise BadInput("Nobody knows the true answers of clips of your own; leave out --write and --truth.")
        _sit(Sitting(model, worn, seed, short), _asked(clips, names, short), judge, kept, quiet)
        return
    problems = list(exam.problems(each, names, short))
    print(f"exam {exam.EDITION}, {len(problems)} cases, digest {exam.digest(problems)}\n")
    if write:
        from refrain.evaluation.effects import written

        written.write(problems, write)
        say(f"wrote {write}; its sources alone answer as who changes nothing: {write / 'source'}", quiet)
        return
    if truth:
        right = sum(judge.name(one.shot.frames, one.example.target) == one.effect for one in problems)
        same = sum(judge.name(one.shot.frames, one.shot.frames) == one.effect for one in problems)
        print(
            f"true targets recognised: {right} of {len(problems)}\nbare sources recognised: {same} of {len(problems)}"
        )
        return
    asked = [Question(one.number, one.effect, lambda *to, one=one: answer(to[0], one, *to[1:])) for one in problems]
    _sit(Sitting(model, worn, seed, short), asked, judge, kept, quiet)


def _understood(model: str, quiet: bool) -> list[str]:
    """The effects that a model says it knows."""
    from refrain.data.effects import EFFECTS
    from refrain.editing.request import understood
    from refrain.models.outline import Outline

    outline = Outline.of(model)
    names = [n for n, one in EFFECTS.items() if understood(one.wording.known, outline.card, outline.vocabulary)]
    left = ", ".join(sorted(set(EFFECTS) - set(names)))
    say(f"not asked, since the model does not know them: {left}", quiet or not left)
    return names


def _asked(clips: list[Path], names: list[str], short: bool) -> "list[Question]":
    """Every effect on every clip: its first frames, at the size of the exam."""
    from refrain.evaluation.effects import exam
    from refrain.evaluation.effects.sit import answer_clip
    from refrain.media import Clip
    from refrain.media.fit import model_size

    questions: list[Question] = []
    for place, path in enumerate(clips):
        whole = Clip.read(path)
        length, side = (exam.SHORT_LENGTH, exam.SHORT_SIDE) if short else (exam.LENGTH, min(exam.SIZES[0]))
        begun = whole.between(0, min(length, len(whole)))
        clip = Clip.of(begun.at(model_size(begun.size, side, 32)), begun.fps)
        for name in names:
            number = place * 1000 + names.index(name)
            questions.append(
                Question(number, name, lambda *to, c=clip, e=name, n=number: answer_clip(to[0], c, e, n, *to[1:]))
            )
    return questions


@dataclass(frozen=True)
class Question:
    """One edit to make: what it is called, and what answers it for (editor, judge, seed, LoRAs)."""

    number: int
    effect: str
    answered: "Callable[[Editor, Recogniser, int, tuple[EffectUse, ...]], Answer]"


@dataclass(frozen=True)
class Sitting:
    """Who sits the exam: a model, the LoRAs that it wears, the seed of its noise, and whether it is the short one."""

    model: str
    loras: "tuple[EffectUse, ...]"
    seed: int
    short: bool


def _sit(who: Sitting, questions: list[Question], judge: "Recogniser", out: Path | None, quiet: bool) -> None:
    """Ask everything that was not answered before; keep every answer as it comes."""
    import torch

    from refrain.editing.editor import Editor
    from refrain.evaluation.effects.sit import Answer, report
    from refrain.models.lora import read

    editor = Editor.from_pretrained(who.model, dtype=torch.bfloat16 if who.short else None)
    loras = [f"{read(use.path).hash}:{use.weight:g}" for use in who.loras]
    cause = {"weights": editor.weights, "seed": who.seed, "loras": loras, "short": who.short}
    held = [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out and out.is_file() else []
    if any({"loras": [], "short": False, **{key: one[key] for key in cause if key in one}} != cause for one in held):
        raise BadInput(f"{out} holds answers of other weights, other LoRAs, another seed or length; give another file.")
    before = {one["number"]: Answer(**{k: v for k, v in one.items() if k not in cause}) for one in held}
    answers: list[Answer] = []
    with told(quiet) as teller:
        for n, one in enumerate(questions):
            teller.stage(one.effect, n, len(questions))
            found = before.get(one.number) or one.answered(editor, judge, who.seed, who.loras)
            answers.append(found)
            if out and one.number not in before:
                with out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**asdict(found), **cause}) + "\n")
    print(report(answers))
    say(f"answers kept in {out}", quiet or out is None)

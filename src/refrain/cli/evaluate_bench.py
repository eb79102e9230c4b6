"""`refrain evaluate BENCH`: a model answers a published benchmark, and what it answered is scored."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from refrain.cli.measures import Asked, Judge, JudgeKey, JudgeModel, Repeats, Transcript, Weights
from refrain.cli.options import Attention, Debug, Device, Model, Quiet, Seed, attention_of
from refrain.cli.progress import Teller, say, told
from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.evaluation.case import Benchmark, Case, Protocol
    from refrain.evaluation.record import Run
    from refrain.evaluation.run import Result
    from refrain.evaluation.scorers.scorer import Scorer

ANY = "BENCH"  # what the verb is called in the help; a benchmark's id stands in its place
SHOWN = 20  # missing answers that are listed

File = Annotated[Path, typer.Argument(metavar="FILE", help="The benchmark's own file, or the folder that it wants.")]
Scorers = Annotated[
    str, typer.Option(metavar="A,B,...", help="free: all that need no weights; or the names of scorers.")
]
Kind = Annotated[str, typer.Option("--protocol", metavar="NAME", help="strict: as defined; compat: as published.")]
Limit = Annotated[int | None, typer.Option(metavar="N", help="Only the first N cases.")]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", help="Processes that score; one a core unless given.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 where an answer is missing.")]


class Benches(TyperGroup):
    """Verbs by their names; every other word is taken for the id of a benchmark."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or super().get_command(ctx, ANY)


def bench(
    ctx: typer.Context,
    file: File,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="RUN", help="The folder of the run.")],
    model: Model = "embedded",
    attention: Attention = "dense",
    limit: Limit = None,
    scorers: Scorers = "free",
    weights: Weights = None,
    judge: Judge = None,
    judge_model: JudgeModel = None,
    judge_key: JudgeKey = None,
    judge_repeats: Repeats = 1,
    transcript: Transcript = None,
    protocol: Kind = "strict",
    seed: Seed = 0,
    steps: Annotated[int | None, typer.Option(metavar="N", help="More are finer and slower.")] = None,
    guidance: Annotated[float | None, typer.Option(metavar="X", help="How strongly the words count; 1 is off.")] = None,
    size: Annotated[int | None, typer.Option(metavar="PIXELS", help="Shorter side at which the model edits.")] = None,
    device: Device = "cpu",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")] = False,
    workers: Workers = None,
    strict: Strict = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Answer a published benchmark with a model, and score the answers.

    BENCH is editverse, ivebench, viebench, msebench, magicbrush, openve, fivebench, imgedit, gedit, loveu, vbench,
    iceffect or rendered; docs/evaluation.md says how to obtain each. RUN keeps the answers in the benchmark's own
    layout, the scores, and how all came about. A case that the model refuses is kept with its reason. A stopped run
    goes on with --resume.

    Examples:

      refrain evaluate imgedit ImgEdit/basic_edit.json -o runs/imgedit --limit 20

      refrain evaluate loveu loveu-tgve-2023 -o runs/loveu --resume

      refrain evaluate msebench MSE-Bench/sessions.json -o runs/mse --attention isa:1/8 --scorers psnr.source,noop
    """
    from refrain.evaluation.generate import Manner, generate
    from refrain.evaluation.record import benchmark_of, cause, entered
    from refrain.models.outline import Outline

    check_workers(workers)
    benchmark, kind = benchmark_of(ctx.info_name or ""), protocol_of(protocol)
    cases, by = cases_of(benchmark, file, limit), chosen_of(scorers, kind)
    measures = Asked(judge, judge_model, judge_key, judge_repeats, transcript, weights or ())
    by = (*by, *measures.scorers(benchmark.id, kind, device))
    outline = Outline.of(model)
    spec = attention_of(attention, outline.network.layers, outline.network.heads)
    manner = Manner(seed, steps, guidance, size)
    with told(quiet) as teller:
        teller.stage("loading the model")
        from refrain.editing.editor import Editor

        editor = Editor.from_pretrained(model, spec, device)
        system = Path(model).name + ("" if attention == "dense" else f", {attention}")
        asked = {"attention": attention, "device": device, **manner.told()}
        why = cause(benchmark, file, cases, kind, system, made=editor.cause(), arguments=asked)
        with entered(out, why, cases, resume) as run:
            for _ in generate(run, editor, manner, lambda n, *_: teller.every(n, len(cases))):
                pass
            results = scored(run, by, teller, workers)
    tell(run, results, strict, quiet)


def protocol_of(name: str) -> "Protocol":
    """`strict` or `compat`. Raises BadInput."""
    if name not in ("strict", "compat"):
        raise BadInput(f"--protocol is strict or compat, not {name}.")
    return name


def cases_of(benchmark: "Benchmark", file: Path, limit: int | None) -> "tuple[Case, ...]":
    """The first `limit` cases of a benchmark's file, or all. Raises BadInput."""
    if limit is not None and limit < 1:
        raise BadInput(f"--limit must be 1 or more, not {limit}.")
    if not file.exists():
        raise BadInput(f"{file} is not there; {benchmark.title} is obtained thus: {benchmark.obtain}.")
    return benchmark.read(file)[:limit]


def chosen_of(names: str, protocol: "Protocol") -> "tuple[Scorer, ...]":
    """The scorers that a list of names asks for. Raises BadInput."""
    from refrain.evaluation.scorers.chosen import chosen

    return chosen([name.strip() for name in names.split(",")], protocol)


def scored(run: "Run", scorers: "tuple[Scorer, ...]", teller: Teller, workers: int | None) -> "list[Result]":
    """Score a run, with a bar."""
    from refrain.evaluation.scoring import score_run

    total = len(run.cases)
    return score_run(run, scorers, lambda n, case: teller.stage("scoring", n, total, case.id), workers or cores())


def check_workers(workers: int | None) -> None:
    """Raise BadInput for fewer than one."""
    if workers is not None and workers < 1:
        raise BadInput(f"--workers must be 1 or more, not {workers}.")


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tell(run: "Run", results: "list[Result]", strict: bool, quiet: bool) -> None:
    """The table, then what is missing; leaves with 1 where something is and `strict` is said."""
    from refrain.evaluation.scoring import missing
    from refrain.evaluation.told.tables import short, summary_table

    print(summary_table(run, results))
    absent = missing(run)
    if absent:
        turns = sum(len(case.instructions) for case in run.cases)
        print(f"\n{len(absent)} of {turns} answers are missing:\n")
        for name, why in list(absent.items())[:SHOWN]:
            print(f"- {name}" + (f": {short(why)}" if why else ""))
        if len(absent) > SHOWN:
            print(f"- and {len(absent) - SHOWN} more")
    say(f"kept in {run.folder}", quiet)
    if absent and strict:
        raise typer.Exit(1)

"""`refrain score`: answers that were made elsewhere are scored, in the benchmark's own layout."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refrain.cli.evaluate_bench import (
    File,
    Kind,
    Limit,
    Scorers,
    Strict,
    Workers,
    cases_of,
    check_workers,
    chosen_of,
    protocol_of,
    scored,
    tell,
)
from refrain.cli.measures import Asked, Judge, JudgeKey, JudgeModel, Repeats, Transcript, Weights
from refrain.cli.options import Debug, Quiet
from refrain.cli.progress import told
from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.evaluation.case import Case


def score(
    bench: Annotated[str, typer.Argument(metavar="BENCH", help="The id of the benchmark, such as imgedit.")],
    file: File,
    outputs: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUTS", help="The folder of the answers, laid out as wanted; of vbench, VBench's own results."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="RUN", help="Keep the scores in this folder; it may be there.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What tables call the system; the folder's name unless given.")
    ] = None,
    limit: Limit = None,
    scorers: Scorers = "free",
    weights: Weights = None,
    judge: Judge = None,
    judge_model: JudgeModel = None,
    judge_key: JudgeKey = None,
    judge_repeats: Repeats = 1,
    transcript: Transcript = None,
    protocol: Kind = "strict",
    workers: Workers = None,
    strict: Strict = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score the answers of any system to a published benchmark.

    The answers lie in OUTPUTS as the benchmark's own scorer wants them. What is missing or broken is listed, and is no
    score, never zero. With -o the scores are kept: a second run scores only what has changed. VBench's own results, one
    JSON file, are put together as its leaderboard does.

    Examples:

      refrain score imgedit ImgEdit/basic_edit.json outputs/kontext

      refrain score editverse EditVerseBench/test.json EditVerse_Comparison_Results/Lucy -o runs/lucy --name Lucy

      refrain score fivebench FiVE outputs --protocol compat --strict --weights lpips=lpips_squeeze.safetensors

      refrain score vbench VBench_full_info.json evaluation_results/mine_eval_results.json

      refrain score msebench sessions.json outputs --judge https://host/v1 --judge-model gpt-4o --transcript judge.jsonl
    """
    from refrain.evaluation.record import benchmark_of, cause, entered

    check_workers(workers)
    benchmark, kind = benchmark_of(bench), protocol_of(protocol)
    cases, by = cases_of(benchmark, file, limit), chosen_of(scorers, kind)
    if benchmark.id == "vbench":
        _vbench(cases, outputs, out)
        return
    asked = Asked(judge, judge_model, judge_key, judge_repeats, transcript, weights or ())
    by = (*by, *asked.scorers(benchmark.id, kind))
    if not outputs.is_dir():
        raise BadInput(f"{outputs} is no folder; give the one that holds the answers to {benchmark.title}.")
    place = str(outputs.absolute())
    why = cause(benchmark, file, cases, kind, name or outputs.absolute().name, place)
    with tempfile.TemporaryDirectory() as aside, told(quiet) as teller:
        with entered(out or Path(aside) / "run", why, cases, None) as run:
            results = scored(run, by, teller, workers)
        tell(run, results, strict, quiet or out is None)


def _vbench(cases: Sequence["Case"], results: Path, out: Path | None) -> None:
    """Prints what VBench's leaderboard would make of its own results; its prompts have no source to score against."""
    from refrain.evaluation.told.tables import totals_table
    from refrain.evaluation.told.vbench import vbench_totals

    if out:
        raise BadInput("VBench's own results make a table and no run; leave out --out.")
    print(totals_table("VBench", "vbench", vbench_totals(results, cases)))

"""`refrain compare`: runs against each other, case by case."""

from itertools import combinations
from pathlib import Path
from typing import Annotated

import typer

from refrain.cli.measures import Asked, Judge, JudgeKey, JudgeModel, Transcript
from refrain.cli.options import Debug, Quiet
from refrain.cli.progress import told


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs of the same cases.")],
    judge: Judge = None,
    judge_model: JudgeModel = None,
    judge_key: JudgeKey = None,
    transcript: Transcript = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare two runs or more on the cases that both of two have scored.

    Every difference has its interval, and p of a test that is paired by source, adjusted for their number by Holm's
    method. Runs of different cases or protocols are refused. Where two judges scored a run, it is told how far they
    agree; one run is enough for that.

    With --judge a model is shown two systems' answers to every case in both orders, and it is told which it prefers.

    Examples:

      refrain compare runs/dense runs/isa

      refrain compare runs/embedded runs/lucy runs/vace

      refrain compare runs/ours runs/theirs --judge https://host/v1 --judge-model gpt-4o --transcript pairs.jsonl
    """
    from refrain.evaluation.record import Run
    from refrain.evaluation.told.tables import check_comparable, comparison_table, named
    from refrain.evaluation.told.verdicts import Preferred, agreement_table, preference_table, preferences

    held, asked = [Run.open(folder) for folder in runs], Asked(judge, judge_model, judge_key, 1, transcript).judging()
    agreed = agreement_table(held)
    tables = [agreed] if agreed else []
    if len(held) > 1 or not agreed:
        tables = [comparison_table(held, asked is None), *tables]
    if asked:
        check_comparable(held)
        names, total, found = named(held), len(held[0].cases), dict[tuple[str, str], list[Preferred]]()
        with told(quiet) as teller:
            for a, b in combinations(range(len(held)), 2):
                found[names[a], names[b]] = preferences(
                    held[a], held[b], asked, lambda n, case: teller.stage("judging", n, total, case.id)
                )
        tables.append(preference_table(asked.name, found))
    print("\n\n".join(table for table in tables if table))

"""`refrain compare`: runs against each other, case by case."""

from pathlib import Path
from typing import Annotated

import typer

from refrain.cli.options import Debug


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs of the same cases.")],
    debug: Debug = False,
) -> None:
    """Compare two runs or more on the cases that both of two have scored.

    Every difference has its interval, and p of a test that is paired by source, adjusted for their number by Holm's
    method. Runs of different cases or protocols are refused.

    Examples:

      refrain compare runs/dense runs/isa

      refrain compare runs/embedded runs/lucy runs/vace
    """
    from refrain.evaluation.record import Run
    from refrain.evaluation.tables import comparison_table

    print(comparison_table([Run.open(folder) for folder in runs]))

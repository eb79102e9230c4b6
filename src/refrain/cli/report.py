"""`refrain report`: runs as one page to publish."""

from pathlib import Path
from typing import Annotated

import typer

from refrain.cli.options import Debug, Quiet
from refrain.cli.progress import say, told
from refrain.errors import BadInput

MEGA = 1_000_000


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs of one benchmark; the first leads.")
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="The page: .html with players, or .md.")
    ] = Path("report.html"),
    scorer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Order the cases by this; else by the first that judges edits.")
    ] = None,
    cases: Annotated[int, typer.Option(metavar="N", help="How many of the worst and of the best to show.")] = 3,
    budget: Annotated[float, typer.Option(metavar="MB", help="The most that the page may have, in megabytes.")] = 4.0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make one page of a run: scores with intervals, bars by category, worst and best cases, what could not be scored.

    With several runs of one benchmark they stand beside each other, and their answers in one player. The page is one
    file that asks nothing of the network. Published figures stand beside ours with their protocol; those of another
    protocol are marked as not comparable.

    Examples:

      refrain report run -o page.html

      refrain report ours theirs -o page.html --scorer psnr.background/strict --cases 5

      refrain report run -o page.md
    """
    from refrain.cli.outputs import check_free, replaced
    from refrain.evaluation.page.html import page
    from refrain.evaluation.page.markdown import markdown
    from refrain.evaluation.page.matter import of_runs
    from refrain.evaluation.record import Run

    if out.suffix.lower() not in {".html", ".htm", ".md"}:
        raise BadInput(f"{out} ends in {out.suffix or 'nothing'}; a page ends in .html or .md.")
    if cases < 0:
        raise BadInput(f"--cases must be 0 or more, not {cases}.")
    if not budget > 0:
        raise BadInput(f"--budget must be above 0 megabytes, not {budget:g}.")
    check_free(out)
    systems = of_runs([Run.open(folder) for folder in runs])
    with told(quiet) as teller:
        if out.suffix.lower() == ".md":
            content = markdown(systems, out.parent, scorer, cases)
        else:
            content = page(
                systems, out.parent, int(budget * MEGA), scorer, cases, lambda n, of: teller.stage("players", n, of)
            )
    replaced(out, content.encode("utf-8"))
    say(f"wrote {out} ({len(content.encode('utf-8')) / MEGA:.2f} MB)", quiet)

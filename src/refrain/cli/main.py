"""`refrain`: adds the verbs, and turns whatever goes wrong into one sentence and an exit status.

0 done · 1 the program's own fault · 2 something the user can mend · 130 stopped with Ctrl-C · 143 told to end.
"""

import signal
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from types import FrameType
from typing import Annotated

import typer

from refrain import __version__
from refrain.cli import (
    bench,
    calibrate,
    compare,
    data,
    doctor,
    edit,
    effects,
    evaluate,
    models,
    picture,
    report,
    sample,
    score,
    serve,
    session,
    sheet,
    train,
)
from refrain.errors import RefrainError

STOPPED, ENDED = 130, 143
FULL = "The memory is full; give a smaller --size, or a shorter stretch with --from and --to."

app = typer.Typer(
    name="refrain",
    help="Edits videos and pictures by instruction: changes what was asked, and refrains from the rest.",
    epilog='Begin with: refrain sample -o clip.mp4, then refrain edit clip.mp4 "make it snow" -o snow.mp4',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"refrain {__version__}")
        raise typer.Exit


@app.callback()
def refrain(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Edits videos and pictures by instruction: changes what was asked, and refrains from the rest."""


app.command("edit")(edit.edit)
app.command("models")(models.models)
app.command("doctor")(doctor.doctor)
app.add_typer(picture.app, name="picture")
app.add_typer(bench.app, name="bench")
app.command("calibrate")(calibrate.calibrate)
app.add_typer(effects.app, name="effects")
app.add_typer(data.app, name="data")
app.add_typer(evaluate.app, name="evaluate")
app.command("score")(score.score)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("sample")(sample.sample)
app.command("serve")(serve.serve)
app.add_typer(session.app, name="session")
app.command("sheet")(sheet.sheet)
app.command("train")(train.train)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status. `arguments` default to those of the process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an old console may lack a sign that we print
            stream.reconfigure(errors="replace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    ended = signal.signal(signal.SIGTERM, _end)
    try:
        app(given, prog_name="refrain")
    except SystemExit as left:
        return _left(left)
    except KeyboardInterrupt:
        return _said("Stopped.", STOPPED)
    except RefrainError as error:
        return _told(error, str(error), 2, given)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone
        return 1
    except OSError as error:
        return _told(error, _of_the_system(error), 2, given)
    except Exception as error:  # the last door: everything else is our own fault, and says so
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            return _told(error, FULL, 2, given)
        fault = f"Something went wrong inside refrain ({type(error).__name__}: {_line(error)})"
        return _told(error, f"{fault}; please report it with what --debug prints.", 1, given)
    finally:
        signal.signal(signal.SIGTERM, ended)
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    """SIGTERM leaves through the same doors as an error, so that nothing half-written stays."""
    raise SystemExit(ENDED)


def _left(left: SystemExit) -> int:
    status = left.code if isinstance(left.code, int) else 0 if left.code is None else 1
    if status in (STOPPED, ENDED):
        return _said("Stopped." if status == STOPPED else "Ended.", status)
    return status


def _told(error: Exception, sentence: str, status: int, given: list[str]) -> int:
    if "--debug" in given:
        traceback.print_exception(error)
    return _said(sentence, status)


def _said(sentence: str, status: int) -> int:
    print(f"refrain: {sentence}", file=sys.stderr)
    return status


def _of_the_system(error: OSError) -> str:
    """A full disk, a folder that may not be read: what the system says, as a sentence."""
    where = f" ({error.filename})" if error.filename else ""
    return f"The system says: {error.strerror or _line(error)}{where}; see to that and try again."


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else "no more is known"


if __name__ == "__main__":
    sys.exit(main())

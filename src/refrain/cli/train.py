"""`refrain train`: run a recipe, a Python file that says what is taught to a model, how and for how long."""

import inspect
import json
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refrain import __version__
from refrain.cli.options import Debug, Quiet
from refrain.cli.progress import Teller, say, told
from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.training.journal import Step
    from refrain.training.recipe import Given

RECORD = "run.json"
SELDOM = 30.0  # seconds between two lines where nobody watches a bar
TRUE, FALSE = {"yes", "true", "on", "1"}, {"no", "false", "off", "0"}


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A Python file; recipes/ has some.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of the run: states, journal, samples, the result.")],
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="SET[:SHARE]", help="Pairs to learn from (docs/data.md); may come again, with shares."),
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="The base; the recipe's own unless given.")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="As many instead of the recipe's.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Of the recipe's own; may come again.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Of latents, which runs may share.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in FOLDER, exactly.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train by a recipe.

    A run can be stopped at any step, and goes on with --resume from its last state, as it was asked at first. A base,
    data or recipe that is another by then is refused.

    `python RECIPE FOLDER ...` and `accelerate launch RECIPE FOLDER ...` do the same.

    Examples:

      refrain train recipes/effect_lora.py runs/petals --set effect=petals

      refrain train recipes/effect_lora.py runs/mine --data my_pairs --steps 300

      refrain train recipes/wan_general.py runs/general --data effects:1 --data general:3 --model path/to/wan

      refrain train recipes/wan_general.py runs/general --resume
    """
    begin = read(recipe)
    if steps is not None and steps < 1:
        raise BadInput(f"--steps must be 1 or more, not {steps}.")
    check_folder(folder, resume)
    asked = remembered(folder) if resume else {}
    own = {**asked.get("set", {}), **set_of(begin, recipe, settings or [])}
    stores = tuple(map(share_of, data or asked.get("data", ())))

    from refrain.training.devices import processes
    from refrain.training.recipe import Given

    first = processes().first
    with told(quiet or not first) as teller:
        pace = Pace(teller, quiet or not first)
        given = Given(
            folder, stores, model or asked.get("model"), steps or asked.get("steps"), cache, recipe.stem,
            say=lambda text: say(text, quiet or not first), stage=teller.stage, step=pace.step,
        )  # fmt: skip
        if first and not resume:
            record(given, own)
        try:
            begin(given, **own)
        except KeyboardInterrupt:
            if pace.last is not None:
                say(f"{pace.last.step + 1} of {pace.last.of} steps were done; --resume goes on from the last state.",
                    quiet or not first)  # fmt: skip
            raise
    say(f"done; what came of it is in {folder}", quiet or not first)


class Pace:
    """Says how the steps go: on the bar, or where there is none, a line now and then."""

    def __init__(self, teller: Teller, quiet: bool) -> None:
        self._teller, self._quiet, self._said, self._began = teller, quiet, -SELDOM, time.monotonic()
        self.last: Step | None = None
        self._first = 0

    def step(self, step: "Step") -> None:
        if self.last is None:
            self._first = step.step
        self.last = step
        rate = (step.step + 1 - self._first) / max(step.seconds, 1e-9)
        checked = "".join(f", {name} {value:.4f} on held-out pairs" for name, value in step.validation.items())
        how = f"loss {step.loss:.4f}{checked}, {rate:.2f} steps/s, {100 * step.waiting:.0f} % waiting for data"
        self._teller.stage("learning", step.step + 1, step.of, how)
        now = time.monotonic() - self._began
        if now - self._said < SELDOM and not checked and step.step + 1 < step.of:
            return
        self._said = now
        if not self._teller.shown:
            left = f"{step.left / 60:.0f} min" if step.left > 120 else f"{step.left:.0f} s"
            say(f"step {step.step + 1} of {step.of}: {how}, {left} left", self._quiet)


def read(recipe: Path) -> Callable[..., object]:
    """The function `run` of a recipe's file. Raises BadInput where there is none."""
    if not recipe.is_file() or recipe.suffix != ".py":
        raise BadInput(f"{recipe} is no recipe; give a Python file with a function `run`, as those in recipes/ are.")
    sys.path.insert(0, str(recipe.parent))  # a recipe may build on its neighbours
    try:
        begin = runpy.run_path(str(recipe), run_name="recipe").get("run")
    finally:
        sys.path.remove(str(recipe.parent))
    if not callable(begin):
        raise BadInput(f"{recipe} has no function `run(given)`; give it one, as those in recipes/ have.")
    return begin


def set_of(begin: Callable[..., object], recipe: Path, settings: list[str]) -> dict[str, Any]:
    """What `--set` says, as arguments of `run`. Raises BadInput for a name or a value that it does not take."""
    known = dict(list(inspect.signature(begin).parameters.items())[1:])
    own: dict[str, Any] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            able = ", ".join(f"{name}={p.default}" for name, p in known.items()) or "nothing"
            raise BadInput(f"--set is NAME=VALUE, not {text!r}; {recipe.name} takes {able}.")
        own[name] = _valued(name, value, type(known[name].default))
    return own


def _valued(name: str, value: str, kind: type) -> Any:
    if kind is bool and value.lower() in TRUE | FALSE:
        return value.lower() in TRUE
    try:
        if kind in (int, float, str):
            return kind(value)
    except ValueError:
        pass
    raise BadInput(f"--set {name} takes a {'yes or no' if kind is bool else kind.__name__}, not {value!r}.")


def share_of(text: str) -> tuple[Path, float]:
    """`SET:SHARE` or `SET`, whose share is 1."""
    path, colon, share = text.rpartition(":")
    if not colon or Path(text).exists() or not share.replace(".", "", 1).isdecimal():
        return Path(text), 1.0
    if not float(share) > 0:
        raise BadInput(f"A share is a number above 0, not {share}; leave the set out instead.")
    return Path(path), float(share)


def check_folder(folder: Path, resume: bool) -> None:
    """Refuse to run over another run, and to go on with one that is not there."""
    from refrain.training.loop import JOURNAL

    begun = (folder / JOURNAL).is_file()
    if begun and not resume:
        raise BadInput(f"{folder} holds a run; say --resume to go on with it, or give another folder.")
    if resume and not begun:
        raise BadInput(f"{folder} holds no run to go on with; leave --resume out to begin one.")


def record(given: "Given", own: dict[str, Any]) -> None:
    """Write down what was asked."""
    said = {
        "recipe": given.name,
        "data": [f"{store.resolve()}:{share:g}" for store, share in given.data],
        "model": str(Path(given.model).resolve()) if given.model and Path(given.model).is_dir() else given.model,
        "steps": given.steps,
        "set": own,
        "refrain": __version__,
    }
    given.folder.mkdir(parents=True, exist_ok=True)
    aside = given.folder / f"{RECORD}.part"
    aside.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    aside.replace(given.folder / RECORD)


def remembered(folder: Path) -> dict[str, Any]:
    """What was asked when the run in a folder began; nothing where that is not known."""
    path = folder / RECORD
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

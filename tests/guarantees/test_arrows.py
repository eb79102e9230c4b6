"""Each room imports only from rooms below it, foreign libraries stay in their rooms, and nothing goes in circles."""

import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from guarantees.house import PACKAGE, Import, dotted, imports, room, sources

ARROWS = {
    "cli": {"app", "evaluation", "training", "editing", "data", "models", "attention", "sequence", "flow", "media"},
    "app": {"editing", "data", "media"},
    "evaluation": {"editing", "data", "media"},
    "training": {"editing", "data", "models", "attention", "flow", "sequence"},
    "editing": {"models", "attention", "flow", "sequence", "media"},
    "data": {"media"},
    "models": {"attention", "sequence"},
    "attention": {"sequence"},
    "sequence": set[str](),
    "flow": set[str](),
    "media": set[str](),
}
HOSTS = {"diffusers", "transformers", "peft"}  # only `models` may import these
QUICK = {"typer", "click", "rich"}  # all that a verb may import before it runs, besides the standard library


def test_rooms_import_only_from_rooms_below() -> None:
    rooms = {room(dotted(path)) for path in sources()} - {"", "errors"}
    assert rooms <= set(ARROWS), f"no rooms of the house: {rooms - set(ARROWS)}"
    offences = [
        told(path, i)
        for path in sources()
        for i in ours(path)
        if not is_dunder(i) and target(i) not in allowed(room(dotted(path)))
    ]
    assert not offences


def test_the_table_has_no_circle() -> None:
    TopologicalSorter(ARROWS).prepare()


def test_hosts_are_imported_in_models_only() -> None:
    offences = [told(p, i) for p in sources() if room(dotted(p)) != "models" for i in imports(p) if top(i) in HOSTS]
    assert not offences


def test_triton_is_imported_by_its_kernels_only() -> None:
    others = [path for path in sources() if not dotted(path).startswith("refrain.attention.isa.triton")]
    assert not [told(path, i) for path in others for i in imports(path) if top(i) == "triton"]


def test_verbs_are_quick_to_import() -> None:
    quick = {*QUICK, *sys.stdlib_module_names}
    # what is measured by `refrain bench` runs in processes of its own, which the command line never imports
    verbs = [path for path in sources() if room(dotted(path)) == "cli" and not path.stem.startswith("bench_")]
    foreign = [(path, i) for path in verbs for i in imports(path) if i.when_loaded and top(i) not in quick]
    assert not [told(path, i) for path, i in foreign if target(i) not in {"cli", "errors"} and not is_dunder(i)]


def test_files_do_not_import_in_circles() -> None:
    files = {dotted(path) for path in sources()}

    def opened(i: Import) -> str:
        """The file that an import opens: a module's own, when a module is what is named."""
        return f"{i.module}.{i.name}" if f"{i.module}.{i.name}" in files else i.module

    graph = {dotted(path): {opened(i) for i in ours(path) if i.when_loaded} for path in sources()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def allowed(here: str) -> set[str]:
    """The package itself names what it shows, `errors` imports nothing, a room what the table says."""
    if here == "":
        return {*ARROWS, "errors"}
    return set() if here == "errors" else {*ARROWS[here], here, "errors"}


def top(i: Import) -> str:
    return i.module.partition(".")[0]


def ours(path: Path) -> list[Import]:
    return [i for i in imports(path) if top(i) == "refrain"]


def target(i: Import) -> str:
    """The room that an import reaches; `from refrain import flow` reaches flow, `from refrain import Clip` "Clip"."""
    return room(i.module) or i.name or ""


def is_dunder(i: Import) -> bool:
    """`from refrain import __version__`, which anyone may ask."""
    return i.module == "refrain" and (i.name or "").startswith("__")


def told(path: Path, i: Import) -> str:
    return f"{path.relative_to(PACKAGE)}:{i.line} imports {i.module}" + (f" ({i.name})" if i.name else "")

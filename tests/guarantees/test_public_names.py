"""Public names are sorted lists of what can be imported, none that was promised goes away, and looking is quick."""

import subprocess
import sys
from importlib import import_module

import pytest

import refrain
from guarantees.house import PACKAGE, dotted, imports, sources

ROOMS = sorted(dotted(path) for path in sources() if path.name == "__init__.py" and path.parent != PACKAGE)
HEAVY = {"torch", "diffusers", "transformers", "peft", "accelerate", "av", "cv2", "numpy", "safetensors"}

# The doors: they may gain names, never lose one.
DOORS = {
    "refrain": {"Clip", "Dense", "Edit", "Editor", "Flex", "Isa", "RefrainError", "install", "uninstall"},
    "refrain.attention": {"Dense", "Flex", "Isa", "Plan", "attend", "explain"},
    "refrain.sequence": {"Segment", "Sequence", "block_causal", "coarsen", "full", "grid", "isolated"},
}


@pytest.mark.parametrize("name", refrain.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    value = getattr(refrain, name)
    assert value.__name__ == name
    assert value.__module__.startswith("refrain.")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="Clipp"):
        _ = refrain.Clipp


def test_all_says_what_is_there() -> None:
    assert set(refrain.__all__) <= set(dir(refrain))
    shown = {i.name for i in imports(PACKAGE / "__init__.py") if i.module.startswith("refrain.")}
    assert shown == set(refrain.__all__), "what type checkers see differs from what is there"


@pytest.mark.parametrize("name", ["refrain", *ROOMS])
def test_rooms_list_their_names_sorted(name: str) -> None:
    room = import_module(name)
    names = getattr(room, "__all__", [])
    assert names == sorted(set(names), key=shelf)
    assert not [x for x in names if not hasattr(room, x)]


@pytest.mark.parametrize("name", DOORS)
def test_doors_stay_open(name: str) -> None:
    assert set(import_module(name).__all__) >= DOORS[name]


@pytest.mark.parametrize("statement", ["import refrain; refrain.RefrainError, dir(refrain)", "import refrain.cli.main"])
def test_looking_imports_nothing_heavy(statement: str) -> None:
    program = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); {statement}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert not HEAVY & set(ran.stdout.split())
    assert not ran.stderr


def shelf(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, each by the alphabet: the order that the linter keeps."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name

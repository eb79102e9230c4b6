"""The source files of the package as data, for the tests that hold the house: where they lie and what they import."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "refrain"


@dataclass(frozen=True)
class Import:
    """One imported module, by its absolute name ("refrain.flow.path"), or a name of it ("refrain.flow.path.noised")."""

    module: str
    name: str | None  # of `from module import name`
    line: int
    when_loaded: bool  # False within a function and for types only: it costs nothing when the file is imported


def sources(folder: Path = PACKAGE) -> list[Path]:
    """Every Python file below `folder`, sorted."""
    return sorted(folder.rglob("*.py"))


def dotted(path: Path) -> str:
    """src/refrain/flow/path.py -> "refrain.flow.path"; a folder's __init__.py -> the folder."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """The room of a dotted name of ours: "refrain.flow.path" -> "flow"; the package itself -> ""."""
    return module.partition(".")[2].partition(".")[0]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """What `path` imports, wherever in the file it does so."""
    package = dotted(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    return tuple(_walk(tree(path), package, when_loaded=True))


def _walk(node: ast.AST, package: list[str], when_loaded: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, None, child.lineno, when_loaded) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            above = package[: len(package) - child.level + 1] if child.level else []
            module = ".".join([*above, *([child.module] if child.module else [])])
            yield from (Import(module, alias.name, child.lineno, when_loaded) for alias in child.names)
        else:
            later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _is_for_types(child)
            yield from _walk(child, package, when_loaded and not later)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)

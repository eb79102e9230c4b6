"""No file above 400 lines (kernels 600), no function above 60, no signature above 8 arguments.

A verb of the command is the one exception: its arguments are its options, so only its body is counted.
"""

import ast
from pathlib import Path

from guarantees.house import PACKAGE, ROOT, sources, tree

KERNELS = PACKAGE / "attention" / "isa"
VERBS = PACKAGE / "cli"
FILE, KERNEL, FUNCTION, SIGNATURE = 400, 600, 60, 8


def test_files_fit_a_few_screens() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files()}
    long = [f"{told(path)}: {n}" for path, n in lines.items() if n > (KERNEL if KERNELS in path.parents else FILE)]
    assert not long, "files with too many lines"


def test_functions_fit_a_screen() -> None:
    long = [
        f"{told(path)}:{f.lineno} {f.name}: {height(f, path)}"
        for path in files()
        for f in functions(path)
        if height(f, path) > FUNCTION
    ]
    assert not long, "functions with too many lines"


def test_signatures_fit_in_the_head() -> None:
    wide = [
        f"{told(path)}:{f.lineno} {f.name}: {len(arguments(f))}"
        for path in files()
        for f in functions(path)
        if len(arguments(f)) > SIGNATURE and not is_verb(f, path)
    ]
    assert not wide, "functions with too many arguments"


def files() -> list[Path]:
    return [path for folder in ("src", "recipes", "tests") for path in sources(ROOT / folder)]


def told(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def is_verb(function: ast.FunctionDef | ast.AsyncFunctionDef, path: Path) -> bool:
    """Whether typer reads this function's arguments as options."""
    return VERBS in path.parents and "typer." in ast.unparse(function.args)


def height(function: ast.FunctionDef | ast.AsyncFunctionDef, path: Path) -> int:
    first = function.body[0].lineno if is_verb(function, path) else function.lineno
    return (function.end_lineno or first) - first + 1


def arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of a signature, without self and cls."""
    a = function.args
    named = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, [a.vararg, a.kwarg])]
    return [x.arg for x in named if x.arg not in {"self", "cls"}]

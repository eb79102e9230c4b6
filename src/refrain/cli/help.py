"""The help of every verb as one page of markdown: `python -m refrain.cli.help docs/help.md` writes it anew."""

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer
from typer.models import ArgumentInfo

HEAD = """# Every verb and option

Written by `python -m refrain.cli.help docs/help.md` from the command itself; a test compares the two.
"""


def page(app: typer.Typer) -> str:
    """The whole page, read from the signatures of the verbs."""
    return "\n".join([HEAD, *_verbs("refrain", app)]).rstrip() + "\n"


def _verbs(before: str, app: typer.Typer) -> Iterator[str]:
    for verb in app.registered_commands:
        if verb.callback is not None:
            yield from _verb(f"{before} {verb.name or verb.callback.__name__}", verb.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _verbs(f"{before} {group.name}", group.typer_instance)


def _verb(name: str, verb: Callable[..., Any]) -> Iterator[str]:
    """A heading, what the verb does, examples, its arguments and options."""
    told, _, examples = inspect.cleandoc(verb.__doc__ or "").partition("Examples:")
    yield f"## {name}\n\n{told.strip()}\n"
    if examples.strip():
        yield "```sh\n" + "\n".join(line.strip() for line in examples.splitlines() if line.strip()) + "\n```\n"
    yield "| option | default | what it does |\n| --- | --- | --- |"
    given = inspect.signature(verb).parameters
    for key, hint in get_type_hints(verb, include_extras=True).items():
        if key in given and hint is not typer.Context:
            kind, said = get_args(hint)[:2]
            yield _row(key, kind, said, given[key].default)
    yield ""


def _row(key: str, kind: Any, said: Any, default: Any) -> str:
    """One argument or option as a row of the table."""
    # typer keeps the first name of an annotated option where a default would stand
    declared = [name for name in (said.default, *(said.param_decls or ())) if isinstance(name, str)]
    names = ", ".join(sorted(declared, key=len)) or f"--{key.replace('_', '-')}"
    choices = getattr(kind, "__members__", None) or getattr((get_args(kind) or (None,))[0], "__members__", {})
    value = said.metavar or "/".join(member.value for member in choices.values())
    shown = value if isinstance(said, ArgumentInfo) else f"{names} {value}".strip()
    unsaid = default is None or default is False or default is inspect.Parameter.empty
    usual = "" if unsaid else str(getattr(default, "value", default))
    usual = names.partition("/")[0] if default is True else usual
    return f"| `{shown.replace('|', '/')}` | {usual} | {said.help or ''} |"


if __name__ == "__main__":
    from refrain.cli.main import app

    Path(sys.argv[1]).write_text(page(app), encoding="utf-8", newline="\n")

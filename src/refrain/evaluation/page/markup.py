"""HTML that cannot be broken by what stands in a file: whatever is not markup already is escaped when it is put in."""

from collections.abc import Iterable
from html import escape

EMPTY = {"img", "input", "wbr"}  # tags that hold nothing


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def whole(said: str) -> str:
    """Text with � in place of control characters and halves of letters, which no page may hold."""
    return "".join("\ufffd" if (c < " " and c not in "\t\n\r") or "\ud800" <= c <= "\udfff" else c for c in said)


def text(said: str) -> Markup:
    """Plain text as HTML."""
    return Markup(escape(whole(said)))


def tag(name: str, *inside: str, **attributes: object) -> Markup:
    """An element. Plain strings inside and all attributes are escaped.

    An attribute that is None or False is left out, True stands alone; `class_` is class, `data_fps` is data-fps.
    """
    said = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{name}{said}>" + ("" if name in EMPTY else f"{joined(inside)}</{name}>"))


def joined(parts: Iterable[str]) -> Markup:
    """Parts one after the other; plain strings among them are escaped."""
    return Markup("".join(part if isinstance(part, Markup) else text(part) for part in parts))

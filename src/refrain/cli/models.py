"""`refrain models`: what a model says of itself, read from its card; no weights are loaded."""

import json as _json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from refrain.cli.options import Debug, Json
from refrain.errors import RefrainError

if TYPE_CHECKING:
    from refrain.models.outline import Outline


def models(
    names: Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="Folders or hub ids.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the models that come with Refrain and any others named: what they can do, their sizes, rule and licence.

    Examples:

      refrain models

      refrain models path/to/wan-folder
    """
    from refrain.models.outline import INSIDE, Outline

    told: list[dict[str, Any]] = []
    for name in [*INSIDE, *(names or [])]:
        try:
            told.append(facts(name, Outline.of(name)))
        except RefrainError as error:
            if name not in INSIDE or not names:
                raise
            told.append({"model": name, "missing": str(error)})
    if json:
        print(_json.dumps(told, indent=2))
        return
    for one in told:
        Console().print(table(one))


def facts(name: str, outline: "Outline") -> dict[str, Any]:
    """What a checkpoint says of itself, as plain values."""
    card, net = outline.card, outline.network
    return {
        "model": name,
        "name": card.name or outline.folder.name,
        "folder": str(outline.folder),
        "megabytes": round(outline.weight_bytes() / 1e6, 1),
        "network": f"{net.layers} layers of width {net.width}" + (", two experts" if net.experts == 2 else ""),
        "edits_at": f"{card.short_side} pixels on the shorter side",
        "window": f"{net.latent_frames * (card.window - 1) + 1} frames at once",
        "rule": card.rule,
        "kinds": ", ".join(card.kinds),
        "licence": licence(outline.folder),
        "understands": list(card.understands) or ["anything in words"],
    }


def licence(folder: Path) -> str:
    """The licence that a model card names in its first lines (`license: ...`), as the hub has it."""
    for name in ("MODEL.md", "README.md"):
        path = folder / name
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[:60]:
                key, _, value = line.strip().lstrip("*- ").partition(":")
                if key.strip("* ").lower() in ("license", "licence") and value.strip("* "):
                    return value.strip("* ")
    return "not stated"


def table(one: dict[str, Any]) -> Table:
    """One model as two columns."""
    shown = Table(show_header=False, title=str(one["model"]), title_justify="left", title_style="bold", min_width=60)
    shown.add_column(style="dim", no_wrap=True)
    shown.add_column(overflow="fold")
    for key, value in one.items():
        if key != "model":
            shown.add_row(key.replace("_", " "), "\n".join(value) if isinstance(value, list) else str(value))
    return shown

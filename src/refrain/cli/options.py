"""Options that several verbs share, and what is written as text."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refrain.errors import BadInput

if TYPE_CHECKING:
    import torch

Debug = Annotated[bool, typer.Option("--debug", help="Show where an error came from.")]  # `main` looks for it
Json = Annotated[bool, typer.Option("--json", help="Print the record as JSON, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Model = Annotated[
    str, typer.Option(help="embedded, a folder in diffusers' layout with a refrain.json, or a hub id.", metavar="NAME")
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same answer.", metavar="N")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 or mps.", metavar="NAME")]
Picture = Annotated[Path | None, typer.Option("-o", "--out", help="Write a PNG here.", metavar="FILE")]


class Attention(StrEnum):
    """Which attention computes the rule."""

    DENSE = "dense"


class Number(StrEnum):
    """The numbers a network computes in."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


def dtype_of(number: Number | None) -> "torch.dtype | None":
    """What torch calls it; None leaves it to the device."""
    import torch

    return None if number is None else getattr(torch, number.value)


def two_sides(text: str) -> tuple[int, int]:
    """`320x240` (width x height) -> (rows, columns)."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise BadInput(f"A size is written as width x height, such as 320x240, not {text!r}.")
    columns, rows = (int(part) for part in parts)
    if not (16 <= rows <= 4096 and 16 <= columns <= 4096):
        raise BadInput(f"The sides of a picture must be 16 to 4096 pixels, not {text}.")
    return rows, columns

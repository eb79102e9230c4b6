"""Options that several verbs share, and what is written as text."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refrain.errors import BadInput

if TYPE_CHECKING:
    import torch

    from refrain.attention import Spec
    from refrain.editing.request import EffectUse

Debug = Annotated[bool, typer.Option("--debug", help="Show where an error came from.")]  # `main` looks for it
Json = Annotated[bool, typer.Option("--json", help="Print the record as JSON, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Model = Annotated[
    str,
    typer.Option(
        help="embedded, embedded-sessions, a folder in diffusers' layout with a refrain.json, or a hub id.",
        metavar="NAME",
    ),
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same answer.", metavar="N")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 or mps.", metavar="NAME")]
Picture = Annotated[Path | None, typer.Option("-o", "--out", help="Write a PNG here.", metavar="FILE")]
Steps = Annotated[int | None, typer.Option(metavar="N", help="More are finer and slower.")]
Guidance = Annotated[float | None, typer.Option(metavar="X", help="How strongly the words count; 1 is off.")]
Box = Annotated[str | None, typer.Option(metavar="X0,Y0,X1,Y1", help="Nothing changes outside this box of pixels.")]
AnyBase = Annotated[bool, typer.Option("--any-base", help="Take LoRAs that were trained on another base.")]
Mask = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A picture or clip of IN's size: nothing changes where black.")
]
Offload = Annotated[bool, typer.Option("--offload", help="Keep what is remembered of IN on the CPU.")]
Attention = Annotated[
    str,
    typer.Option(
        help="How the rule is computed: dense, flex, isa, isa:KEEP (such as isa:1/8), isa:published, isa:FILE.json.",
        metavar="HOW",
    ),
]


class Number(StrEnum):
    """The numbers a network computes in."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


DType = Annotated[Number | None, typer.Option(help="float32 on the CPU, bfloat16 elsewhere.")]


def dtype_of(number: Number | None) -> "torch.dtype | None":
    """What torch calls it; None leaves it to the device."""
    import torch

    return None if number is None else getattr(torch, number.value)


def attention_of(text: str, layers: int | None = None, heads: int | None = None) -> "Spec":
    """What `--attention` says, for a network of so many layers and heads.

    `isa:` is followed by the share of tiles that is exact (1/8, 0.125), by `published`, LIVEditor's setting, or by a
    file of budgets that `refrain calibrate` wrote. Raises BadInput for anything else.
    """
    from refrain.attention import Dense, Flex, Isa

    plain = {"dense": Dense(), "flex": Flex(), "isa": Isa(), "isa:published": Isa.published()}
    if text in plain:
        return plain[text]
    kind, _, rest = text.partition(":")
    if kind == "isa" and rest:
        keep = _share(rest)
        if keep is not None:
            return Isa(keep=keep)
        if rest.endswith(".json"):
            from refrain.attention.budgets import load_budgets

            return load_budgets(rest, layers, heads)
    raise BadInput(
        f"--attention is dense, flex, isa, isa:KEEP (a share from 0 to 1, such as isa:1/8), isa:published or "
        f"isa:FILE.json, not {text!r}."
    )


def _share(text: str) -> float | None:
    """`1/8` or `0.125`; None for what is neither, or is not from 0 to 1."""
    over, _, under = text.partition("/")
    try:
        share = float(over) / float(under or 1)
    except (ValueError, ZeroDivisionError):
        return None
    return share if 0 <= share <= 1 else None


def effect_of(text: str) -> "EffectUse":
    """What `--effect` says: FILE[:weight][@x0,y0,x1,y1][@2s-4s]. Raises BadInput for anything else."""
    from refrain.editing.request import EffectUse

    file, *places = text.split("@")
    while places and not _is_place(places[0]):  # a file may have an @ in its name
        file += "@" + places.pop(0)
    path, colon, weight = file.rpartition(":")
    if not colon or "/" in weight or "\\" in weight:
        path, weight = file, "1"
    boxes, spans = ([p for p in places if ("," in p) == boxed] for boxed in (True, False))
    try:
        box = [float(side) for side in boxes[0].split(",")] if boxes else None
        span = [float(second.removesuffix("s")) for second in spans[0].split("-")] if spans else None
        strength = float(weight)
    except ValueError:
        box, span, strength = [], None, 1.0
    sound = (box is None or len(box) == 4) and (span is None or len(span) == 2) and len(boxes) < 2 and len(spans) < 2
    if not sound or not path:
        raise BadInput(
            "--effect is FILE[:weight][@x0,y0,x1,y1][@2s-4s], such as flame.safetensors:0.8@0,0,0.5,1@2s-4s, "
            f"not {text!r}."
        )
    return EffectUse(path, strength, box and tuple(box), span and tuple(span))  # pyright: ignore[reportArgumentType]


def _is_place(text: str) -> bool:
    return bool(text) and set(text) <= set("0123456789.,-s")


def two_sides(text: str) -> tuple[int, int]:
    """`320x240` (width x height) -> (rows, columns)."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise BadInput(f"A size is written as width x height, such as 320x240, not {text!r}.")
    columns, rows = (int(part) for part in parts)
    if not (16 <= rows <= 4096 and 16 <= columns <= 4096):
        raise BadInput(f"The sides of a picture must be 16 to 4096 pixels, not {text}.")
    return rows, columns

"""One plate with its pairs, in a folder of its own that appears when all of it is there."""

import hashlib
import os
import shutil
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from refrain.data.composite import put
from refrain.data.effects import EFFECTS, Effected, Shot
from refrain.data.layer import write_layer
from refrain.data.pair import Pair
from refrain.data.phrases import SUBJECTS
from refrain.data.store import Store
from refrain.data.words import caption, instruction, reversed_instruction
from refrain.media import Clip, PixelFormat, Tags
from refrain.media.colour import from_bytes

from .asked import GENERATOR, Asked
from .plate import Plate, Shown, shown

FORM = PixelFormat.named("yuv420p", tags=Tags(matrix=1, primaries=1, transfer=1))
WORDINGS = 3  # ways in which a pair is asked for
SEEN = 0.002  # mean of the matte, in the frame where it is largest, below which nobody would see an effect
TRIES = 4


@dataclass(frozen=True)
class Drawn:
    """An effect, how it is set, and how it is asked for."""

    effect: str
    parameters: Any
    seed: int
    wordings: tuple[str, ...]
    reverse: str
    caption: str


def draw(seed: int, effect: str) -> Drawn:
    """Draw parameters and words of an effect on a shot whose subject is known, and has one name in all of them."""
    rng = np.random.default_rng((seed, 202))
    parameters = EFFECTS[effect].draw(rng)
    subject = str(rng.choice(SUBJECTS))
    asked = [instruction(rng, effect, parameters, subject=subject) for _ in range(WORDINGS)]
    back, seen = (say(rng, effect, parameters, subject) for say in (reversed_instruction, caption))
    return Drawn(effect, parameters, seed, tuple(dict.fromkeys(asked)), back, seen)


def make(plate: Plate, asked: Asked, folder: Path) -> None:
    """Make `folder`/NAME: the source, what each pair adds to it, and `pairs.jsonl`. Raises BadInput or OSError."""
    aside = folder / f".{plate.name}.{uuid4().hex[:8]}.part"
    aside.mkdir(parents=True)
    try:
        look = shown(plate, asked)
        planes = from_bytes(look.shot.frames, FORM)
        rate = Fraction(asked.fps).limit_denominator(1001)
        times = tuple(n / rate for n in range(asked.frames))
        source = Clip(planes, FORM, times, asked.frames / rate)
        source.write(aside / "source.mp4", lossless=True)
        pairs = [_pair(place, plate, asked, look, source, aside) for place in asked.pairs_of(plate.number)]
        Store.create(aside).add(pairs)
        _moved(aside, folder / plate.name, len(pairs))
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _moved(aside: Path, folder: Path, pairs: int) -> None:
    """Put a whole folder in its place, unless what is there holds as much."""
    if folder.is_dir():
        if len(Store.open(folder).pairs) >= pairs:
            return
        shutil.rmtree(folder)
    os.replace(aside, folder)


def _pair(place: int, plate: Plate, asked: Asked, look: Shown, source: Clip, folder: Path) -> Pair:
    """Lay one effect on a plate, write what it adds, and say what it is."""
    drawn, done = _laid(place, plate, asked, look.shot)
    planes = tuple(plane.copy() for plane in source.planes)
    put(planes, done, 0, FORM)
    target, name = source.with_planes(planes), f"{place - plate.number * asked.each:02d}"
    edited = folder / f"{name}.{'target' if asked.targets else 'layer'}.mp4"
    if asked.targets:
        target.write(edited, lossless=True)
    else:
        write_layer(source, target, edited)
    mask = folder / f"{name}.mask.mp4" if asked.masks else None
    if mask is not None:
        _grey(done.matte, source).write(mask, lossless=True)
    return Pair(
        id=f"{plate.name}/{name}", parent=look.parent, source=folder / "source.mp4",
        target=edited if asked.targets else None, layer=None if asked.targets else edited, mask=mask,
        instruction=drawn.wordings[0], wordings=drawn.wordings[1:], reverse=drawn.reverse, caption=drawn.caption,
        fps=asked.fps, frames=asked.frames, width=asked.size[1], height=asked.size[0],
        effect=drawn.effect, parameters=asdict(drawn.parameters), seed=drawn.seed, generator=GENERATOR,
        licence=look.licence, provenance=look.provenance,
    )  # fmt: skip


def _laid(place: int, plate: Plate, asked: Asked, shot: Shot) -> tuple[Drawn, Effected]:
    """The effect of a place; one that cannot be seen on this plate is drawn again, and at last nothing is changed."""
    effect = asked.effect(place)
    for attempt in range(TRIES):
        drawn = draw(_number(asked.seed, place, attempt), effect if attempt < TRIES - 1 else "keep")
        done = EFFECTS[drawn.effect].apply(shot, drawn.seed, drawn.parameters)
        if drawn.effect == "keep" or done.matte.mean((1, 2)).max() >= SEEN:
            return drawn, done
    raise AssertionError("the last attempt is keep")


def _number(seed: int, place: int, attempt: int) -> int:
    """The seed of an effect: 31 bits that are as good as drawn."""
    whole = hashlib.sha256(f"{seed} {place} {attempt}".encode()).digest()
    return int.from_bytes(whole[:4], "big") >> 1


def _grey(matte: np.ndarray, like: Clip) -> Clip:
    """A matte float32 [T, Y, X] as a grey clip; what changed in the least is not black."""
    luma = np.ceil(matte * np.float32(219)).astype(np.uint8) + 16
    grey = np.full_like(like.planes[1], 128)
    return replace(like, planes=(luma, grey, grey))

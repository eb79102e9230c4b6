"""Clips in a session's folder: planes without loss in a file that any player shows, all else as data in the record.

A container's clock may round times, and a picture's file knows no chroma; so neither is asked.
"""

import shutil
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from refrain.errors import BadInput
from refrain.media import Clip, PixelFormat, Sound, Tags

Facts = dict[str, Any]
AS_PICTURE = {"gbrp", "gbrp16le"}  # what a PNG holds as it is


def write_clip(clip: Clip, folder: Path, stem: str) -> Facts:
    """Write the planes of a clip without loss; returns its file and all that the file does not say, as JSON."""
    ending = ".png" if len(clip) == 1 and clip.format.name in AS_PICTURE else ".mkv"
    replace(clip, sound=None, origin=None).write(folder / (stem + ending), lossless=True)
    return {
        "file": stem + ending,
        "format": asdict(clip.format),
        "times": _told(clip.times),
        "duration": str(clip.duration),
        "still": clip.still,
        "pixel_aspect": str(clip.pixel_aspect),
    }


def read_clip(folder: Path, facts: Facts) -> Clip:
    """The very clip that was written, silent."""
    path = folder / facts["file"]
    read, form, times = Clip.read(path), _format(facts["format"]), _heard(facts["times"])
    if read.format.name != form.name or len(read) != len(times):
        raise BadInput(f"{path} does not hold the {len(times)} frames in {form.name} that were written; put it back.")
    return Clip(
        read.planes, form, times, Fraction(facts["duration"]), None, path, facts["still"],
        pixel_aspect=Fraction(facts["pixel_aspect"]),
    )  # fmt: skip


def copy_sound(sound: Sound, folder: Path) -> Facts:
    """Copy the file in which a sound lies, so that it is there whatever becomes of the original."""
    name = f"sound{sound.path.suffix}"
    shutil.copyfile(sound.path, folder / name)
    start, stop = (None if at is None else str(at) for at in (sound.start, sound.stop))
    told = {"kind": sound.kind, "tracks": list(sound.tracks), "codecs": list(sound.codecs)}
    return {"file": name, **told, "start": start, "stop": stop}


def sound_in(folder: Path, facts: Facts) -> Sound:
    """The sound that `copy_sound` told of."""
    start, stop = (None if facts[at] is None else Fraction(facts[at]) for at in ("start", "stop"))
    path = (folder / facts["file"]).absolute()
    return Sound(path, facts["kind"], tuple(facts["tracks"]), tuple(facts["codecs"]), start, stop)


def write_bound(bound: Tensor, folder: Path, stem: str = "bound") -> Facts:
    """Write a bound, or a matte, [T or 1, 1, Y, X] in whole 255ths as a grey clip."""
    grey = (bound[:, 0].cpu() * 255).round().byte().numpy()  # [T, Y, X]
    times = tuple(Fraction(n) for n in range(len(grey)))
    return write_clip(Clip((grey,) * 3, PixelFormat.named("gbrp"), times, Fraction(len(grey))), folder, stem)


def read_bound(folder: Path, facts: Facts) -> Tensor:
    """The bound that `write_bound` wrote, to the bit."""
    grey = np.array(read_clip(folder, facts).planes[0])  # [T, Y, X], in a file no longer
    return in_steps(torch.as_tensor(grey)[:, None].float() / 255)


def in_steps(bound: Tensor) -> Tensor:
    """A bound in whole 255ths, as a file holds it; what is 0 stays 0."""
    return (bound.detach().float().cpu().clamp(0, 1) * 255).round() / 255


def _format(said: dict[str, Any]) -> PixelFormat:
    """A pixel format from `asdict`."""
    form = PixelFormat.named(said["name"], said["matrix"], said["full"], Tags(**said["tags"]))
    return replace(form, siting=tuple(said["siting"]))


def _told(times: tuple[Fraction, ...]) -> Any:
    """Times as JSON: in short where they are even."""
    steps = {later - earlier for earlier, later in zip(times, times[1:])}
    if len(steps) > 1:
        return [str(time) for time in times]
    return {"first": str(times[0]), "step": str(next(iter(steps), Fraction(0))), "frames": len(times)}


def _heard(told: Any) -> tuple[Fraction, ...]:
    if isinstance(told, list):
        return tuple(Fraction(time) for time in told)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return tuple(Fraction(told["first"]) + n * Fraction(told["step"]) for n in range(told["frames"]))

"""What effects are laid on: a rendered scene, or a stretch of a user's clip."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from refrain.data.composite import to_bytes
from refrain.data.effects import Shot
from refrain.data.scenes import render_scene
from refrain.data.subject import guess, small_size
from refrain.errors import BadInput
from refrain.media import Clip
from refrain.media.fit import resized

from .asked import Asked, hash_of

SCENES = 100_000  # scenes of training are numbered below; exams and galleries take theirs above
SUBJECT = 0.03, 0.4  # share of the frame that a good subject has
SMALL = 96  # shorter side at which a scene is tried
TRIES = 12
OURS = "made by this program alone; nobody else has rights in it"


@dataclass(frozen=True)
class Plate:
    """A plate by its number; of a clip, the stretch that begins at frame `start` (at the speed that is asked for)."""

    number: int
    clip: Path | None = None
    start: int = 0

    @property
    def name(self) -> str:
        return f"{self.number:06d}"


@dataclass(frozen=True)
class Shown:
    """A plate as it looks, and what the records say of it."""

    shot: Shot
    parent: str
    provenance: str
    licence: str | None


def plates_of(asked: Asked) -> list[Plate]:
    """The plates of a set, in their order. Raises BadInput where the clips hold too few."""
    if not asked.clips:
        return [Plate(n) for n in range(asked.plates)]
    found: list[Plate] = []
    for path in asked.clips:
        whole = Clip.read(path)
        stretches = int(whole.duration * asked.fps) // asked.frames if not whole.still else 1
        if not stretches:
            raise BadInput(
                f"{path} lasts {float(whole.duration):.2f} s; {asked.frames} frames at {asked.fps:g} a second need "
                f"{asked.frames / asked.fps:.2f} s; give fewer --frames or leave it out."
            )
        found += [Plate(len(found) + n, path, n * asked.frames) for n in range(stretches)]
    if len(found) < asked.plates:
        raise BadInput(
            f"The clips hold {len(found)} stretches of {asked.frames} frames, enough for {len(found) * asked.each} "
            f"pairs; ask for a smaller --count, a larger --each, or give more clips."
        )
    return found[: asked.plates]


def shown(plate: Plate, asked: Asked) -> Shown:
    """Render a plate, or read it."""
    if plate.clip is None:
        number = _scene(asked.seed, plate.number, asked.size)
        scene = render_scene(number, asked.frames, asked.size, behind=True)
        shot = Shot(scene.frames, scene.subject, fps=asked.fps, behind=scene.behind)
        return Shown(shot, f"scene {number}", f"rendered scene {number} ({scene.genre})", OURS)
    frames = _stretch(plate.clip, plate.start, asked)
    mask = _mask_beside(plate.clip)
    if mask is None:
        rows, columns = small_size(*asked.size)
        small = [cv2.resize(frame, (columns, rows), interpolation=cv2.INTER_AREA) for frame in frames]
        subject = guess(np.stack(small)).at(frames)
    else:
        subject = _stretch(mask, plate.start, asked).mean(-1, dtype=np.float32) / 255
    last = plate.start + asked.frames - 1
    told = f"{plate.clip.name}, frames {plate.start} to {last} at {asked.fps:g} a second"
    parent = f"{plate.clip.stem} {hash_of(plate.clip)[:12]}"
    return Shown(Shot(frames, subject, fps=asked.fps), parent, told, asked.licence)


def _scene(seed: int, number: int, size: tuple[int, int]) -> int:
    """The scene of a plate: the first of some drawn ones that has a subject of fair size."""
    drawn = np.random.default_rng((seed, number, 404)).integers(SCENES, size=TRIES).tolist()
    scale = min(SMALL / min(size), 1)
    small = (max(round(size[0] * scale), 8), max(round(size[1] * scale), 8))
    fair = (n for n in drawn if SUBJECT[0] <= render_scene(n, 1, small).subject.mean() <= SUBJECT[1])
    return next(fair, drawn[-1])


def _stretch(path: Path, start: int, asked: Asked) -> np.ndarray:
    """Frames of a clip at the speed and size that are asked for, cut to the aspect: uint8 [T, Y, X, 3]."""
    clip = Clip.read(path)
    at = [float(time - clip.times[0]) for time in clip.times]
    moments = (start + np.arange(asked.frames)) / asked.fps
    numbers = np.clip(np.searchsorted(at, moments + 1e-6, side="right") - 1, 0, len(clip) - 1).tolist()
    rows, columns = clip.size
    scale = max(asked.size[0] / rows, asked.size[1] / columns)
    y, x = max(round(rows * scale), asked.size[0]), max(round(columns * scale), asked.size[1])
    top, left = (y - asked.size[0]) // 2, (x - asked.size[1]) // 2
    out = np.empty((asked.frames, *asked.size, 3), np.uint8)
    for i, number in enumerate(numbers):
        if i and number == numbers[i - 1]:
            out[i] = out[i - 1]
            continue
        large = resized(clip.rgb(number, number + 1), (y, x))
        cut = large[..., top : top + asked.size[0], left : left + asked.size[1]]
        out[i] = to_bytes(torch.as_tensor(cut))[0]
    return out


def _mask_beside(clip: Path) -> Path | None:
    """`walk.mask.mp4` (or .mkv, .png) beside `walk.mp4`."""
    return next((p for e in (".mp4", ".mkv", ".png") if (p := clip.with_name(f"{clip.stem}.mask{e}")).is_file()), None)

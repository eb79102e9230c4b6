"""A shelf of rendered scenes on disk, from which training draws clips without rendering them again."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.lib.format import open_memmap

from refrain.data.effects.shot import Shot
from refrain.data.scenes import render_scene

SIZES = ((160, 160), (144, 256), (160, 160), (256, 144))  # in which scenes are rendered, in turn
_PARTS = ("behind", "subject", "frames")  # frames last: where they are, the scene is whole


@dataclass(frozen=True)
class Shelf:
    """`count` scenes of `length` frames in `folder`, numbered from 0; scene n is `render_scene(n, ...)`."""

    folder: Path
    count: int
    length: int = 28

    def fill(self, say: Callable[[int, int], None] = lambda done, missing: None) -> None:
        """Render the scenes that are missing, on all cores; `say` hears how many are done, of how many."""
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = [n for n in range(self.count) if not self._path(n, "frames").is_file()]
        if not missing:
            return
        with ProcessPoolExecutor() as pool:
            for done, _ in enumerate(pool.map(self.render, missing, chunksize=4), 1):
                say(done, len(missing))

    def render(self, number: int) -> None:
        """Render one scene and write its three parts."""
        cv2.setNumThreads(1)
        scene = render_scene(number, self.length, SIZES[number % len(SIZES)], behind=True)
        subject = np.round(scene.subject * 255).astype(np.uint8)
        for part, array in zip(_PARTS, (scene.behind, subject, scene.frames)):
            aside = self.folder / f"{number:05d}.{part}.part.npy"
            np.save(aside, array)  # pyright: ignore[reportArgumentType]
            aside.replace(self._path(number, part))

    def shot(self, number: int, start: int = 0, stop: int | None = None) -> Shot:
        """Frames start .. stop of a scene."""
        behind, subject, frames = (
            np.asarray(open_memmap(self._path(number, part), mode="r")[start:stop]) for part in _PARTS
        )
        return Shot(frames, subject.astype(np.float32) / 255, behind=behind)

    def draw(self, rng: np.random.Generator, size: tuple[int, int], length: int) -> Shot:
        """A stretch of a scene of about this aspect, varied, at `size`."""
        tall, wide = size[0] > size[1], size[0] < size[1]
        kind = 3 if tall else 1 if wide else int(rng.integers(4))
        number = int(rng.integers(self.count // len(SIZES))) * len(SIZES) + kind
        start = int(rng.integers(self.length - length + 1))
        return varied(rng, self.shot(number, start, start + length), size)

    def _path(self, number: int, part: str) -> Path:
        return self.folder / f"{number:05d}.{part}.npy"


def varied(rng: np.random.Generator, shot: Shot, size: tuple[int, int]) -> Shot:
    """A crop of the shot at `size`, perhaps mirrored, reversed in time, or of another exposure."""
    rows, columns = shot.frames.shape[1:3]
    share = min(rows / size[0], columns / size[1]) * rng.uniform(0.65, 1.0)
    high, wide = round(size[0] * share), round(size[1] * share)
    y, x = int(rng.integers(rows - high + 1)), int(rng.integers(columns - wide + 1))
    mirrored, backwards = rng.random() < 0.5, rng.random() < 0.3
    gamma, gain = np.exp(rng.normal(0, 0.2)), rng.uniform(0.8, 1.1)
    curve = np.clip(((np.arange(256) / 255) ** gamma) * gain * 255, 0, 255).astype(np.uint8)
    kind = cv2.INTER_AREA if share > 1 else cv2.INTER_CUBIC

    def cut(clip: np.ndarray) -> np.ndarray:
        clip = clip[:, y : y + high, x : x + wide]
        clip = clip[:, :, ::-1] if mirrored else clip
        clip = clip[::-1] if backwards else clip
        return np.stack([cv2.resize(np.ascontiguousarray(f), (size[1], size[0]), interpolation=kind) for f in clip])

    subject = None if shot.subject is None else np.clip(cut(shot.subject), 0, 1)
    behind = None if shot.behind is None else curve[cut(shot.behind)]
    return Shot(curve[cut(shot.frames)], subject, behind=behind)

"""Drawing a cartoon character from shaded shapes: a shape is its signed distance, in the character's own lengths.

Places are (x, y) from the middle of its feet, x to the right and y up; 1 is its height. Distances are negative inside.
"""

from dataclasses import dataclass

import numpy as np

from refrain.data.effects.effected import smooth

SIZES = {"small": 0.29, "medium": 0.38, "big": 0.50}  # heights of the frame, without what sticks out


@dataclass(frozen=True)
class Figure:
    """A part of the frame on which a character is drawn, shape upon shape. `colour` and `cover` are written to."""

    box: tuple[slice, slice]
    x: np.ndarray  # float32 [y, x]
    y: np.ndarray  # float32 [y, x]
    pixel: float  # side of a pixel in heights of the character
    colour: np.ndarray  # float32 [y, x, 3]
    cover: np.ndarray  # float32 [y, x]

    def draw(self, shape: "Shape", colour: np.ndarray, deep: float = 0.1, outline: float = 0.016) -> None:
        """Lay one shape over what is there, lit from above on the left, with a dark outline.

        deep: how far from its edge it is flat again. outline: its width, 0 for none.
        """
        far, box = shape.far, shape.box
        if min(far.shape) < 2:
            return
        whole = np.clip(0.5 - far / self.pixel, 0, 1)
        shown = np.broadcast_to(colour.astype(np.float32), (*far.shape, 3))
        if deep > 0:
            down, right = np.gradient(far, self.pixel)
            bent = np.clip(1 + far / deep, 0, 1)
            light = 1.05 - bent * (0.26 * down * bent + 0.13 * right + 0.03)
            shown = np.clip(shown * light[..., None], 0, 1)
        if outline > 0:
            edge = np.clip((far + max(outline, 0.9 * self.pixel)) / self.pixel + 0.5, 0, 1)[..., None]
            shown = shown + (colour * np.float32(0.22) + np.float32(0.03) - shown) * edge
        self.colour[box] += (shown - self.colour[box]) * whole[..., None]
        np.maximum(self.cover[box], whole, out=self.cover[box])

    def oval(self, x: float, y: float, wide: float, tall: float, turn: float = 0.0) -> "Shape":
        """An ellipse with half axes `wide`, `tall`, turned by `turn` radians; its distance is exact near its edge."""
        reach = max(wide, tall) if turn else 0
        box = self._around(x, y, max(wide, reach), max(tall, reach))
        c, s = float(np.cos(turn)), float(np.sin(turn))
        dx, dy = self.x[box] - x, self.y[box] - y
        u, v = dx * c + dy * s, dy * c - dx * s
        q = np.hypot(u / wide, v / tall)
        return Shape(box, q * (q - 1) / np.maximum(np.hypot(u / wide**2, v / tall**2), 1e-3))

    def tube(self, path: np.ndarray, thick: np.ndarray) -> "Shape":
        """A bent tube along points [N, 2], with one radius at every point [N]."""
        low, high = path.min(axis=0), path.max(axis=0)
        (x, y), (wide, tall) = ((low + high) / 2).tolist(), ((high - low) / 2 + thick.max()).tolist()
        box = self._around(x, y, wide, tall)
        px, py = self.x[box], self.y[box]
        far = np.full_like(px, 9.0)
        for n in range(len(path) - 1):
            (ax, ay), (bx, by) = path[n].tolist(), path[n + 1].tolist()
            square = max((bx - ax) ** 2 + (by - ay) ** 2, 1e-9)
            along = np.clip(((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / square, 0, 1)
            radius = float(thick[n]) + along * float(thick[n + 1] - thick[n])
            off = np.hypot(px - ax - along * (bx - ax), py - ay - along * (by - ay)) - radius
            far = np.minimum(far, off)
        return Shape(box, far)

    def _around(self, x: float, y: float, wide: float, tall: float) -> tuple[slice, slice]:
        """The part of the figure that holds a shape around (x, y), and a pixel or two more."""
        more = 2 * self.pixel
        rows = np.searchsorted(-self.y[:, 0], [-(y + tall + more), -(y - tall - more)])
        columns = np.searchsorted(self.x[0], [x - wide - more, x + wide + more])
        return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))


@dataclass(frozen=True)
class Shape:
    """A part of a figure, and the signed distance to a shape there."""

    box: tuple[slice, slice]
    far: np.ndarray  # float32 [y, x]


def figure_at(
    size: tuple[int, int], foot: tuple[float, float], tall: float, reach: tuple[float, float], stretch: float = 1.0
) -> Figure | None:
    """An empty figure whose feet stand at `foot` (x, y) in pixels, `tall` pixels high; None where it is out of sight.

    reach: how far it extends to either side, and above its feet. stretch: above 1 it is longer and thinner.
    """
    wide, high = tall / stretch**0.5, tall * stretch
    top, bottom = max(int(foot[1] - reach[1] * high), 0), min(int(foot[1] + 0.25 * high) + 2, size[0])
    left, right = max(int(foot[0] - reach[0] * wide), 0), min(int(foot[0] + reach[0] * wide) + 2, size[1])
    if bottom - top < 2 or right - left < 2 or tall < 1:
        return None
    x = (np.arange(left, right, dtype=np.float32) - np.float32(foot[0])) / np.float32(wide)
    y = (np.float32(foot[1]) - np.arange(top, bottom, dtype=np.float32)) / np.float32(high)
    shape = (bottom - top, right - left)
    x, y = np.repeat(x[None], shape[0], 0), np.repeat(y[:, None], shape[1], 1)
    box = (slice(top, bottom), slice(left, right))
    return Figure(box, x, y, 1 / tall, np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32))


def shadow(size: tuple[int, int], foot: tuple[float, float], wide: float, dark: float) -> np.ndarray:
    """A soft shadow on the ground around `foot` (x, y), `wide` pixels to either side: float32 [Y, X]."""
    y = (np.arange(size[0], dtype=np.float32) - np.float32(foot[1]))[:, None] / np.float32(max(wide * 0.26, 0.7))
    x = (np.arange(size[1], dtype=np.float32) - np.float32(foot[0]))[None] / np.float32(max(wide, 0.7))
    return np.exp(-y * y) * (np.exp(-x * x) * np.float32(dark))


def blink(now: float, phase: float) -> float:
    """How wide eyes are open at frame `now`: 1, and for a moment about 0 every two seconds or so."""
    age = (now + phase * 46) % 46
    return 1 - 0.92 * float(smooth(np.asarray(abs(age - 23)), 3.0, 1.2))

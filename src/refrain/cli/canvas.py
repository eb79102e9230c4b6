"""A white sheet to draw on: boxes, words and pictures, at three times the size so that edges come out smooth."""

from pathlib import Path
from typing import Any

FINE = 3  # pixels of the drawing per pixel of the PNG
INK, PALE, LINE = (40, 40, 46), (120, 120, 128), (222, 222, 228)
COLOURS = {  # RGB, by kind of segment
    "text": (150, 150, 160),
    "source": (46, 125, 190),
    "reference": (130, 90, 180),
    "mask": (90, 90, 90),
    "answer": (60, 155, 95),
    "target": (222, 110, 50),
}


class Canvas:
    """Coordinates are (x, y) in pixels of the PNG, from the upper left."""

    def __init__(self, width: int, height: int) -> None:
        import numpy as np

        self.pixels: Any = np.full((height * FINE, width * FINE, 3), 255, np.uint8)  # RGB

    def box(
        self, x: float, y: float, width: float, height: float, colour: tuple[int, int, int], line: float = 0
    ) -> None:
        """A filled box, or with `line` only its outline, so many pixels thick."""
        import cv2

        corners = [round(v * FINE) for v in (x, y, x + width, y + height)]
        thick = round(line * FINE) if line else cv2.FILLED
        cv2.rectangle(self.pixels, corners[:2], [c - 1 for c in corners[2:]], colour, thick, cv2.LINE_AA)

    def hatch(self, x: float, y: float, width: float, height: float, colour: tuple[int, int, int]) -> None:
        """Slanted lines over a box."""
        import cv2
        import numpy as np

        left, top, right, bottom = (round(v * FINE) for v in (x, y, x + width, y + height))
        part = np.ascontiguousarray(self.pixels[top:bottom, left:right])
        rows, columns = part.shape[:2]
        for start in range(-rows, columns, 7 * FINE):
            cv2.line(part, (start, rows), (start + rows, 0), colour, max(1, FINE // 2), cv2.LINE_AA)
        self.pixels[top:bottom, left:right] = part

    def words(
        self, text: str, x: float, y: float, size: float = 14, colour: tuple[int, int, int] = INK, anchor: str = "left"
    ) -> None:
        """Text whose middle line is at y; `anchor` says which of its ends, or its middle, is at x."""
        import cv2

        font, scale, thick = cv2.FONT_HERSHEY_DUPLEX, size * FINE / 30, _thick(size)
        (width, height), _ = cv2.getTextSize(text or "x", font, scale, thick)
        left = round(x * FINE - {"left": 0, "middle": width / 2, "right": width}[anchor])
        place = (left, round(y * FINE + height / 2))
        cv2.putText(self.pixels, text, place, font, scale, colour, thick, cv2.LINE_AA)

    def picture(self, frame: Any, x: float, y: float) -> None:
        """A frame uint8 [Y, X, 3], RGB, at its own size in pixels of the PNG."""
        import numpy as np

        large = np.repeat(np.repeat(frame, FINE, 0), FINE, 1)
        top, left = round(y * FINE), round(x * FINE)
        self.pixels[top : top + large.shape[0], left : left + large.shape[1]] = large

    def save(self, path: Path) -> None:
        """Write a PNG, whole or not at all."""
        import cv2

        from refrain.cli.outputs import replaced

        small = cv2.resize(self.pixels, None, fx=1 / FINE, fy=1 / FINE, interpolation=cv2.INTER_AREA)
        _, packed = cv2.imencode(".png", small[..., ::-1])
        replaced(path, packed.tobytes())


def width_of(text: str, size: float = 14) -> float:
    """Pixels of the PNG that a text takes."""
    import cv2

    return cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, size * FINE / 30, _thick(size))[0][0] / FINE


def _thick(size: float) -> int:
    """How thick letters of a size are drawn; thicker ones are wider."""
    return max(1, round(size * FINE / 24))

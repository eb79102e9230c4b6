"""Who sees whom as a drawing: a square of cells, rows ask and columns are seen."""

from dataclasses import dataclass
from enum import Enum, auto
from math import sqrt

from refrain.cli.canvas import COLOURS, INK, LINE, PALE, Canvas, width_of

__all__ = ["COLOURS", "Cell", "Matrix"]

LEFT, TOP, SIDE, LEAST = 120.0, 118.0, 420.0, 34.0


class Cell(Enum):
    """Whether a row sees a column, and when that is computed."""

    UNSEEN = auto()
    ONCE = auto()  # clean keys and values are made once, and remembered
    STEP = auto()


@dataclass(frozen=True)
class Matrix:
    """names: (kind, label) of every segment; lengths: tokens of every segment; cells[i][j]: what i sees of j."""

    title: str
    said: str
    names: tuple[tuple[str, str], ...]
    lengths: tuple[int, ...]
    cells: list[list[Cell]]

    def draw(self) -> Canvas:
        """The drawing, with labels and a legend. Sides grow with the root of the tokens, so that small ones stay."""
        sides = self._sides()
        edges = [sum(sides[:i]) for i in range(len(sides) + 1)]
        width = max(LEFT + edges[-1] + 40, width_of(self.said, 12) + 40, width_of(self.title, 18) + 40)
        canvas = Canvas(round(width), round(TOP + edges[-1] + 96))
        canvas.words(self.title, 20, 26, 18)
        canvas.words(self.said, 20, 52, 12, PALE)
        canvas.words("is seen", LEFT + edges[-1] / 2, TOP - 42, 11, PALE, "middle")
        canvas.words("asks", LEFT - 12, TOP - 18, 11, PALE, "right")
        for i, (kind, name) in enumerate(self.names):
            middle = edges[i] + sides[i] / 2
            canvas.words(name, LEFT - 12, TOP + middle, 13, COLOURS[kind], "right")
            canvas.words(name, LEFT + middle, TOP - 18, _fits(name, sides[i]), COLOURS[kind], "middle")
        for i, row in enumerate(self.cells):
            for j, cell in enumerate(row):
                self._cell(canvas, cell, i, (LEFT + edges[j], TOP + edges[i], sides[j], sides[i]))
        self._legend(canvas, TOP + edges[-1] + 34)
        return canvas

    def _sides(self) -> list[float]:
        roots = [sqrt(n) for n in self.lengths]
        return [max(LEAST, SIDE * root / sum(roots)) for root in roots]

    def _cell(self, canvas: Canvas, cell: Cell, i: int, place: tuple[float, float, float, float]) -> None:
        x, y, width, height = place
        inner = (x + 1.5, y + 1.5, width - 3, height - 3)
        colour = COLOURS[self.names[i][0]]
        if cell is Cell.STEP:
            canvas.box(*inner, colour)
        elif cell is Cell.ONCE:
            canvas.box(*inner, _mixed(colour))
            canvas.hatch(*inner, colour)
        else:
            canvas.box(*inner, (246, 246, 248))

    def _legend(self, canvas: Canvas, y: float) -> None:
        x = 20.0
        for cell, text in ((Cell.STEP, "at every step"), (Cell.ONCE, "once, then remembered"), (Cell.UNSEEN, "never")):
            if cell is Cell.UNSEEN or any(cell in row for row in self.cells):
                if cell is Cell.UNSEEN:
                    canvas.box(x, y - 8, 16, 16, (246, 246, 248))
                    canvas.box(x, y - 8, 16, 16, LINE, 1)
                else:
                    canvas.box(x, y - 8, 16, 16, PALE if cell is Cell.STEP else _mixed(PALE))
                    if cell is Cell.ONCE:
                        canvas.hatch(x, y - 8, 16, 16, PALE)
                canvas.words(text, x + 24, y, 12, INK)
                x += 24 + width_of(text, 12) + 26
        canvas.words("The number after a name is its beat; only a target is noisy.", 20, y + 28, 11, PALE)


def _mixed(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Three quarters of the way to white."""
    red, green, blue = (255 - (255 - c) // 4 for c in colour)
    return red, green, blue


def _fits(name: str, side: float) -> float:
    """The size at which a name is no wider than its column."""
    return min(13.0, 13.0 * (side - 4) / width_of(name, 13))

"""What `refrain calibrate` found, drawn: error against cost, how errors spread over queries, and layers by heads."""

from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING

from refrain.cli.canvas import FINE, INK, LINE, PALE, Canvas

if TYPE_CHECKING:
    from torch import Tensor

    from refrain.editing.calibrate import Measured
    from refrain.editing.choose import Choice, Point

Colour = tuple[int, int, int]
BLUE, GREEN, ORANGE, VIOLET, GREY = (32, 104, 176), (44, 140, 84), (214, 92, 30), (130, 90, 180), (150, 150, 160)
STYLES: dict[str, tuple[str, Colour, str]] = {  # family: what it is called, its colour, its mark
    "isa": ("Isa(keep), means", BLUE, "disc"),
    "isa order 1": ("Isa(keep, order=1)", GREEN, "disc"),
    "isa raster": ("Isa(keep, tile=64): raster order", GREY, "ring"),
    "context x2": ("twice the keep on the context", VIOLET, "ring"),
    "isa, neighbours first": ("neighbours=True", (20, 50, 100), "disc"),
    "isa, tiles of one frame": ("tile=(1, 8, 8)", (205, 60, 120), "disc"),
    "threshold": ("threshold on pooled mass, 0.5 to 0.99", (30, 150, 160), "ring"),
    "published, context share": ("published, context share 1/32 to 1", (236, 160, 60), "square"),
    "published, dense share": ("published, dense share 0 to 1", (150, 60, 30), "square"),
    "published": ("published (1/8, 1/2, 1/16)", ORANGE, "diamond"),
}
WIDTH, HEIGHT = 1180, 1010


@dataclass(frozen=True)
class Axes:
    """A frame to draw in, both axes logarithmic: `x` and `y` say from where to where, in pixels and in values."""

    canvas: Canvas
    box: tuple[float, float, float, float]  # left, top, width, height
    x: tuple[float, float]
    y: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a value; what lies outside is put on the frame."""
        left, top, width, height = self.box
        across, up = (
            min(max(log10(max(v, 1e-12) / low) / log10(high / low), 0.0), 1.0)
            for v, (low, high) in ((x, self.x), (y, self.y))
        )
        return left + across * width, top + (1 - up) * height

    def frame(self, x_said: Ordered[tuple[float, str]], y_said: Ordered[tuple[float, str]]) -> None:
        """Lines of the grid with what they are called."""
        left, top, width, height = self.box
        for value, said in x_said:
            x, _ = self.place(value, self.y[0])
            stroke(self.canvas, [(x, top), (x, top + height)], LINE, 1)
            self.canvas.words(said, x, top + height + 14, 11, PALE, "middle")
        for value, said in y_said:
            _, y = self.place(self.x[0], value)
            stroke(self.canvas, [(left, y), (left + width, y)], LINE, 1)
            self.canvas.words(said, left - 8, y, 11, PALE, "right")

    def curve(self, points: Ordered[tuple[float, float]], colour: Colour, thick: float = 2) -> None:
        stroke(self.canvas, [self.place(*point) for point in points], colour, thick)

    def bar(self, x: float, low: float, high: float, colour: Colour) -> None:
        """The interval of a point."""
        (at, bottom), (_, top) = self.place(x, low), self.place(x, high)
        stroke(self.canvas, [(at, bottom), (at, top)], _pale(colour), 1.5)
        for end in (bottom, top):
            stroke(self.canvas, [(at - 3, end), (at + 3, end)], _pale(colour), 1.5)

    def mark(self, x: float, y: float, colour: Colour, kind: str, size: float = 4) -> None:
        mark(self.canvas, self.place(x, y), colour, kind, size)


def sheet_of(measured: "Measured", choice: "Choice", error: float, order: int) -> Canvas:
    """The whole sheet."""
    canvas = Canvas(WIDTH, HEIGHT)
    edits, tokens = int(measured.edits.max()) + 1, measured.tokens
    canvas.words("error against cost of sparse attention", 24, 30, 20)
    said = (
        f"{edits} edits, {len(measured.times)} moments, {measured.error.shape[1]} layers of {measured.error.shape[2]} "
        f"heads; {tokens[0]:,} target and {tokens[1]:,} context tokens; bars: 95 % intervals over edits, moments, heads"
    )
    canvas.words(said, 24, 56, 12, PALE)
    _curves(canvas, measured, choice, error)
    _histogram(canvas, measured)
    _sharp(canvas, measured)
    _grids(canvas, measured, choice, error, order)
    return canvas


def _curves(canvas: Canvas, measured: "Measured", choice: "Choice", error: float) -> None:
    """Error against cost, a curve a family."""
    from refrain.editing.choose import curve

    drawn = {family: curve(measured, family) for family in STYLES if measured.of(family)}
    shown = [p for points in drawn.values() for p in points if p.error > 1e-6]
    low = min([error / 2, *(p.low for p in shown if p.cost < 0.95)])
    high = max([2 * error, *(p.high for p in shown)])
    axes = Axes(canvas, (80, 92, 640, 500), (0.8 * min(p.cost for p in shown), 1.0), (max(low, 1e-4) / 1.3, high * 1.3))
    costs = [(c, f"{c:g}") for c in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if axes.x[0] <= c]
    axes.frame(costs, [(e, f"{e:g}") for e in ticks(*axes.y)])
    canvas.words("cost, of dense attention", 400, 626, 12, PALE, "middle")
    canvas.words("error: rms of the difference over rms of the answer, mean over heads", 80, 80, 12, PALE)
    _, at = axes.place(1, error)
    dashes(canvas, (80, at), (720, at), INK)
    canvas.words(f"asked: {error:g}", 86, at - 9, 11, INK)
    for family, points in drawn.items():
        _family(axes, family, [p for p in points if p.error > 1e-6])
    axes.mark(choice.cost, choice.reached, INK, "cross", 7)
    _legend(canvas, [*(STYLES[family] for family in drawn), ("the budgets that were chosen", INK, "cross")], 92, 648)


def _family(axes: Axes, family: str, points: "list[Point]") -> None:
    _, colour, kind = STYLES[family]
    thick = 2.5 if family.startswith("isa") and family != "isa raster" else 1.5
    for p in points:
        axes.bar(p.cost, p.low, p.high, colour)
    axes.curve([(p.cost, p.error) for p in points], colour, thick)
    for p in points:
        axes.mark(p.cost, p.error, colour, kind, 8 if family == "published" else 4)


def _legend(canvas: Canvas, styles: "list[tuple[str, Colour, str]]", x: float, y: float) -> None:
    """Three columns of marks and names."""
    for n, (said, colour, kind) in enumerate(styles):
        left, line = x + 345 * (n % 3), y + 22 * (n // 3)
        mark(canvas, (left, line), colour, kind, 6 if kind == "diamond" else 4)
        canvas.words(said, left + 14, line, 12, INK)


def _histogram(canvas: Canvas, measured: "Measured") -> None:
    """How the errors of single queries are spread, the published way beside Isa at no higher cost."""
    from refrain.editing.calibrate import EDGES, ISA, PUBLISHED
    from refrain.editing.choose import curve, nearest

    if not measured.of(PUBLISHED) or not measured.of(ISA):
        return
    was = curve(measured, PUBLISHED)[0]
    now = nearest(curve(measured, ISA), was.cost)
    axes = Axes(canvas, (800, 92, 340, 200), (float(EDGES[0]), float(EDGES[-1])), (1, 10))
    left, top, width, height = axes.box
    canvas.words("errors of single queries, over their head's rms answer", left, 80, 12, PALE)
    for value in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1):
        x, _ = axes.place(value, 1)
        stroke(canvas, [(x, top), (x, top + height)], LINE, 1)
        canvas.words(f"{value:g}", x, top + height + 14, 11, PALE, "middle")
    pairs = ((was, PUBLISHED, ORANGE), (now, ISA, BLUE))
    shares = []
    for point, family, _ in pairs:
        number = next(n for n in measured.of(family) if measured.ways[n].at == point.at)
        counts = measured.counts[number].float()
        shares.append((counts / counts.sum()).tolist())
    peak = max(map(max, shares))
    for share, (_, _, colour) in zip(shares, pairs):
        steps: list[tuple[float, float]] = []
        for n in range(1, len(share) - 1):
            y = top + height - height * 0.94 * share[n] / peak
            steps += [(axes.place(float(EDGES[n - 1]), 1)[0], y), (axes.place(float(EDGES[n]), 1)[0], y)]
        stroke(canvas, steps, colour, 2)
    stroke(canvas, [(left, top + height), (left + width, top + height)], PALE, 1)
    canvas.words(f"published, cost {was.cost:.2f}", left + 6, top + 12, 12, ORANGE)
    canvas.words(f"Isa({now.at:g}), cost {now.cost:.2f}", left + 6, top + 32, 12, BLUE)


def _sharp(canvas: Canvas, measured: "Measured") -> None:
    """Whether the query tiles that look sharp are those that err: the rms error of either half over that of all."""
    from refrain.editing.choose import sharpness

    left, top = 800.0, 366.0
    canvas.words("error of the less sharp and of the sharper half of the", left, top, 12, PALE)
    canvas.words("query tiles, over that of all; nothing dense", left, top + 18, 12, PALE)
    for n, (name, told) in enumerate(sharpness(measured).items()):
        y = top + 50 + 92 * n
        if told["less_sharp"] is None or told["sharper"] is None or told["spearman"] is None:
            continue
        canvas.words(f"{name}: Spearman {told['spearman']:+.2f}", left, y, 12, INK)
        for line, (said, value) in enumerate((("less sharp", told["less_sharp"]), ("sharper", told["sharper"]))):
            at = y + 22 + 24 * line
            canvas.words(said, left + 80, at, 12, PALE, "right")
            canvas.box(left + 88, at - 8, 130 * value, 16, ORANGE if line == 0 else _pale(ORANGE))
            canvas.words(f"{value:.2f}", left + 94 + 130 * value, at, 12, INK)


def _grids(canvas: Canvas, measured: "Measured", choice: "Choice", error: float, order: int) -> None:
    """Layers by heads: attention on the context, and what is kept."""
    from refrain.editing.choose import context_mass

    y = 778.0
    said = f"keep chosen for an error of {error:g}" + (", order 1" if order else "")
    for x, title, values, colour in (
        (80.0, "attention on the context", context_mass(measured), VIOLET),
        (640.0, said, choice.keep, BLUE),
    ):
        canvas.words(title, x, y - 32, 12, INK)
        canvas.words("head", x - 8, y - 12, 11, PALE, "right")
        canvas.words("layer", x - 8, y + 10, 11, PALE, "right") if len(values) > 12 else None
        _grid(canvas, (x, y, 500, 200), values, colour)


def _grid(canvas: Canvas, box: tuple[float, float, float, float], values: "Tensor", colour: Colour) -> None:
    """A table of shares of 0 to 1, the darker the more; figures where there is room."""
    left, top, width, height = box
    layers, heads = values.shape
    wide, high = min(84.0, width / heads), min(32.0, height / layers)
    for layer, row in enumerate(values.tolist()):
        y = top + layer * high
        if high >= 12 or layer % 5 == 0:
            canvas.words(str(layer), left - 8, y + high / 2, 11, PALE, "right")
        for head, value in enumerate(row):
            shade = tuple(round(250 - (250 - c) * value) for c in colour)
            canvas.box(left + head * wide, y, wide - 1, high - 1, (shade[0], shade[1], shade[2]))
            if wide >= 36 and high >= 14:
                ink = (255, 255, 255) if value > 0.55 else INK
                canvas.words(f"{value:.3g}", left + (head + 0.5) * wide, y + high / 2, 11, ink, "middle")
    for head in range(heads):
        if wide >= 14 or head % 5 == 0:
            canvas.words(str(head), left + (head + 0.5) * wide, top - 12, 11, PALE, "middle")


# -- strokes and marks ------------------------------------------------------------------------------------------------


def stroke(canvas: Canvas, points: Ordered[tuple[float, float]], colour: Colour, thick: float) -> None:
    """A line through points, in pixels of the PNG."""
    import cv2
    import numpy as np

    line = np.array([[round(x * FINE), round(y * FINE)] for x, y in points], np.int32)
    cv2.polylines(canvas.pixels, [line], False, colour, max(1, round(thick * FINE)), cv2.LINE_AA)


def dashes(canvas: Canvas, start: tuple[float, float], stop: tuple[float, float], colour: Colour) -> None:
    """A level line of dashes."""
    x = start[0]
    while x < stop[0]:
        stroke(canvas, [(x, start[1]), (min(x + 5, stop[0]), start[1])], colour, 1)
        x += 10


def mark(canvas: Canvas, at: tuple[float, float], colour: Colour, kind: str, size: float) -> None:
    """A disc, ring, square, diamond or cross, `size` pixels from its middle to its edge."""
    import cv2
    import numpy as np

    x, y = at
    middle = (round(x * FINE), round(y * FINE))
    if kind == "disc":
        cv2.circle(canvas.pixels, middle, round(size * FINE), colour, cv2.FILLED, cv2.LINE_AA)
    elif kind == "ring":
        cv2.circle(canvas.pixels, middle, round(size * FINE), (255, 255, 255), cv2.FILLED, cv2.LINE_AA)
        cv2.circle(canvas.pixels, middle, round(size * FINE), colour, round(1.5 * FINE), cv2.LINE_AA)
    elif kind == "cross":
        stroke(canvas, [(x - size, y - size), (x + size, y + size)], colour, 2.5)
        stroke(canvas, [(x - size, y + size), (x + size, y - size)], colour, 2.5)
    else:
        turned = kind == "diamond"
        corners = [(0, -1), (1, 0), (0, 1), (-1, 0)] if turned else [(-1, -1), (1, -1), (1, 1), (-1, 1)]
        shape = np.array([[round((x + size * a) * FINE), round((y + size * b) * FINE)] for a, b in corners], np.int32)
        cv2.fillPoly(canvas.pixels, [shape], colour, cv2.LINE_AA)


def ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of every decade between two values; 1 alone where that would be many."""
    decades = range(floor(log10(low)), floor(log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) < 5 else (1,)
    return [step * 10.0**n for n in decades for step in steps if low <= step * 10.0**n <= high]


def _pale(colour: Colour) -> Colour:
    """Half the way to white."""
    red, green, blue = (255 - (255 - c) // 2 for c in colour)
    return red, green, blue

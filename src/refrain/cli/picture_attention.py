"""What sparse attention looks at exactly, and where it errs, drawn on the frames of a real edit."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from refrain.cli.canvas import FINE, INK, PALE, Canvas
from refrain.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor

    from refrain.attention import Isa, Spec
    from refrain.attention.explain import Report
    from refrain.attention.tiles import Tiles
    from refrain.editing.editor import Editor
    from refrain.editing.request import Edit
    from refrain.media import Clip
    from refrain.models.wan.denoiser import Seen
    from refrain.sequence import Segment

HEIGHT, GAP, LEFT, TOP, MOST = 132, 6, 168, 96, 6  # of a frame; frames shown at most
ORANGE, WHITE = (236, 112, 36), (255, 255, 255)
RAMP = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))  # viridis


@dataclass(frozen=True)
class Where:
    """Which call of which head is drawn: the step nearest to noise time `time`; `query`: a tile, or the one that errs
    most."""

    layer: int
    head: int
    time: float
    query: int | None


@dataclass(frozen=True, eq=False)
class Shown:
    """One call of one head, and what was made of it."""

    seen: "Seen"
    report: "Report"
    spec: "Isa"
    query: int


class Enough(Exception):
    """The call that was wanted has been seen; the rest of the edit is not."""


def look(editor: "Editor", request: "Edit", spec: "Spec", where: Where) -> Shown:
    """Run an edit densely up to the step, and explain what `spec` would do there. Raises BadInput for what is not."""
    from refrain.attention import Isa
    from refrain.attention.explain import explain

    if not isinstance(spec, Isa):
        raise BadInput("Dense and flex attention leave nothing out; give --attention isa:1/8, for example.")
    seen = _seen(editor, request, where)
    here = spec.at(where.layer, seen.t)
    if not isinstance(here, Isa):
        raise BadInput(f"This attention is dense in layer {where.layer} at noise time {seen.t:.2f}; look elsewhere.")
    shared = seen.q.shape[2] // seen.k.shape[2]
    one = slice(where.head, where.head + 1)
    kept = slice(where.head // shared, where.head // shared + 1)
    here = replace(here, budgets=tuple(layer[one] for layer in here.budgets))
    report = explain(seen.q[:, :, one], seen.k[:, :, kept], seen.v[:, :, kept], seen.plan, here)
    return Shown(seen, report, here, _query(seen, report, where.query))


def _seen(editor: "Editor", request: "Edit", where: Where) -> "Seen":
    """The call itself, of the first window."""
    import torch

    from refrain.editing.calibrate import answer
    from refrain.editing.walk import walk_of
    from refrain.flow import times, wan_times
    from refrain.models.wan.denoiser import Seen, WanDenoiser

    denoiser = editor.denoiser
    if not isinstance(denoiser, WanDenoiser):
        raise BadInput(f"A {type(denoiser).__name__} cannot be watched.")
    net = denoiser.experts[0].transformer
    for name, number, count in (
        ("--layer", where.layer, len(net.blocks)),
        ("--head", where.head, net.config.num_attention_heads),
    ):
        if not 0 <= number < count:
            raise BadInput(f"{name} must be 0 to {count - 1}, not {number}.")
    walk = walk_of(request, editor.card)
    stations = (wan_times if walk.grid == "wan" else times)(walk.steps, walk.shift)[:-1]
    step = int((stations - where.time).abs().argmin())
    found: list[Seen] = []
    asked: list[float] = []

    def watch(seen: Seen) -> None:
        row = seen.plan.row
        if row is None or not any(row.segments[i].noisy for i in seen.plan.queries):
            return
        if seen.layer == 0 and (not asked or asked[-1] != seen.t):
            asked.append(seen.t)
        if len(asked) == step + 1 and seen.layer == where.layer:
            found.append(seen)
            raise Enough

    denoiser.watch = watch
    try:
        with torch.no_grad():
            answer(editor, request, lambda progress: None)
    except Enough:
        pass
    finally:
        denoiser.watch = None
        denoiser.forget()
    return found[0]


def _query(seen: "Seen", report: "Report", wanted: int | None) -> int:
    """The number of a query tile of the target: as wanted, or the one that errs most."""
    row = seen.plan.row
    assert row is not None
    mine = [n for n, i in enumerate(report.queries.segment.tolist()) if row.segments[i].noisy]
    if wanted is None:
        return max(mine, key=lambda n: float(report.error[0, 0, n]))
    if not 0 <= wanted < len(mine):
        raise BadInput(f"The target has {len(mine)} query tiles; --query must be 0 to {len(mine) - 1}, not {wanted}.")
    return mine[wanted]


# -- the drawing ------------------------------------------------------------------------------------------------------


def draw(shown: Shown, clip: "Clip", title: str) -> Canvas:
    """The sheet: the source, maps over the target's query tiles, and the keys of one of them."""
    sheet = _Sheet(shown, clip)
    seen, report = shown.seen, shown.report
    rms = float(report.output[0, 0])
    kept = report.kept[0, 0]
    if int(kept.min()) == int(kept.max()):
        first = (("left to means", "of the weight"), report.on_means[0, 0].float())
    else:
        first = (("exact tiles", f"{int(kept.min())} to {int(kept.max())}, a share"), kept / report.seen)
    error, likely, most = (x[0, 0].float() / rms for x in (report.error, report.estimate, report.bound))
    keys = sheet.key_rows()
    canvas = Canvas(sheet.width, TOP + (HEIGHT + GAP) * (4 + len(keys)) + 84)
    canvas.words(title, 20, 28, 18)
    told = (
        f"noise time {seen.t:.2f}; {len(report.keys)} tiles of keys; "
        f"cost {report.cost:.2f} of dense; error {float(report.relative[0, 0]):.3f} of the output, rms"
    )
    canvas.words(told, 20, 56, 12, PALE)
    y = float(TOP)
    sheet.heads(canvas, y - 14)
    sheet.row(canvas, y, ("source",), None, 1)
    top = max(float(error.max()), float(likely.max()), 1e-9)
    for n, (said, values, ceiling) in enumerate(
        (
            (*first, None),
            (("true error", "of the rms output"), error, top),
            (("its estimate", "without asking all"), likely, top),
        ),
        start=1,
    ):
        sheet.row(canvas, y + n * (HEIGHT + GAP), said, values, ceiling or float(values.max()))
    note = (
        f"The bound on the error of any query: {float(most.median()):.2f} in the median tile, {float(most.max()):.2f} "
    )
    note += "at most, of the rms output."
    y += 4 * (HEIGHT + GAP) + 34
    canvas.words(note, LEFT, y - 24, 12, PALE)
    said = f"What query tile {sheet.number} looks at exactly (bright, orange rim); the rest it knows by its means"
    canvas.words(said, 20, y + 8, 13)
    y += 32
    for n, key in enumerate(keys):
        sheet.keys(canvas, y + n * (HEIGHT + GAP), key)
    return canvas


class _Sheet:
    """Where everything goes, and the frames themselves."""

    def __init__(self, shown: Shown, clip: "Clip") -> None:
        row = shown.seen.plan.row
        assert row is not None
        self.shown, self.row_of, self.clip = shown, row, clip
        self.target = row.target
        self.times = _spread(self.target.size[0])
        rows, columns = clip.size
        self.wide = max(48, round(HEIGHT * columns / rows))
        self.width = LEFT + len(self.times) * (self.wide + GAP) + 92
        self.frames = {t: self._frame(t) for t in range(self.target.size[0])}
        mine = [i for i, n in enumerate(shown.report.queries.segment.tolist()) if row.segments[n].noisy]
        self.number = mine.index(shown.query)

    def _frame(self, t: int) -> Any:
        """The source at latent frame t, uint8 [y, x, 3]."""
        n = min(4 * t, len(self.clip) - 1)
        small = self.clip.between(n, n + 1).at((HEIGHT, self.wide))[0]
        return ((small + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()

    def heads(self, canvas: Canvas, y: float) -> None:
        for column, t in enumerate(self.times):
            middle = LEFT + column * (self.wide + GAP) + self.wide / 2
            canvas.words(f"frame {min(4 * t, len(self.clip) - 1)}", middle, y, 11, PALE, "middle")

    def row(self, canvas: Canvas, y: float, said: tuple[str, ...], values: "Tensor | None", most: float) -> None:
        """Frames with a number for every query tile laid over them, and a scale."""
        for n, line in enumerate(said):
            canvas.words(
                line, LEFT - 12, y + HEIGHT / 2 - 9 * (len(said) - 1) + 18 * n, 12, PALE if n else INK, "right"
            )
        places = places_of(self.shown.report.queries, self.shown.seen.plan.queries, self.row_of.segments, self.target)
        for column, t in enumerate(self.times):
            x = LEFT + column * (self.wide + GAP)
            picture = self.frames[t]
            if values is not None:
                shade = (values[places[t]] / most).clamp(0, 1)  # [Y, X]
                picture = mixed(picture, coloured(enlarged(shade.numpy(), picture.shape)), 0.62)
            canvas.picture(picture, x, y)
            if values is not None:
                edges(canvas, enlarged(places[t].numpy(), picture.shape), (x, y), WHITE, 0.5)
            own = enlarged((places[t] == self.shown.query).numpy(), picture.shape)
            edges(canvas, own, (x, y), ORANGE, 2, rim=True)
        if values is not None:
            self._scale(canvas, y, most)

    def _scale(self, canvas: Canvas, y: float, most: float) -> None:
        """What the colours mean."""
        x = LEFT + len(self.times) * (self.wide + GAP) + 6
        steps = 44
        for n in range(steps):
            canvas.box(x, y + HEIGHT * n / steps, 12, HEIGHT / steps + 0.4, ramp(1 - n / (steps - 1)))
        canvas.words(f"{most:.2g}", x + 18, y + 6, 11, PALE)
        canvas.words("0", x + 18, y + HEIGHT - 6, 11, PALE)

    def key_rows(self) -> list[int]:
        """Numbers of the segments whose tiles are keys, the target first."""
        return sorted(self.shown.seen.plan.keys, key=lambda n: not self.row_of.segments[n].noisy)

    def keys(self, canvas: Canvas, y: float, number: int) -> None:
        """The frames of one segment, where the query tile looks exactly."""
        from refrain.attention.isa.select import EXACT

        segment, report = self.row_of.segments[number], self.shown.report
        exact = report.state[0, 0, self.shown.query] == EXACT  # [M]
        inside = report.keys.segment == number
        size = "x".join(map(str, segment.size[1:]))
        said = (f"{segment.kind}, {size}", f"{int(exact[inside].sum())} of {int(inside.sum())} tiles")
        for n, line in enumerate(said):
            canvas.words(line, LEFT - 12, y + HEIGHT / 2 - 9 + 18 * n, 12, PALE if n else INK, "right")
        places = places_of(report.keys, self.shown.seen.plan.keys, self.row_of.segments, segment)
        canvas_times = sorted(set(segment.canvas[:, 0].tolist()))
        first = float(self.target.canvas[0, 0])
        for k, time in enumerate(canvas_times):
            t = round(time - first)
            if t not in self.times and not (len(canvas_times) == 1 and segment.kind == "answer"):
                continue
            x = LEFT + self.times.index(max(t, 0)) * (self.wide + GAP)
            picture = self.frames[max(t, 0)]
            lit = enlarged(exact[places[k]].numpy(), picture.shape)
            grey = picture.mean(-1, keepdims=True).repeat(3, -1) * 0.45 + 20
            canvas.picture((lit[..., None] * picture + ~lit[..., None] * grey).astype("uint8"), x, y)
            edges(canvas, enlarged(places[k].numpy(), picture.shape), (x, y), (150, 150, 156), 0.5)
            edges(canvas, lit, (x, y), ORANGE, 1.5, rim=True)
            if segment.noisy:
                own = enlarged((places[k] == self._own()).numpy(), picture.shape)
                edges(canvas, own, (x, y), WHITE, 2, rim=True)

    def _own(self) -> int:
        """The tile of keys that is the query tile itself."""
        queries, keys = self.shown.report.queries, self.shown.report.keys
        q = self.shown.query
        same = (keys.segment == queries.segment[q]) & (keys.place == queries.place[q]).all(-1)
        return int(same.nonzero()[0])


def places_of(tiles: "Tiles", held: tuple[int, ...], segments: "tuple[Segment, ...]", segment: "Segment") -> "Tensor":
    """The tile [T, Y, X] in which each token of a segment lies."""
    start = 0
    for number in held:
        if segments[number] is segment:
            return (tiles.back[start : start + len(segment)] // tiles.slots).reshape(segment.size).cpu()
        start += len(segments[number])
    raise BadInput(f"The {segment.kind} segment is not among these tiles.")


def _spread(count: int) -> list[int]:
    """At most `MOST` of so many, evenly spread, the first and the last included."""
    some = min(count, MOST)
    return sorted({round(n * (count - 1) / max(1, some - 1)) for n in range(some)})


# -- pixels -----------------------------------------------------------------------------------------------------------


def ramp(share: float) -> tuple[int, int, int]:
    """The colour of a share of 0 to 1."""
    at = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    n = min(int(at), len(RAMP) - 2)
    red, green, blue = (round(a + (b - a) * (at - n)) for a, b in zip(RAMP[n], RAMP[n + 1]))
    return red, green, blue


def coloured(shares: Any) -> Any:
    """Shares [y, x] as colours uint8 [y, x, 3]."""
    import numpy as np

    table = np.array([ramp(n / 255) for n in range(256)], np.uint8)
    return table[(shares * 255).round().astype(np.uint8)]


def enlarged(values: Any, shape: tuple[int, ...]) -> Any:
    """A map [Y, X] at the size of a picture, each value where its tokens are."""
    import numpy as np

    rows, columns = values.shape
    y = np.arange(shape[0]) * rows // shape[0]
    x = np.arange(shape[1]) * columns // shape[1]
    return values[y][:, x]


def mixed(below: Any, above: Any, share: float) -> Any:
    """A colour over a grey picture."""
    grey = below.mean(-1, keepdims=True)
    return (grey * (1 - share) + above * share).round().astype("uint8")


def edges(
    canvas: Canvas, map_: Any, place: tuple[float, float], colour: tuple[int, int, int], thick: float, rim: bool = False
) -> None:
    """Lines where neighbouring values differ; with `rim`, also where a true value meets the frame."""
    import cv2
    import numpy as np

    if rim and not map_.any():
        return
    wide = np.pad(map_, 1, constant_values=0) if rim else np.pad(map_, 1, mode="edge")
    x, y = place
    rows, columns = (wide[1:] != wide[:-1]).nonzero(), (wide[:, 1:] != wide[:, :-1]).nonzero()
    for r, c in zip(*rows):
        _line(cv2, canvas, (x + c - 1, y + r), (x + c, y + r), colour, thick)
    for r, c in zip(*columns):
        _line(cv2, canvas, (x + c, y + r - 1), (x + c, y + r), colour, thick)


def _line(
    cv2: Any, canvas: Canvas, start: tuple[float, float], stop: tuple[float, float], colour: tuple[int, int, int],
    thick: float,
) -> None:  # fmt: skip
    a, b = ((round(float(x) * FINE), round(float(y) * FINE)) for x, y in (start, stop))
    cv2.line(canvas.pixels, a, b, colour, max(1, round(thick * FINE)))

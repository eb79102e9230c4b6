"""A session's tree, as lines and as a picture: a turn stands below the one that it edits, another way beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refrain.cli.canvas import COLOURS, INK, LINE, PALE, Canvas, width_of

if TYPE_CHECKING:
    import numpy as np

HEIGHT, GAP, LANE, EDGE = 84, 14, 28, 16  # of a thumbnail, between two, from lane to lane, around all
LONGEST = 80  # letters of the words that are drawn


@dataclass(frozen=True)
class Row:
    """One line: a turn, how far to the right it stands, and the row of the turn that it edits (-1: the source)."""

    turn: dict[str, Any]
    lane: int
    above: int


def rows(shown: dict[str, Any]) -> list[Row]:
    """The rows of what `Session.show` gives: the first way on stays in its lane, later ones stand further right."""
    children: dict[int | None, list[int]] = {}
    for turn in shown["turns"]:
        children.setdefault(turn["parent"], []).append(turn["turn"])
    done: list[Row] = []
    left = [(0, 0, -1)]
    while left:  # a line of 64 turns is no reason to call 64 functions
        number, lane, above = left.pop()
        done.append(Row(shown["turns"][number], lane, above))
        ways = children.get(number, [])
        here = len(done) - 1
        left += reversed([(child, lane + (n > 0), here) for n, child in enumerate(ways)])
    return done


def lines(shown: dict[str, Any]) -> list[str]:
    """The tree as text; a star marks where the session stands."""
    return [f"{_mark(row, shown)} {row.turn['turn']:>3}  {'  ' * row.lane}{_said(row, shown)}{_after(row, n)}"
            for n, row in enumerate(rows(shown))]  # fmt: skip


def drawn(shown: dict[str, Any], thumb: "Callable[[int, int], np.ndarray]") -> Canvas:
    """The tree as a picture. thumb: from a turn's number and a height to a small frame uint8 [y, x, 3]."""
    listed = rows(shown)
    frames = [thumb(row.turn["turn"], HEIGHT) for row in listed]
    said = [_said(row, shown, LONGEST) for row in listed]
    right = [EDGE + row.lane * LANE + f.shape[1] + 12 + width_of(s, 13) for row, f, s in zip(listed, frames, said)]
    canvas = Canvas(round(max(right)) + EDGE, 2 * EDGE + len(listed) * (HEIGHT + GAP) - GAP)
    places = [(EDGE + row.lane * LANE, EDGE + n * (HEIGHT + GAP)) for n, row in enumerate(listed)]
    for row, (x, y) in zip(listed, places):
        if row.above >= 0:
            _way(canvas, places[row.above], (x, y))
    for row, frame, words, (x, y) in zip(listed, frames, said, places):
        canvas.picture(frame, x, y)
        if row.turn["turn"] == shown["here"]:
            canvas.box(x - 3, y - 3, frame.shape[1] + 6, HEIGHT + 6, COLOURS["target"], line=2)
        left = x + frame.shape[1] + 12
        canvas.words(f"{row.turn['turn']}", left, y + HEIGHT / 2 - 11, 11, PALE)
        canvas.words(words, left, y + HEIGHT / 2 + 9, 13, INK)
    return canvas


def _way(canvas: Canvas, above: tuple[int, int], below: tuple[int, int]) -> None:
    """From a turn down to the next; where that stands further right, down at the left edge and across."""
    x, top = above[0] + LANE // 2, above[1] + HEIGHT
    bottom = below[1] if below[0] == above[0] else below[1] + HEIGHT // 2
    canvas.box(x - 1, top, 2, bottom - top, LINE)
    if below[0] != above[0]:
        canvas.box(x - 1, bottom - 1, below[0] - x + 1, 2, LINE)


def _mark(row: Row, shown: dict[str, Any]) -> str:
    return "*" if row.turn["turn"] == shown["here"] else " "


def _said(row: Row, shown: dict[str, Any], most: int | None = None) -> str:
    """What was asked, and what beside the words says how; of the source its name. Of long words the first `most`."""
    turn = row.turn
    if turn["parent"] is None:
        return Path(shown["source"]).name if shown["source"] else "the source"
    frame, references = turn["frame"], turn.get("references", [])
    carried = [str(one) for one in references if isinstance(one, int)]
    how = [
        "" if frame is None else f"frame {frame} as a picture",
        f"carries turn {' and '.join(carried)}" if carried else "",
        _pictures(len(references) - len(carried)),
        "a story" if turn.get("story") else "",
    ]
    words, said = turn["words"], ", ".join(filter(None, how))
    if most is not None and len(words) > most:
        words = words[: most - 3].rstrip() + "..."
    return f"{words} ({said})" if said else words


def _pictures(count: int) -> str:
    return "" if not count else "with a picture" if count == 1 else f"with {count} pictures"


def _after(row: Row, number: int) -> str:
    return "" if row.above in (-1, number - 1) else f"  (of turn {row.turn['parent']})"

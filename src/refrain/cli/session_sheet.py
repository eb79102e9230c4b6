"""A session of the exam on one sheet: what was asked, the answers, the true ones below, and what the judge found."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from refrain.cli.canvas import COLOURS, INK, LINE, PALE, Canvas, width_of

if TYPE_CHECKING:
    import numpy as np

    from refrain.data.sessions import RenderedSession, RenderedTurn
    from refrain.evaluation.sessions.exam import Ask, Begin, Judged, Reply

EDGE, GAP, ASIDE = 12, 6, 54  # around all, between pictures, for the names of the rows
LEAST, LETTERS, LINES = 132, 11, 5  # pixels of a column; size of the letters; lines above it: at most 3 of the request


def watched(begin: "Begin", replies: "list[Reply]") -> "Begin":
    """The same, and every reply is kept in a list as well."""

    def begun(session: "RenderedSession") -> "Ask":
        ask = begin(session)

        def asked(turn: "RenderedTurn") -> "Reply":
            replies.append(ask(turn))
            return replies[-1]

        return asked

    return begun


def drawn(session: "RenderedSession", replies: "list[Reply]", judged: "list[Judged]") -> Canvas:
    """The source and, a column each, the turns that were asked; of a clip its middle frame.

    replies: those of all turns but one that was refused.
    """
    middle, (height, width) = session.source.length // 2, session.source.size
    column, head = max(width, LEAST) + GAP, LINES * (LETTERS + 5) + GAP
    rows = _rows(session, replies, middle)
    canvas = Canvas(2 * EDGE + ASIDE + (len(judged) + 1) * column, 2 * EDGE + head + len(rows) * (height + GAP))
    for n, (name, pictures) in enumerate(rows):
        y = EDGE + head + n * (height + GAP)
        canvas.words(name, EDGE, y + height / 2, LETTERS, PALE)
        for place, frame in pictures:
            canvas.picture(frame, EDGE + ASIDE + place * column, y)
            canvas.box(EDGE + ASIDE + place * column, y, width, height, LINE, line=1)
    canvas.words(f"{session.seed}", EDGE + ASIDE, EDGE + LETTERS, LETTERS, PALE)
    for n, one in enumerate(judged, 1):
        x, y = EDGE + ASIDE + n * column, EDGE + LETTERS
        said, told = (wrapped(words, lambda line: width_of(line, LETTERS) <= column - GAP)
                      for words in (one.instruction, found(one)))  # fmt: skip
        for colour, lines in ((INK, said[: LINES - 2]), (COLOURS["answer" if one.right else "target"], told[:2])):
            for line in lines:
                canvas.words(line, x, y, LETTERS, colour)
                y += LETTERS + 5
    return canvas


def found(one: "Judged") -> str:
    """What the judge found, in a few words."""
    from refrain.evaluation.sessions.judge import REST

    if one.refused:
        return "- refused"
    if not one.done:
        return f"- taken for: {one.seen_as}"
    if one.kept:
        return "+ right"
    return f"- rest: {one.rest:.0f} dB" if one.rest < REST else f"- drifts by {one.drift:.0f}"


def wrapped(said: str, fits: Callable[[str], bool]) -> list[str]:
    """Words in lines that fit; a word that does not is a line of its own."""
    lines: list[str] = []
    for word in said.split():
        if lines and fits(f"{lines[-1]} {word}"):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _rows(
    session: "RenderedSession", replies: "list[Reply]", middle: int
) -> "list[tuple[str, list[tuple[int, np.ndarray]]]]":
    """The name of each row, and its pictures by column: answers, true ones, and masks where they were predicted."""
    from refrain.data.sessions import shown

    source = (0, session.frames[middle])
    answers = [(n, reply.frames[middle]) for n, reply in enumerate(replies, 1)]
    truths = [(n, turn.frames[middle]) for n, turn in enumerate(session.turns[: len(replies)], 1)]
    rows = [("answer", [source, *answers]), ("truth", [source, *truths])]
    for which, name in enumerate(("now", "then")):
        masks = [(n, reply.masks[which]) for n, reply in enumerate(replies, 1)]
        predicted = [(n, shown(mask)[middle]) for n, mask in masks if mask is not None]
        rows += [(name, predicted)] if predicted else []
    return rows

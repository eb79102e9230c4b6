"""Sheets of the exam of sessions: every turn a column, the answer above the true one, and what the judge found."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from cli.conftest import Run
from refrain.cli import session_sheet as sheet
from refrain.cli.canvas import FINE
from refrain.data.sessions import RenderedTurn, draw_session
from refrain.errors import Unsupported
from refrain.evaluation.sessions import exam
from refrain.evaluation.sessions.exam import Ask, Judged, Reply

ASKED = ("evaluate", "sessions", "--each", 2, "--turns", 2, "--size", 64, "--quiet")
RIGHT = Judged(1, "remove", "remove it", True, True, "done", rest=40.0, drift=3.0)


def picture(path: Path) -> np.ndarray:
    seen = cv2.imread(str(path))
    assert seen is not None, path
    return seen[..., ::-1].astype(int)


def at(canvas: np.ndarray, column: int, row: int, side: int = 64) -> np.ndarray:
    x = sheet.EDGE + sheet.ASIDE + column * (max(side, sheet.LEAST) + sheet.GAP)
    y = sheet.EDGE + sheet.LINES * (sheet.LETTERS + 5) + sheet.GAP + row * (side + sheet.GAP)
    return canvas[y + 2 : y + side - 2, x + 2 : x + side - 2]  # without its frame


def test_answers_stand_above_true_ones_turn_by_turn(out: Path, run: Run) -> None:
    ran = run(*ASKED, "--truth", "--show", out / "sheets")
    assert ran.status == 0, ran.err
    assert sorted(p.name for p in (out / "sheets").iterdir()) == ["900000000.png", "900000001.png"]
    session, seen = draw_session(exam.FIRST, 2, (64, 64)), picture(out / "sheets" / "900000000.png")
    for column, true in enumerate((session.frames, *(turn.frames for turn in session.turns))):
        for row in (0, 1):
            assert np.abs(at(seen, column, row) - true[0, 2:-2, 2:-2]).max() <= 2
    mask = session.turns[0].mask_now[0, 2:-2, 2:-2]
    assert np.abs(at(seen, 1, 2)[..., 0] / 255 - mask).max() < 0.01


def test_a_session_that_ended_has_the_columns_of_its_turns_and_one_that_was_kept_is_not_drawn(
    out: Path, run: Run
) -> None:
    asked = (*ASKED, "--source", "-o", out / "run.jsonl", "--show")
    assert run(*asked, out / "once").status == 0 and run(*asked, out / "again").status == 0
    assert len(list((out / "once").iterdir())) == 2 and not list((out / "again").iterdir())
    wide = picture(out / "once" / "900000000.png").shape[1]
    assert wide == 2 * sheet.EDGE + sheet.ASIDE + 2 * (sheet.LEAST + sheet.GAP), "the source and the turn that failed"


def test_a_file_is_no_folder_for_sheets(out: Path, run: Run) -> None:
    (out / "sheets").write_text("mine")
    ran = run(*ASKED, "--truth", "--show", out / "sheets")
    assert ran.status == 2 and "is a file" in ran.err and (out / "sheets").read_text() == "mine"
    ran = run("evaluate", "sessions", "--truth", "--each", 0, "--stories", 1, "--show", out / "none")
    assert ran.status == 2 and "there are none" in ran.err and not (out / "none").exists()


def test_a_refused_turn_has_its_words_and_no_picture() -> None:
    def begin(session: object) -> Ask:
        def ask(turn: RenderedTurn) -> Reply:
            raise Unsupported("it has no words.")

        return ask

    session, replies = draw_session(5, 2, (64, 64)), list[Reply]()
    judged = exam.sit(sheet.watched(begin, replies), session)
    assert not replies and [sheet.found(one) for one in judged] == ["- refused"]
    drawn = sheet.drawn(session, replies, judged).pixels[::FINE, ::FINE]
    assert drawn.shape[1] == 2 * sheet.EDGE + sheet.ASIDE + 2 * (sheet.LEAST + sheet.GAP)
    assert (at(drawn, 1, 0) == 255).all() and (at(drawn, 0, 0) < 255).any(), "a source, and no answer"
    assert (drawn[: sheet.EDGE + 2 * sheet.LETTERS, sheet.EDGE + sheet.ASIDE + sheet.LEAST + sheet.GAP :] < 128).any()


def test_what_was_found_is_told_in_a_few_words() -> None:
    told = {
        "+ right": RIGHT,
        "- taken for: pink": replace(RIGHT, done=False, kept=False, seen_as="pink"),
        "- drifts by 17": replace(RIGHT, kept=False, drift=17.2),
        "- rest: 12 dB": replace(RIGHT, kept=False, rest=12.1),
    }
    assert {sheet.found(one): one for one in told.values()} == told


def test_words_are_wrapped_where_they_do_not_fit_and_none_is_lost() -> None:
    said = "put the extraordinarily long ring there"
    lines = sheet.wrapped(said, lambda line: len(line) <= 10)
    assert lines == ["put the", "extraordinarily", "long ring", "there"]

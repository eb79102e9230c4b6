"""A session as a user runs it: verbs, what they print, and what is written."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cli.conftest import COLUMNS, FRAMES, ROWS, Run
from cli.test_edit import equal
from editing.sessions import KNOWS_TURNS, changing, photo
from media.make import packets
from refrain import Session
from refrain.cli.canvas import Canvas
from refrain.cli.tree import drawn, lines, rows
from refrain.media import Clip

SNOW = "make it snow"


def shown(parents: list[int | None], here: int) -> dict[str, object]:
    told = [{"turn": n, "parent": p, "words": f"w{n}", "seed": 0, "frame": None} for n, p in enumerate(parents)]
    return {"here": here, "source": "in.mp4", "turns": told}


@pytest.mark.slow
def test_a_session_from_beginning_to_export(clip: Path, model: Path, out: Path, run: Run) -> None:
    home, original = out / "s", clip.read_bytes()
    ran = run("session", "new", home, clip, "--model", model, "--size", 32)
    assert ran.status == 0 and "refrain session ask" in ran.err and not ran.out
    clip.unlink()  # the session needs it no more
    box = ("--box", f"0,0,{COLUMNS // 2},{ROWS}")
    ran = run("session", "ask", home, SNOW, "--seed", 7, "--json", *box)
    assert ran.status == 0 and not ran.err, ran.err
    assert ran.record["turn"] == 1 and ran.record["asked"]["seed"] == 7 and ran.record["made"]["bounded"]
    ran = run("session", "ask", home, "heavy fog", "--at", 0)
    assert ran.status == 0 and "turn 2" in ran.err
    assert run("session", "undo", home).err == "at the source\n"
    assert "heavy fog" in run("session", "redo", home).err
    assert "turn 1" in run("session", "branch", home, 1).err
    ran = run("session", "show", home, "-o", out / "tree.png")
    assert ran.status == 0 and "* " + "  1  make it snow" in ran.out and "heavy fog" in ran.out
    assert Clip.read(out / "tree.png").size[0] > 3 * 80
    assert run("session", "show", home, "--json").record["here"] == 1
    ran = run("session", "export", home, "-o", out / "a.mp4", "--lossless")
    assert ran.status == 0, ran.err
    clip.write_bytes(original)
    source, answer = Clip.read(clip), Clip.read(out / "a.mp4")
    assert answer.size == source.size and len(answer) == FRAMES and packets(out / "a.mp4") == packets(clip)
    changed = (source.planes[0] != answer.planes[0]).any(axis=0)
    assert changed[:, : COLUMNS // 2].any() and not changed[:, COLUMNS // 2 :].any()
    record = json.loads((out / "a.json").read_text(encoding="utf-8"))
    assert record["instruction"] == SNOW and [each["turn"] for each in record["turns"]] == [0, 1]
    ran = run("session", "export", home, "-o", out / "b.mp4", "--turn", 0)
    assert ran.status == 0 and Clip.read(out / "b.mp4").times == source.times


@pytest.mark.slow
def test_masks_are_predicted_painted_over_given_back_and_drawn(out: Path, run: Run) -> None:
    home, model = out / "s", out / "model"
    changing(model, **KNOWS_TURNS)
    photo().write(out / "in.png")
    assert run("session", "new", home, out / "in.png", "--model", model, "--dummy", "-q").status == 0
    few = ("--steps", 1, "--guidance", 1)
    ran = run("session", "where", home, SNOW, "-o", out / "mask.png", "--there", out / "there.png", *few)
    assert ran.status == 0, ran.err
    mask = Clip.read(out / "mask.png")
    assert mask.still and mask.size == photo().size and Clip.read(out / "there.png").size == mask.size
    assert run("session", "show", home, "--json").record["here"] == 0
    painted = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    painted[:, :30] = 255
    cv2.imwrite(str(out / "painted.png"), painted)
    ran = run("session", "ask", home, SNOW, "--here", out / "painted.png", "--within", "--json", *few)
    assert ran.status == 0, ran.err
    assert ran.record["asked"]["within"] and set(ran.record["masks"]) == {"here", "there"}
    ran = run("session", "ask", home, "heavy fog", "--story", "--chain", *few)
    assert ran.status == 0, ran.err
    assert run("session", "show", home, "-o", out / "tree.png").status == 0
    assert Clip.read(out / "tree.png").size[1] > 3 * 84
    for arguments, said in (
        (("ask", home, SNOW, "--within"), "ask with a chain"),
        (("where", home, SNOW, "-o", out), "is a folder"),
        (("where", home, "remove it", "-o", out / "m.png"), "does not understand"),
    ):
        ran = run("session", *arguments)
        assert ran.status == 2 and said in ran.err, (arguments, ran.err)


def test_a_session_is_asked_again(clip: Path, model: Path, out: Path, run: Run) -> None:
    run("session", "new", out / "s", clip, "--model", model, "--size", 32, "--to", 0.1, "-q")
    run("session", "ask", out / "s", SNOW, "--steps", 1, "-q")
    ran = run("session", "replay", out / "s", out / "r")
    assert ran.status == 0 and "stands at turn 1" in ran.err
    for number in ("000", "001"):
        assert equal(*(Clip.read(out / name / number / "clip.mkv") for name in ("s", "r")))


@pytest.mark.slow
def test_the_models_inside_share_a_session(clip: Path, out: Path, run: Run) -> None:
    few = ("--steps", 1)
    run("session", "new", out / "s", clip, "--model", "embedded-sessions", "--size", 64, "--to", 0.1, "-q")
    ran = run("session", "ask", out / "s", "turn it into night", *few, "-q")
    assert ran.status == 0 and not ran.err, ran.err
    ran = run("session", "ask", out / "s", SNOW, *few)
    assert ran.status == 0 and "asked of embedded, which does" in ran.err, ran.err
    ran = run("session", "ask", out / "s", "use sepia tones", "--chain", *few)
    assert ran.status == 0 and "asked of" not in ran.err, ran.err
    made = [turn.made_by["model"] for turn in Session.open(out / "s").turns]
    assert made == ["embedded-sessions", "embedded-sessions", "embedded", "embedded-sessions"]
    ran = run("session", "replay", out / "s", out / "r", "-q")
    assert ran.status == 0, ran.err
    assert [turn.made_by["model"] for turn in Session.open(out / "r").turns] == made
    for number in range(4):
        assert equal(*(Clip.read(out / name / f"00{number}" / "clip.mkv") for name in ("s", "r")))
    ran = run("session", "ask", out / "s", "make it a watercolour", *few)
    assert ran.status == 2 and "refrain-embedded-sessions does not understand" in ran.err


def test_what_goes_wrong_is_one_sentence(clip: Path, model: Path, out: Path, run: Run) -> None:
    home = out / "s"
    assert run("session", "new", home, clip, "--model", model, "--to", 0.1, "-q").status == 0
    before = (home / "turns.jsonl").read_bytes()
    for arguments, said in (
        (("undo", home), "nothing to undo"),
        (("branch", home, 3), "no turn 3"),
        (("ask", home, "remove the hat"), "does not understand"),
        (("ask", home, SNOW, "--carry", 0), "was not trained on reference pictures"),
        (("ask", home, SNOW, "--at", 9), "no turn 9"),
        (("ask", home, SNOW, "--frame", 99, "--box", "0,0,8,8"), "turn 0 has frames 0 to"),
        (("show", clip.parent), "holds no session"),
        (("show", clip), "is a file, and a session is a folder"),
        (("export", home, "-o", home / "x.mkv"), "own folder"),
        (("new", home, clip, "--model", model), "not empty"),
    ):
        ran = run("session", *arguments)
        assert ran.status == 2 and said in ran.err and "Traceback" not in ran.err, (arguments, ran.err)
        assert len(ran.err.splitlines()) == 1
    assert (home / "turns.jsonl").read_bytes() == before


def test_ctrl_c_leaves_the_session_where_it_was(clip: Path, model: Path, out: Path, run: Run, monkeypatch) -> None:
    home = out / "s"
    run("session", "new", home, clip, "--model", model, "--to", 0.1, "-q")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("refrain.editing.session.session.write_clip", stopped)
    ran = run("session", "ask", home, SNOW)
    assert (ran.status, ran.err) == (130, "refrain: Stopped.\n")
    assert {path.name for path in home.iterdir()} == {"000", "turns.jsonl", "lock"}
    monkeypatch.undo()
    assert run("session", "ask", home, SNOW, "-q").status == 0


def test_the_tree_says_how_a_turn_was_asked() -> None:
    tree = shown([None, 0, 0], here=2)
    tree["source"] = "/far/away/in.mp4"
    tree["turns"][1]["frame"] = 3  # type: ignore[index]
    tree["turns"][2] |= {"references": [1, "reference-2.png", "reference-3.png"], "story": True}  # type: ignore[index]
    assert lines(tree) == [
        "    0  in.mp4",
        "    1  w1 (frame 3 as a picture)",
        "*   2    w2 (carries turn 1, with 2 pictures, a story)  (of turn 0)",
    ]


def test_the_tree_is_a_line_until_it_forks() -> None:
    tree = shown([None, 0, 1, 1, 0, 3, 1], here=3)
    assert [(row.turn["turn"], row.lane, row.above) for row in rows(tree)] == [
        (0, 0, -1), (1, 0, 0), (2, 0, 1), (3, 1, 1), (5, 1, 3), (6, 1, 1), (4, 1, 0),
    ]  # fmt: skip
    assert lines(tree)[3] == "*   3    w3  (of turn 1)" and lines(tree)[0] == "    0  in.mp4"
    assert len(rows(shown([None, *range(64)], here=0))) == 65


def test_long_words_are_cut_in_the_picture_and_how_a_turn_was_asked_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = shown([None, 0], here=0)
    tree["turns"][1] |= {"words": "remove the hat " * 12, "references": ["a.png", "b.png"]}  # type: ignore[index]
    drawing, write = list[str](), Canvas.words
    monkeypatch.setattr(Canvas, "words", lambda self, text, *how: (drawing.append(text), write(self, text, *how))[1])
    drawn(tree, lambda number, height: np.full((84, 120, 3), 7, np.uint8))
    assert drawing[-1].startswith("remove the hat remove") and drawing[-1].endswith("... (with 2 pictures)")
    assert len(drawing[-1]) < 110


@pytest.mark.parametrize("here", [0, 3])
def test_the_picture_shows_every_turn_and_marks_where_it_stands(here: int) -> None:
    frame = np.full((84, 120, 3), 7, np.uint8)
    tree = shown([None, 0, 1, 1], here)
    pixels = drawn(tree, lambda number, height: frame + np.uint8(number)).pixels
    assert all((pixels == 7 + number).all(-1).sum() == 9 * 84 * 120 for number in range(4))
    marked = (pixels == (222, 110, 50)).all(-1).any(1).nonzero()[0]
    assert (16 + 98 * here) * 3 - 12 <= marked.min() and marked.max() <= (16 + 98 * here + 84) * 3 + 12

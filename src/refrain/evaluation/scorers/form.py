"""The outer form of an answer: size, length, speed and duration of the source, 1 where kept and 0 where not."""

from .scorer import Material, Scorer


def _size(m: Material) -> float:
    return float(m.answer.shape[1:3] == m.source.shape[1:3])


def _length(m: Material) -> float:
    return float(len(m.answer) == len(m.source))


def _speed(m: Material) -> float:
    assert m.fps and m.answer_fps
    return float(abs(m.answer_fps / m.fps - 1) < 0.001)  # 29.97 is not 30000/1001 to the last digit


def _duration(m: Material) -> float:
    assert m.fps and m.answer_fps
    wanted = len(m.source) / m.fps
    return float(abs(len(m.answer) / m.answer_fps - wanted) <= 0.5 / m.fps)  # to half a frame


SIZE = Scorer(
    "kept.size/strict", "the answer has the source's rows and columns", "high", "form", _size, apart=True, rate=True
)
LENGTH = Scorer(
    "kept.length/strict", "the answer has the source's frames", "high", "form", _length, apart=True, rate=True
)
SPEED = Scorer(
    "kept.fps/strict", "frames per second are the source's within 1 in 1000", "high", "form", _speed,
    ("fps", "answer_fps"), apart=True, rate=True,
)  # fmt: skip
DURATION = Scorer(
    "kept.duration/strict", "the answer lasts as long as the source, to half a frame", "high", "form", _duration,
    ("fps", "answer_fps"), apart=True, rate=True,
)  # fmt: skip

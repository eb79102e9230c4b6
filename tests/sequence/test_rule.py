"""The three rules, as tables of a row of three turns."""

import pytest

from refrain.sequence import RULES, Segment, Sequence, grid

NAMES = "S0 T0 A1 R2 T2 A3 T4"
KINDS = {"S": "source", "T": "target", "A": "answer", "R": "reference"}
ISOLATED = """
S0 | x . . . . . .
T0 | x x . . . . .
A1 | . . x . . . .
R2 | . . . x . . .
T2 | x . x x x . .
A3 | . . . . . x .
T4 | x . x x . x x
"""
BLOCK_CAUSAL = """
S0 | x . . . . . .
T0 | x x . . . . .
A1 | x . x . . . .
R2 | x . x x . . .
T2 | x . x x x . .
A3 | x . x x . x .
T4 | x . x x . x x
"""


def three_turns() -> Sequence:
    return Sequence([Segment(KINDS[n[0]], int(n[1]), grid(1, 1, 1)) for n in NAMES.split()])  # type: ignore[arg-type]


@pytest.mark.parametrize(("rule", "table"), [("isolated", ISOLATED), ("block_causal", BLOCK_CAUSAL)])
def test_a_rule_is_its_table(rule: str, table: str) -> None:
    row = three_turns()
    drawn = [" ".join("x" if RULES[rule](q, k) else "." for k in row) for q in row]
    assert drawn == [line.split(" | ")[1] for line in table.strip().splitlines()]


def test_full_hides_nothing() -> None:
    row = three_turns()
    assert all(RULES["full"](q, k) for q in row for k in row)


def test_two_targets_of_a_beat_see_each_other_only_if_block_causal() -> None:
    a, b = Segment("target", 2, grid(1, 1, 1)), Segment("target", 2, grid(1, 1, 1))
    assert RULES["block_causal"](a, b)
    assert not RULES["isolated"](a, b)

"""Agreement is held to published examples; a preference counts only where it does not hang on the order."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.fake_judge import code, pictures, says, serving
from refrain.errors import BadInput
from refrain.evaluation.case import Case
from refrain.evaluation.judge import Endpoint, Judge, Transcript
from refrain.evaluation.judge.agreement import alpha, equal, kappa, spearman
from refrain.evaluation.judge.pairs import Preference, prefer, swayed
from refrain.evaluation.scorers.scorer import Material

_ = math.nan
KRIPPENDORFF = [  # four observers of twelve units (Krippendorff 2011, example D)
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]


def test_alpha_is_that_of_its_author() -> None:
    assert alpha(KRIPPENDORFF, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert alpha(KRIPPENDORFF, "ordinal") == pytest.approx(0.815, abs=5e-4)
    assert alpha(KRIPPENDORFF, "interval") == pytest.approx(0.849, abs=5e-4)


def test_kappa_and_rho_are_those_of_the_textbooks() -> None:
    one = [1] * 25 + [0] * 25  # fifty proposals, 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: kappa 0.4
    other = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert kappa(one, other, "equal") == pytest.approx(0.4) == kappa(one, other)
    smart = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]  # against hours before the television: rho -29/165
    hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    assert spearman(smart, hours) == pytest.approx(-29 / 165)


def test_agreement_is_one_with_oneself_and_undefined_of_nothing() -> None:
    scores = [1.0, 5.0, 3.0, _, 3.0]
    for found in (kappa(scores, scores), alpha([scores, scores]), spearman(scores, scores), equal(scores, scores)):
        assert found == pytest.approx(1)
    assert kappa(scores, [5, 1, 3, 2, 3]) < 0 > spearman(scores, [5, 1, 3, 2, 3])
    assert kappa([1, 5], [1, 4]) > kappa([1, 5], [1, 2]), "near misses count as such"
    for none in (kappa([_, 1], [1, _]), spearman([1, 1], [1, 2]), alpha([[2, 2], [2, 2]]), equal([_], [1])):
        assert math.isnan(none)
    with pytest.raises(BadInput, match="same items"):
        kappa([1, 2], [1])


@pytest.mark.parametrize(
    ("taste", "wanted"),
    [
        ("brighter", Preference("one", False)), ("darker", Preference("other", False)),
        ("first", Preference("tie", True)), ("neither", Preference("tie", False)),
    ],
)  # fmt: skip
def test_a_preference_that_hangs_on_the_order_is_a_tie(taste: str, wanted: Preference, tmp_path: Path) -> None:
    def act(request: dict[str, Any]) -> Any:
        a, b = (float(p.mean()) for p in pictures(request)[1:])
        better = {"brighter": 1 if a > b else 2, "darker": 1 if a < b else 2, "first": 1, "neither": 0}[taste]
        return says(json.dumps({"code": code(request), "reason": "", "better": better}))

    case = Case("1", None, ("brighter, please",), "x", "1")
    dark, grey, bright = (np.full((1, 8, 8, 3), level, np.uint8) for level in (20, 90, 200))
    with serving(act) as fake:
        judge = Judge("m", Transcript(), Endpoint(fake.url, tries=1))
        found = prefer(judge, Material(grey, bright, case=case), Material(grey, dark, case=case))
    assert found == wanted and swayed([found]) == float(wanted.swayed)

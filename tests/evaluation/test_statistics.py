"""Intervals hold what they promise, tests do not cry wolf, and no table shows a bare mean."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refrain.errors import BadInput
from refrain.evaluation import statistics
from refrain.evaluation.run import Result, summary
from refrain.evaluation.scorers.scorer import Score
from refrain.evaluation.statistics import Estimate, difference, estimate, holm, rate, wilson
from refrain.evaluation.told.report import cell, comparison, table

nan = math.nan


def clustered(rng: np.random.Generator, sources: int, each: int) -> tuple[list[float], list[str]]:
    """Values of mean 0: half of what varies is of the source."""
    own = rng.normal(size=sources).repeat(each) + rng.normal(size=sources * each)
    return own.tolist(), [f"{n // each}" for n in range(sources * each)]


def test_the_interval_holds_the_truth_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "ROUNDS", 500)
    rng = np.random.default_rng(1)
    for sources in (8, 30):
        trials = [estimate(*clustered(rng, sources, 4), seed=n) for n in range(150)]
        held = np.mean([one.low <= 0 <= one.high for one in trials])
        assert 0.91 < held < 0.985  # 0.95 within three errors, and a little for the bootstrap


def test_drawing_cases_in_place_of_sources_would_promise_too_much() -> None:
    values, parents = clustered(np.random.default_rng(2), 40, 8)
    whole, naive = estimate(values, parents), estimate(values, [str(n) for n in range(len(values))])
    assert whole.high - whole.low > 1.7 * (naive.high - naive.low)
    assert whole.mean == pytest.approx(np.mean(values)) and (whole.n, whole.sources) == (320, 40)


def test_the_error_of_single_cases_is_the_textbook_one() -> None:
    values = np.random.default_rng(3).normal(size=60).tolist()
    found = estimate(values, [str(n) for n in range(60)])
    assert found.error == pytest.approx(np.std(values, ddof=1) / math.sqrt(60), rel=0.05)
    assert found.detectable == 2.8 * found.error


def test_a_mean_of_categories_weighs_them_alike() -> None:
    values, kinds = [1.0] * 9 + [0.0, nan], ["a"] * 9 + ["b", "b"]
    found = estimate(values, [str(n) for n in range(11)], kinds)
    assert found.mean == 0.5 and found.unscored == 1 and found.n == 10
    gone = estimate([1.0, 1.0, nan], ["x", "y", "z"], ["a", "a", "b"])
    assert math.isnan(gone.mean)  # not quietly the mean of the category that is left


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12), st.randoms())
@settings(max_examples=15)
def test_order_and_names_do_not_matter(values: list[float], shuffled: object) -> None:
    found = estimate(values, [str(n) for n in range(len(values))])
    again = estimate(values, [f"s{n}" for n in range(len(values))])
    assert found == again and found.low - 1e-9 <= found.mean <= found.high + 1e-9


def test_what_no_mean_can_hold_is_refused() -> None:
    with pytest.raises(BadInput, match="infinite"):
        estimate([1.0, math.inf], ["a", "b"])
    with pytest.raises(BadInput, match="one each"):
        estimate([1.0], ["a", "b"])
    with pytest.raises(BadInput, match="0, 1 or NaN"):
        rate([0.5], ["a"])
    assert math.isnan(estimate([1.0, 2.0], ["a", "a"]).low) and estimate([], []).n == 0


def test_rates_of_single_cases_are_wilsons_and_others_are_not() -> None:
    outcomes = [1.0] * 49 + [0.0] * 51
    single = rate(outcomes, [str(n) for n in range(100)])
    assert (single.low, single.high) == wilson(49, 100)
    assert rate(outcomes, [str(n // 2) for n in range(100)]).low != single.low
    assert wilson(487, 1000)[0] < 0.487 and wilson(0, 0)[0] != wilson(0, 0)[0]


def test_a_rate_that_is_all_one_outcome_is_not_certain_for_that() -> None:
    found = rate([1.0] * 10, [str(n // 2) for n in range(10)])
    assert (found.mean, found.low, found.high, found.sources) == (1, *wilson(5, 5), 5), "five sources, not ten cases"
    assert found.detectable > 0.3
    alone = rate([0.0, 0.0], ["a", "a"])
    assert (alone.low, alone.high) == wilson(0, 1)


def test_a_scorer_of_ones_and_noughts_is_a_rate_wherever_it_is_shown() -> None:
    said = [Result(str(n), 1, "x", str(n), Score("noop/strict", 0.0)) for n in range(4)]
    assert (summary(said, "noop/strict")["x"].low, summary(said, "noop/strict")["all"].high) == wilson(0, 4)


def test_a_paired_test_sees_what_an_unpaired_one_cannot() -> None:
    rng = np.random.default_rng(4)
    base = rng.normal(scale=3, size=30)
    better = (base + 0.3 + rng.normal(scale=0.2, size=30)).tolist()
    parents = [str(n) for n in range(30)]
    found = difference(better, base.tolist(), parents)
    assert found.p < 0.001 and found.estimate.low > 0
    one, other = estimate(better, parents), estimate(base.tolist(), parents)
    assert one.low < other.high  # their own intervals overlap


def test_sign_flips_are_exact_for_few_sources_and_cry_wolf_as_seldom_as_they_say() -> None:
    assert difference([1.0] * 5, [0.0] * 5, list("abcde")).p == 2 / 2**5
    assert difference([1.0] * 5, [0.0] * 5, ["a"] * 5).p == 1  # one source says nothing
    assert difference([1.0, nan], [1.0, 1.0], ["a", "b"]).p == 1 and math.isnan(difference([nan], [1.0], ["a"]).p)
    rng = np.random.default_rng(5)
    pairs = [rng.normal(size=(2, 10)).tolist() for _ in range(150)]
    ps = [difference(one, other, list("aabbccddee")).p for one, other in pairs]
    assert np.mean(np.array(ps) <= 0.05) < 0.1


def test_holm_is_the_textbook_one() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, nan, 0.9])[0] == 1.0 and math.isnan(holm([0.5, nan])[1]) and holm([]) == []


def test_no_cell_shows_a_bare_mean() -> None:
    found = Estimate(0.4871, 0.391, 0.5842, 100, 100, 2, 0.05)
    assert cell(found) == "0.487 (0.391 to 0.584, n 100, 2 unscored)"
    assert cell(Estimate(3.0, nan, nan, 4, 1)) == "3 (no interval of 1 source, n 4)"
    assert cell(Estimate(nan, nan, nan, 0, 0, 7)) == "– (n 0, 7 unscored)"
    told = table("msebench/strict", ["turn 1", "turn 5"], {"ours | new": [found, found]})
    assert "Protocol msebench/strict." in told and "turn 1 0.14" in told and "| ours / new |" in told
    with pytest.raises(BadInput, match="protocol"):
        table("strict", ["a"], {"x": [found]})
    with pytest.raises(BadInput, match="2 columns"):
        table("msebench/strict", ["a", "b"], {"x": [found]})


def test_a_comparison_tells_how_many_there_were() -> None:
    found = difference([1.0] * 6, [0.0] * 6, list("abcdef"))
    told = comparison("openve/compat", {"a − b": found, "a − c": found})
    assert "0.031 | 0.062" in told and "2 comparisons" in told and "openve/compat" in told

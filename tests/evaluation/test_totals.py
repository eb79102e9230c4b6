"""What users see of a benchmark is put together by the arithmetic that reproduces its published table."""

from collections.abc import Mapping, Sequence
from math import isnan, nan
from pathlib import Path

import pytest

from evaluation.test_published_tables import FIVE, IMGEDIT, NOT_THEIR_MEAN, OPENVE, VIE
from refrain.evaluation.benchmarks import imgedit, ivebench, openve, viebench
from refrain.evaluation.case import Case
from refrain.evaluation.page.html import page
from refrain.evaluation.page.markdown import markdown
from refrain.evaluation.page.matter import System
from refrain.evaluation.run import Result
from refrain.evaluation.scorers.scorer import Score
from refrain.evaluation.told.report import comparison
from refrain.evaluation.told.tables import totals_table
from refrain.evaluation.told.totals import Total, totals

BY = "m/ours-1"


def case(name: str, category: str = "x", turns: int = 1, **extra: object) -> Case:
    return Case(name, None, ("do it",) * turns, category, f"source {name}", extra=extra)


def said(one: Case, figure: str, value: float, turn: int = 1, by: str = BY) -> Result:
    score = Score(f"{figure}@{by}" if by else figure, value, "unscored" if isnan(value) else None)
    return Result(one.id, turn, one.category, one.parent, score)


def found(
    benchmark: str, cases: Sequence[Case], results: Sequence[Result], compat: bool = False
) -> Mapping[str, Total]:
    made = totals(benchmark, cases, results, "compat" if compat else "strict")
    assert all(one.who == BY for one in made)
    return {one.figure: one for one in made}


def imgedit_row(row: str) -> tuple[list[Case], list[Result]]:
    """Six cases of every category, half a point above and below its published mean."""
    values = map(float, IMGEDIT[row].split("|")[0].split())
    pairs = [
        (case(f"{kind}{n}", kind), value + (n % 2 - 0.5))
        for kind, value in zip(imgedit.CATEGORIES, values)
        for n in range(6)
    ]
    return [one for one, _ in pairs], [said(one, "imgedit.overall", value) for one, value in pairs]


@pytest.mark.parametrize("row", IMGEDIT)
def test_imgedits_published_overall_comes_of_scores_of_cases(row: str) -> None:
    made = found("imgedit", *imgedit_row(row))
    total, wanted = made["imgedit.total"], NOT_THEIR_MEAN.get(row, float(IMGEDIT[row].split("|")[1]))
    assert total.value == pytest.approx(wanted, abs=0.0051) and total.estimate.mean == total.value
    assert total.estimate.low < total.value < total.estimate.high and total.estimate.n == 54
    assert made["imgedit.adjust"].estimate.n == 6


def test_a_mean_of_categories_is_none_where_one_is_empty_and_says_which() -> None:
    cases, results = imgedit_row("MagicBrush")
    made = found("imgedit", cases, [said(cases[0], "imgedit.overall", nan), *results[6:]])
    total = made["imgedit.total"]
    assert isnan(total.value) and isnan(total.estimate.mean) and total.lacks == "no score of add"
    told = totals_table("ImgEdit-Bench", "imgedit/strict", list(made.values()))
    assert "imgedit/strict" in told and f"- imgedit.total@{BY}: no score of add" in told
    assert found("imgedit", [case("7", "uge")], [said(case("7", "uge"), "imgedit.overall", 3.0)]) == {}
    assert totals("imgedit", cases, [], "strict") == (), "nobody was asked"


def test_imgedits_compat_rounds_as_published() -> None:
    cases = [case(f"{n}", "add") for n in range(3)]
    results = [said(one, "imgedit.overall", value) for one, value in zip(cases, (3.0, 3.0, 3.335))]
    assert found("imgedit", cases, results, compat=True)["imgedit.add"].value == 3.11
    assert found("imgedit", cases, results)["imgedit.add"].value == pytest.approx(3.1116667)


@pytest.mark.parametrize("row", OPENVE)
def test_openves_published_means_come_of_axes_of_cases(row: str) -> None:
    parts, published = OPENVE[row].split("|")
    pairs = [(case(kind, kind), float(v)) for kind, v in zip(openve.SEVEN, parts.split())]
    results = [said(one, f"openve.{axis}", value) for one, value in pairs for axis in openve.AXES]
    made = found("openve", [one for one, _ in pairs], results)
    for many, value in zip((5, 7), published.split()):
        assert made[f"openve.mean of {many}"].value == pytest.approx(float(value), abs=0.0051)
    assert made["openve.mean of 8"].lacks.count("camera_edit") == 1


def test_openves_compat_lets_axes_exceed_the_first() -> None:
    one = case("a", "local_add")
    results = [said(one, f"openve.{axis}", value) for axis, value in zip(openve.AXES, (2.0, 5.0, 1.0))]
    strict, compat = (found("openve", [one], results, compat)["openve.local_add"].value for compat in (False, True))
    assert (strict, compat) == pytest.approx((5 / 3, 8 / 3))


@pytest.mark.parametrize("row", FIVE)
def test_five_acc_comes_of_answers_to_questions(row: str) -> None:
    yn, mc, union, _, published = (round(100 * value) for value in FIVE[row])  # of ten thousand cases, one in a hundred
    only_yn, only_mc, both = union - mc, union - yn, yn + mc - union
    kinds = [(1.0, 0.0)] * only_yn + [(0.0, 1.0)] * only_mc + [(1.0, 1.0)] * both
    pairs = [*kinds, *[(0.0, 0.0)] * (10_000 - len(kinds))][::100]
    cases = [case(f"{n}") for n in range(len(pairs))]
    results = [
        said(one, f"fivebench.{name}", v) for one, pair in zip(cases, pairs) for name, v in zip(("yn", "mc"), pair)
    ]
    made = found("fivebench", cases, results)
    assert made["fivebench.five_acc"].value == pytest.approx(published / 100, abs=1.5)
    assert made["fivebench.five_acc"].value == pytest.approx(
        sum(made[f"fivebench.{name}"].value for name in ("yn", "mc", "union", "intersection")) / 4
    )
    assert made["fivebench.five_acc"].estimate.n == 100


def test_viebenchs_average_stands_for_every_task_of_its_table() -> None:
    cases, results = list[Case](), list[Result]()
    for task, row in (("object add", "InstructX add"), ("color change", "InstructX swap")):
        one = case(task, task)
        cases.append(one)
        results += [said(one, f"viebench.{a}", float(v)) for a, v in zip(viebench.AXES, VIE[row].split("|")[0].split())]
    made = found("viebench", cases, results)
    assert made["viebench.average, add"].value == pytest.approx(8.35, abs=0.0051)
    assert made["viebench.average, swap or change"].value == pytest.approx(9.07, abs=0.0051)
    assert "viebench.average, remove" not in made
    alone = case("r", "reference add")
    told = found("viebench", [alone], [said(alone, f"viebench.{axis}", 5.0) for axis in viebench.AXES])
    assert isnan(told["viebench.average, reference add"].value), "tasks with a reference need the fourth axis"


def session(name: str, scores: Sequence[float]) -> tuple[Case, list[Result]]:
    """A session of five turns; NaN is a turn that was not scored, or not judged any more."""
    one = case(name, "session", 5)
    every = [*scores, *[nan] * (5 - len(scores))]
    return one, [said(one, f"msebench.{a}", v, n) for n, v in enumerate(every, 1) for a in ("following", "consistency")]


def test_msebench_counts_sessions_until_their_first_failed_turn() -> None:
    sessions = [session("a", (7, 7, 7, 7, 7)), session("b", (7, 6)), session("c", (8, 8, nan)), session("d", (3,))]
    cases, results = [one for one, _ in sessions], [r for _, found in sessions for r in found]
    strict, compat = (found("msebench", cases, results, kind) for kind in (False, True))
    assert [strict[f"msebench.success, turn {n}"].value for n in (1, 2, 3)] == pytest.approx([3 / 4, 2 / 4, 1 / 3])
    assert [compat[f"msebench.success, turn {n}"].value for n in (1, 2, 3)] == pytest.approx([3 / 4, 2 / 4, 1 / 4])
    third = strict["msebench.success, turn 3"].estimate
    assert (third.n, third.unscored) == (3, 1) and 0 < third.low < 1 / 3 < third.high, "Wilson's interval"
    assert strict["msebench.following, turn 2"].value == pytest.approx(7)
    assert compat["msebench.following, turn 2"].value == pytest.approx(21 / 4)


def test_gedit_is_the_mean_of_groups_by_language() -> None:
    groups = ("background_change", "color_alter")
    cases = [case(f"{n}", groups[n % 2], instruction_language="en", Intersection_exist=n < 2) for n in range(4)]
    results = [said(one, f"gedit.{name}", 4.0) for one in cases for name in ("success", "looks", "overall")]
    made = found("gedit", cases, results)
    assert set(made) == {
        f"gedit.{n}, en{more}" for n in ("success", "looks", "overall") for more in ("", ", intersection")
    }
    assert isnan(made["gedit.overall, en"].value) and "style_change" in made["gedit.overall, en"].lacks


def test_ivebench_says_how_many_of_its_metrics_a_total_is_of() -> None:
    one = case("a")
    results = [said(one, "ivebench.satisfaction", 3.0), said(one, "ivebench.content", 5.0)]
    results.append(said(one, "vbench.motion_smoothness", 0.9, by="hash/vbench"))
    strict, compat = found("ivebench", [one], results), found("ivebench", [one], results, compat=True)
    assert isnan(strict["ivebench.total, of 3 of 12 metrics"].value)
    assert strict["ivebench.total, of 3 of 12 metrics"].lacks == "3 of its 12 metrics are there"
    assert compat["ivebench.compliance, of 1 of 4 metrics"].value == pytest.approx(0.5)
    assert compat["ivebench.total, of 3 of 12 metrics"].value == pytest.approx((0.9 + 0.5 + 1) / 3)
    assert ivebench.overall({"content_fidelity": 5.0})["total"] != 1, "strict makes nothing up"


def test_systems_are_compared_by_what_the_benchmark_makes_of_them() -> None:
    cases, results = imgedit_row("MagicBrush")
    better = [said(c, "imgedit.overall", r.score.value + 0.25) for c, r in zip(cases, results)]
    one, other = found("imgedit", cases, better)["imgedit.total"], found("imgedit", cases, results)["imgedit.total"]
    apart = one.minus(other)
    assert apart and apart.estimate.mean == pytest.approx(0.25) and apart.p < 0.01
    assert "imgedit.total" in comparison("imgedit/strict", {one.name: apart})
    assert one.minus(found("imgedit", cases[2:], results[2:])["imgedit.total"]) is None


def system(benchmark: str, cases: Sequence[Case], results: Sequence[Result], protocol: str = "strict") -> System:
    return System("ours", "A bench", f"{benchmark}/{protocol}", tuple(cases), results, lambda c, t: Path("x"), {}, {})


def test_our_figures_stand_in_published_columns_marked_as_of_another_judge(tmp_path: Path) -> None:
    ours = system("imgedit", *imgedit_row("MagicBrush"))
    told = markdown([ours], tmp_path)
    row = next(line for line in told.splitlines() if line.startswith("| **ours**"))
    assert row.count("≈ ") == 10 and "≈ 1.83" in row and "m/ours-1" in row
    assert "do not rank by it" in told and "As A bench puts its scores together" in told
    seen = page([ours], tmp_path, 4_000_000, each=0)
    assert "≈ 1.83" in seen and "do not rank by it" in seen and "puts its scores together" in seen
    bare = system("imgedit", ours.cases, [said(c, "noop/strict", 0.0, by="") for c in ours.cases])
    assert "≈" not in markdown([bare], tmp_path) and "puts its scores together" not in markdown([bare], tmp_path)


def test_the_very_scorer_is_not_marked(tmp_path: Path) -> None:
    one = case("a")
    told = markdown([system("ivebench", [one], [said(one, "flicker.vbench/compat", 0.97, by="")], "compat")], tmp_path)
    row = next(line for line in told.splitlines() if line.startswith("| **ours**"))
    assert "0.97 (" in row and "≈" not in row


def test_viebenchs_rows_of_ours_are_by_task_too(tmp_path: Path) -> None:
    one = case("a", "object remove")
    told = markdown([system("viebench", [one], [said(one, f"viebench.{a}", 6.0) for a in viebench.AXES])], tmp_path)
    row = next(line for line in told.splitlines() if line.startswith("| **ours**"))
    assert row.startswith("| **ours**, remove |") and row.count("≈ 6") == 4

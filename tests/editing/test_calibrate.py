"""Laws of calibration: budgets reach the error that was asked, a smaller error never has smaller ones, and statistics
are what they are called."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from refrain.attention import Isa
from refrain.editing.calibrate import ISA, RUNGS, Measured, Setting, all_ways, measure, moments_of
from refrain.editing.choose import choose, context_mass, curve, duel, nearest, sharpness, trust
from refrain.editing.editor import Editor
from refrain.editing.request import Edit, Progress
from refrain.editing.statistics import at_cost, by_edit, half_width, interval, ranks, spearman, student
from refrain.editing.ways import Way
from refrain.errors import BadInput, Unsupported
from refrain.media import Clip
from rows import some
from tiny_embedded import save_tiny_embedded

TILE = (1, 2, 2)  # so that a tiny clip has some
SETTING = Setting(tile=TILE, moments=2, tiles=6)
LAYERS = 2


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Editor:
    return Editor.from_pretrained(save_tiny_embedded(tmp_path_factory.mktemp("model") / "tiny"))


def edits(frames: int = 9, count: int = 2) -> list[Edit]:
    """Short edits of noisy clips."""
    clips = [Clip.of((0.4 * some(frames, 3, 64, 96, seed=n)).clamp(-1, 1), 12) for n in range(count)]
    return [Edit(words, clip, steps=3) for clip, words in zip(clips, ("make it snow", "heavy fog"))]


def silent(number: int, progress: Progress) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def measured(editor: Editor) -> Measured:
    return measure(editor, edits(), SETTING, silent)


def test_every_layer_is_seen_at_every_moment(measured: Measured) -> None:
    assert measured.error.shape == (4, LAYERS, 1, len(measured.ways))  # two edits, two moments; one head
    assert measured.edits.tolist() == [0, 0, 1, 1]
    assert len(measured.times.unique()) == 2
    assert measured.tokens == (72, 18 + 24)  # 3 x 4 x 6; a quarter of it, and the first frame
    assert (measured.context > 0).all() and (measured.context < 1).all()
    queries = measured.counts.sum(1)
    assert (queries == queries[0]).sum() >= len(RUNGS)


def test_windows_are_seen_one_by_one(editor: Editor) -> None:
    found = measure(editor, edits(frames=17), SETTING, silent, (Way(ISA, 1.0, Isa(1, TILE)),))
    assert len(found.times) == 2 * 2 * 2  # edits, windows, moments
    assert found.error.max() < 1e-5


def test_nobody_watches_afterwards(editor: Editor) -> None:
    def stop(number: int, progress: Progress) -> None:
        if progress.stage == "denoise":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(editor, edits(), SETTING, stop, (Way(ISA, 1.0, Isa(1, TILE)),))
    assert editor.denoiser.watch is None  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("error", [0.3, 0.1, 0.03])
def test_chosen_budgets_reach_the_error_on_what_was_captured(editor: Editor, measured: Measured, error: float) -> None:
    choice = choose(measured, error)
    again = measure(
        editor,
        edits(),
        SETTING,
        silent,
        (Way("chosen", 0, Isa(tile=TILE, neighbours=choice.neighbours, budgets=choice.budgets)),),
    )
    reached = by_edit(again.error[..., 0], again.edits).mean(0)
    torch.testing.assert_close(reached, choice.error)
    assert (reached <= error).all() and (choice.sure <= error).logical_or(choice.keep == 1).all()
    torch.testing.assert_close(float(again.cost.mean()), choice.cost)
    assert choice.cost <= 1 and abs(choice.reached - float(reached.mean())) < 1e-6


def made(errors: Tensor) -> Measured:
    """Errors [E, L, H, rungs] of one moment each, at costs that grow with what is kept."""
    ways = tuple(Way(ISA, keep, Isa(keep)) for keep in RUNGS)
    cost = torch.tensor(RUNGS).expand(errors.shape).float()
    count = errors.shape[0]
    nothing = torch.zeros(*errors.shape[:3], 6)
    return Measured(
        ways, torch.arange(count), torch.full((count,), 0.5), errors, cost, errors[..., 0], torch.zeros(len(RUNGS), 3),
        nothing, nothing[..., :5], (1, 1),
    )  # fmt: skip


@given(st.integers(0, 1000), st.floats(1e-4, 0.9), st.floats(1e-4, 0.9))
def test_less_error_never_has_smaller_budgets(seed: int, one: float, other: float) -> None:
    """Even where errors do not fall as more is kept."""
    found = made(some(3, 2, 2, len(RUNGS), seed=seed).abs() * torch.linspace(1, 0, len(RUNGS)))
    less, more = (choose(found, error) for error in sorted((one, other)))
    assert (less.keep >= more.keep).all() and less.cost >= more.cost
    for choice, error in ((less, min(one, other)), (more, max(one, other))):
        assert ((choice.error <= error) | (choice.keep == 1)).all()


@given(st.integers(0, 1000))
def test_a_larger_keep_that_errs_more_is_not_stepped_over(seed: int) -> None:
    errors = some(3, 1, 1, len(RUNGS), seed=seed).abs() * 0.001
    errors[..., 6] = 0.5  # one rung in the middle is bad: nothing below it is trusted
    assert float(choose(made(errors), 0.02).keep.min()) >= RUNGS[7]


@pytest.mark.parametrize("error", [0, -1, float("nan")])
def test_an_error_that_is_none_is_refused(measured: Measured, error: float) -> None:
    with pytest.raises(BadInput, match="above 0"):
        choose(measured, error)


def test_what_cannot_be_measured_is_refused(editor: Editor) -> None:
    with pytest.raises(BadInput, match="One edit says nothing"):
        measure(editor, edits()[:1], SETTING, silent)
    with pytest.raises(Unsupported, match="cannot be watched"):
        measure(replace(editor, denoiser=object()), edits(), SETTING, silent)  # pyright: ignore[reportArgumentType]
    with pytest.raises(BadInput, match="looked at 4 times"):
        measure(editor, edits(), replace(SETTING, moments=4), silent)
    with pytest.raises(Unsupported, match="dense_layers"):
        measure(editor, edits(), SETTING, silent, (Way("a", 0, Isa(tile=TILE, dense_layers=1)),))


def test_curves_are_of_their_families(measured: Measured) -> None:
    for family in {way.family for way in measured.ways}:
        points = curve(measured, family)
        assert [p.at for p in points] == [way.at for way in measured.ways if way.family == family]
        assert all(p.low - 1e-6 <= p.error <= p.high + 1e-6 and p.error <= p.rms + 1e-6 for p in points)
    isa = curve(measured, ISA)
    assert [p.cost for p in isa] == sorted(p.cost for p in isa) and isa[-1].cost == pytest.approx(1)
    assert nearest(isa, 0.5).cost <= 0.5 and nearest(isa, 0).at == 0
    found = duel(measured)
    assert found.ratio == found.isa_rms / found.published_rms and found.published > 0
    assert context_mass(measured).shape == (LAYERS, 1)
    assert set(sharpness(measured)) == {"published without its dense half", "isa at 1/8"}
    assert trust(measured)["above_bound"] == 0


def test_every_preset_is_a_way() -> None:
    ways = all_ways(TILE)
    assert Isa.published() in {way.spec for way in ways}
    assert {way.spec.dense_share for way in ways if "dense" in way.family} == {0, 0.25, 0.5, 0.75, 1}
    assert {way.spec.context for way in ways if "context share" in way.family} == {
        1 / 32,
        1 / 16,
        1 / 8,
        1 / 4,
        1 / 2,
        1,
    }
    assert all(way.spec.tile in (TILE, 64, (1, 8, 8)) for way in ways)


# -- statistics -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("freedom", "value"), [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (11, 2.201), (99, 1.984)]
)
def test_students_quantiles(freedom: int, value: float) -> None:
    assert student(freedom) == pytest.approx(value, abs=0.01)


def test_half_widths_cover_the_mean_as_often_as_they_say() -> None:
    draws = some(4, 20_000, seed=3)
    covered = (draws.mean(0).abs() <= half_width(draws)).float().mean()
    assert float(covered) == pytest.approx(0.95, abs=0.006)


def test_means_of_edits_weigh_edits_alike() -> None:
    values, numbers = torch.tensor([1.0, 3.0, 10.0]), torch.tensor([0, 0, 1])
    assert by_edit(values, numbers).tolist() == [2, 10]


def test_an_interval_holds_the_mean_and_is_that_of_edits() -> None:
    """Twelve moments of two edits that differ are worth no more than two."""
    apart = torch.cat([torch.zeros(6, 8, 1), torch.ones(6, 8, 1)])
    low, high = interval(apart, torch.tensor([0] * 6 + [1] * 6))
    assert low[0] == 0 and high[0] == 1
    low, high = interval(apart, torch.arange(12))
    assert 0.1 < low[0] < 0.5 < high[0] < 0.9
    level = torch.full((4, 3, 2), 0.7)
    torch.testing.assert_close(torch.stack(interval(level, torch.tensor([0, 0, 1, 1]))), torch.full((2, 2), 0.7))


@given(st.integers(0, 1000))
def test_spearman_asks_for_the_order_alone(seed: int) -> None:
    a, b = some(20, seed=seed), some(20, seed=seed + 1)
    assert float(spearman(a, a.exp())) == pytest.approx(1, abs=1e-5)
    assert float(spearman(a, -a)) == pytest.approx(-1, abs=1e-5)
    assert float(spearman(a, b)) == pytest.approx(float(spearman(a**3, b.sigmoid())), abs=1e-4)
    assert float(spearman(a, torch.ones(20))) == 0
    assert ranks(torch.tensor([3.0, 1.0, 3.0, 0.0])).tolist() == [2.5, 1, 2.5, 0]


def test_a_curve_is_read_straight_between_its_points() -> None:
    costs, errors = torch.tensor([0.1, 0.2, 0.4]), torch.tensor([0.4, 0.1, 0.1])
    assert [at_cost(costs, errors, float(c)) for c in costs] == pytest.approx(errors.tolist())
    assert at_cost(costs, errors, 0.1 * 2**0.5) == pytest.approx(0.2)
    assert [at_cost(costs, errors, c) for c in (0.01, 1.0)] == pytest.approx([0.4, 0.1])


@pytest.mark.parametrize("steps", [2, 3, 12, 50])
def test_moments_are_spread_over_the_steps(steps: int) -> None:
    for count in range(1, steps + 1):
        numbers = sorted(moments_of(steps, count))
        assert len(numbers) == count and numbers[0] >= 0 and numbers[-1] < steps
        assert max((b - a for a, b in zip(numbers, numbers[1:])), default=0) <= -(-steps // count)

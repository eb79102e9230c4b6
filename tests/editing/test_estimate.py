"""What is predicted without weights is what a prepared row then holds, and grows as it must."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from refrain.attention import Dense, Flex, Isa, Plan, Spec
from refrain.attention.isa.run import job_of
from refrain.attention.isa.select import EXACT, MEAN
from refrain.editing.compose import compose, see, windows
from refrain.editing.estimate import Job, estimate, lay, memory_bytes, pane_of, pass_flops, share, visits
from refrain.flow import SOLVERS, guided, times
from refrain.models.load import host
from refrain.models.outline import Outline
from tiny_embedded import CARD, save_tiny_embedded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_embedded(tmp_path_factory.mktemp("model") / "tiny")


@pytest.mark.parametrize("coarse", [(1, 1, 1), (1, 2, 2)])
def test_tokens_areas_and_memory_are_those_of_the_prepared_row(folder: Path, coarse: tuple[int, int, int]) -> None:
    card = replace(CARD, coarse=coarse)
    real, outline = host(folder, torch.float32, torch.device("cpu")), Outline.of(folder)
    real.denoiser.card = card
    seen = see(real.codec, torch.zeros(1, 21, 3, 64, 96), card)
    words, history = real.words.encode(["make it snow"]), None
    rows = lay(Job(frames=18, size=(64, 96), steps=2), card, outline.network)  # 18 frames are padded to 21
    cuts = windows(seen.full.shape[2], card)
    assert len(rows) == len(cuts)
    for number, (window, laid) in enumerate(zip(cuts, rows)):
        history = seen.full[:, :, : window.history] if window.history else None
        prepared = real.denoiser.prepare(compose(words, seen, window, card, history, beat=2 * number))
        pane = pane_of(laid, card)
        assert pane.tokens == tuple((segment.kind, len(segment)) for segment in prepared.row)
        assert pane.step_area == prepared.plan.area()
        assert pane.clean_area == Plan.of(prepared.row, card.sight(), prepared.clean).area()
        assert memory_bytes(outline.network, pane.clean, 4) == prepared.memory_size()


def test_flops_are_those_that_torch_counts(folder: Path) -> None:
    real, outline = host(folder, torch.float32, torch.device("cpu")), Outline.of(folder)
    seen = see(real.codec, torch.zeros(1, 9, 3, 64, 96), CARD)
    prepared = real.denoiser.prepare(compose(real.words.encode(["heavy fog"]), seen, windows(3, CARD)[0], CARD))
    noise = torch.randn_like(seen.full)
    prepared.velocity(noise, 1.0)  # clean keys and values, and those of the words, are made here
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):  # the fused one is not counted
        prepared.velocity(noise, 0.5)
    pane = pane_of(lay(Job(9, (64, 96), 2), CARD, outline.network)[0], CARD)
    assert pass_flops(outline.network, pane.target, pane.step_area) == pytest.approx(
        counter.get_total_flops(), rel=0.03
    )


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("until", [0.0, 0.5])
def test_calls_are_those_of_the_solver_under_guidance(folder: Path, solver: str, until: float) -> None:
    """With the words wherever the solver looks, without them as long as guidance lasts."""
    asked, unasked = list[float](), list[float]()

    def velocity(heard: list[float]) -> Callable[[torch.Tensor, float], torch.Tensor]:
        return lambda x, t: heard.append(t) or x

    job = Job(9, (64, 96), 5, solver=solver, shift=3.0, until=until)
    SOLVERS[solver](guided(velocity(asked), velocity(unasked), 2.0, until), torch.ones(1), times(5, 3.0))
    assert asked == visits(job)
    outline = Outline.of(folder)
    assert estimate(job, CARD, outline.network, 0).calls == len(asked) + len(unasked)


@pytest.mark.parametrize(
    ("spec", "cost"),
    [
        (Dense(), (1, 1)),
        (Flex(), (1, 1)),
        (Isa(keep=0), (1 / 64, 1 / 64)),
        (Isa(keep=(1 / 2, 0)), (65 / 128, 1 / 64)),
        (Isa(budgets=((0, 1), (1, 1))), (193 / 256, 193 / 256)),
        (Isa(keep=0, dense_layers=1), (65 / 128, 65 / 128)),
        (Isa(keep=0, dense_time=0.4), (1, 1)),
        (Isa(keep=0, dense_time=0.5), (1 / 64, 1 / 64)),
        (Isa.published(), (0.5 + 0.5 * 79 / 1024, (0.5 + 0.5 * 79 / 1024) / 8)),
    ],
)
def test_sparse_attention_costs_its_exact_pairs_and_one_for_each_mean(spec: Spec, cost: tuple[float, float]) -> None:
    assert share(spec, 2, 0.5) == pytest.approx(cost)


@pytest.mark.parametrize("spec", [Isa(keep=1 / 4), Isa(keep=(1 / 2, 1 / 8)), Isa.published()])
def test_the_cost_foreseen_is_that_of_the_choice_made(folder: Path, spec: Isa) -> None:
    """Exact tiles by their tokens, means as one key, on a row of real tiles, by which a share is rounded down."""
    outline = Outline.of(folder)
    card = replace(CARD, coarse=(1, 1, 1), key_frames=0)
    row = lay(Job(33, (256, 384), 2), card, outline.network)[0].without_words()
    plan = Plan.of(row, card.sight(), [len(row.segments) - 1])
    q, k = torch.randn(1, len(row.target), 2, 16), torch.randn(2, 1, len(row), 2, 16)
    job = job_of(q, k[0], k[1], plan, spec)
    pairs = ((job.state == EXACT) * job.held.lengths + 1.0 * (job.state == MEAN)).sum(-1).mean()
    noisy, clean = share(spec, 1, 0.5)
    foreseen = noisy * len(row.target) + clean * (len(row) - len(row.target))
    assert float(pairs) == pytest.approx(foreseen, rel=0.1)


def test_more_is_more(folder: Path) -> None:
    outline = Outline.of(folder)
    job = Job(frames=9, size=(64, 96), steps=4, source_pixels=9 * 70 * 106)

    def of(job: Job, rule: str = "isolated") -> tuple[float, int, float]:
        found = estimate(job, replace(CARD, rule=rule), outline.network, outline.weight_bytes())
        return found.flops, found.peak_bytes, found.seconds

    usual = of(job)
    assert of(replace(job, attention=Isa()))[0] < usual[0] and of(replace(job, until=0.6))[0] < usual[0]
    for more in ({"frames": 33}, {"size": (128, 192)}, {"steps": 8}, {"passes": (2,)}):
        assert of(replace(job, **more))[0] > usual[0]
    assert of(replace(job, branches=1))[0] < usual[0]
    assert of(replace(job, source_pixels=10**9))[1:] > usual[1:]
    assert of(job, "full")[0] > usual[0], "what is not remembered is computed at every step"

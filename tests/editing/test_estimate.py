"""What is predicted without weights is what a prepared row then holds, and grows as it must."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from refrain.attention import Plan
from refrain.editing.compose import compose, see, windows
from refrain.editing.estimate import Job, estimate, evaluations, lay, memory_bytes, pane_of, pass_flops
from refrain.flow import SOLVERS, times
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
def test_calls_are_those_of_the_solver(solver: str) -> None:
    calls = 0

    def velocity(x: torch.Tensor, t: float) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return x

    SOLVERS[solver](velocity, torch.ones(1), times(5))
    assert calls == evaluations(solver, 5)


def test_more_is_more(folder: Path) -> None:
    outline = Outline.of(folder)
    job = Job(frames=9, size=(64, 96), steps=4, source_pixels=9 * 70 * 106)

    def of(job: Job, rule: str = "isolated") -> tuple[float, int, float]:
        found = estimate(job, replace(CARD, rule=rule), outline.network, outline.weight_bytes())
        return found.flops, found.peak_bytes, found.seconds

    usual = of(job)
    for more in ({"frames": 33}, {"size": (128, 192)}, {"steps": 8}):
        assert of(replace(job, **more))[0] > usual[0]
    assert of(replace(job, branches=1))[0] < usual[0]
    assert of(replace(job, source_pixels=10**9))[1:] > usual[1:]
    assert of(job, "full")[0] > usual[0], "what is not remembered is computed at every step"

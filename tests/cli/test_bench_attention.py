"""The bench of attention measures what it says: rows, heads, costs, errors, and what is missing is told."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cli.conftest import Run
from guarantees.house import ROOT
from refrain.attention import Dense, Isa, Plan, attend
from refrain.cli import bench_attention as rivals
from refrain.cli.bench_attention import SDPA, Figure, Setup, Way, keeps_of, kernels_of, measure, plan_of, ways_of
from refrain.cli.bench_heads import KINDS, Sizes, heads_of, row_of, size_of
from refrain.cli.bench_told import crossover, goals, law, speed_rows, swept_table
from refrain.errors import BadInput
from refrain.sequence import isolated

SIZES = Sizes((2, 8, 8), (2, 8, 8))
SETUP = Setup(SIZES, 2, 16, "float32")


@given(st.integers(1, 3000))
def test_a_number_of_tokens_becomes_a_box_of_so_many(count: int) -> None:
    t, y, x = size_of(str(count))
    assert t * y * x == count and y <= x


def test_boxes_are_like_clips() -> None:
    assert size_of("8192") == (8, 32, 32)
    assert size_of("21x30x52") == (21, 30, 52)
    for wrong in ("", "8x8", "0", "-4", "2x3x4x5", "many"):
        with pytest.raises(BadInput, match="Tokens are"):
            size_of(wrong)


def test_a_smaller_source_is_laid_over_the_whole_canvas() -> None:
    source, target = row_of(Sizes((2, 8, 8), (2, 4, 4))).segments
    assert source.canvas[:, 1].unique().tolist() == [0.5, 2.5, 4.5, 6.5]
    torch.testing.assert_close(source.canvas.mean(0), target.canvas.mean(0))


def test_heads_look_where_their_names_say() -> None:
    """local: near; copy: at the source token of the same place; content: at few tokens; smooth: at many."""
    row = row_of(SIZES)
    q, k, _ = heads_of(row, KINDS, 64)
    p = (torch.einsum("qhd,khd->hqk", q[0, 128:], k[0]) / 8).softmax(-1)  # [H, 128, 256]
    place = torch.cat([s.canvas for s in row])
    far = torch.cdist(place[128:], place)
    reach = (p * far).sum(-1).mean(-1)
    many = (-(p * p.clamp_min(1e-30).log()).sum(-1)).exp().mean(-1)
    smooth, local, content, copy = range(4)
    assert reach[local] < 0.6 * reach[smooth] and reach[copy] < reach[local]
    assert p[copy, :, :128].diagonal(dim1=0, dim2=1).mean() > 0.5
    assert many[copy] < many[local] < many[content] < many[smooth]


@pytest.mark.parametrize("memory", [True, False])
def test_torch_alone_is_asked_the_same(memory: bool) -> None:
    setup = Setup(SIZES, 2, 16, "float32", memory=memory)
    dense, ours = measure(setup, [SDPA, Way("Dense()", Dense())], 1, lambda text: None)
    assert max(dense.errors.values()) < 1e-6 and max(ours.errors.values()) == 0


@torch.no_grad()
def test_errors_are_those_of_the_way_and_the_cost_is_the_law() -> None:
    ways = [SDPA, *(Way(f"Isa {n}", Isa(keep=n, kernel="gather")) for n in (1.0, 0.25))]
    dense, whole, quarter = measure(SETUP, ways, 1, lambda text: None)
    assert max(dense.errors.values()) == 0 and dense.cost == 1
    assert max(whole.errors.values()) < 1e-5 and whole.exact == whole.cost == 1
    assert quarter.exact == pytest.approx(1 / 4) and quarter.cost == pytest.approx(law(1 / 4), abs=0.002)
    row, plan = row_of(SIZES), Plan.of(row_of(SIZES), isolated, [1])
    q, k, v = heads_of(row, ["copy", "copy"], 16, seed=1)
    out, truth = (attend(q[:, 128:], k, v, plan, spec) for spec in (Isa(keep=0.25, kernel="gather"), Dense()))
    assert quarter.errors["copy"] == pytest.approx(float((out - truth).norm() / truth.norm()), rel=1e-4)


def test_what_this_machine_lacks_is_told_and_stops_nobody() -> None:
    ways = [SDPA, Way("SDPA, cudnn", Dense(), "cudnn"), Way("Isa", Isa(kernel="gather"))]
    heard: list[str] = []
    dense, cudnn, isa = measure(SETUP, ways, 2, heard.append, errors=False)
    assert cudnn.refused and not cudnn.seconds
    assert dense.seconds and isa.seconds and not isa.refused
    assert [line.split(": ")[1] for line in heard[-4:]] == ["SDPA", "Isa"] * 2
    assert [cells[0] for cells in speed_rows([dense, cudnn, isa])] == ["SDPA", "Isa"]


@pytest.mark.parametrize(("rule", "memory"), [("isolated", True), ("isolated", False), ("full", False)])
def test_gradients_can_be_timed_too(rule: str, memory: bool) -> None:
    setup = Setup(SIZES, 1, 8, "bfloat16", rule=rule, memory=memory, backward=True)
    figures = measure(setup, [SDPA, Way("Dense()", Dense()), Way("Isa", Isa(kernel="gather"))], 1, lambda text: None)
    assert all(f.seconds > 0 and not f.refused for f in figures)


def test_a_setting_without_sense_is_refused() -> None:
    with pytest.raises(BadInput, match="nothing can be remembered"):
        plan_of(Setup(SIZES, 1, 8, "float32", rule="full"))
    with pytest.raises(BadInput, match="share"):
        keeps_of("1/8,2")
    with pytest.raises(BadInput, match="--keep"):
        keeps_of("an eighth")
    with pytest.raises(BadInput, match="Kernels are"):
        kernels_of("cuda", "cpu")


def test_every_rival_is_there() -> None:
    names = [way.name for way in ways_of("cuda", keeps_of("1/8,0.3"), kernels_of("all", "cuda"))]
    assert names[:4] == ["SDPA", "SDPA, cudnn", "SDPA, flash", "Dense()"]
    assert {"Isa 1/8, triton", "Isa 0.3, gather", "Isa 1/8, first order", "Isa published"} <= set(names)
    assert not [way for way in ways_of("cpu", [0.1], kernels_of("all", "cpu")) if "triton" in way.name]


def test_the_crossover_lies_between_the_lengths_that_enclose_it() -> None:
    assert crossover([(512, 0.5), (1024, 2.0)]) == pytest.approx(512 * math.sqrt(2))
    assert crossover([(512, 1.5), (1024, 0.9), (2048, 1.1)]) == pytest.approx(1024 * 2 ** (0.10536 / 0.20067), rel=1e-3)
    assert crossover([(512, 1.5), (1024, 2.0)]) == 512
    assert crossover([(512, 0.5), (1024, 1.0)]) is None


def figure(name: str, keep: float | None, seconds: float) -> Figure:
    spec = Dense() if keep is None else Isa(keep=keep)
    return Figure(SDPA if keep is None else Way(name, spec), seconds, 2 * seconds, 0.0, 0.4 / seconds, 0.2 / seconds)


def test_a_goal_is_set_only_where_it_was_set() -> None:
    figures = [figure("SDPA", None, 0.4), figure("Isa 1/8, flex", 1 / 8, 0.1)]
    asked = Setup(Sizes((8, 32, 32), (8, 32, 32)), 1, 128, "float32")
    assert goals(asked, figures) == [
        "SDPA / Isa 1/8, flex, float32: 4.00 by the clock, 4.00 by the processor, 1.00 by FLOPs; "
        "goal: at least 4.00, on two cores"
    ]
    assert "goal" not in goals(SETUP, figures)[0]


def test_a_sweep_says_where_dense_is_overtaken() -> None:
    swept = [(n, [figure("SDPA", None, 0.4), figure("Isa 1/8, flex", 1 / 8, 512 * 0.4 / n)]) for n in (256, 1024)]
    head, cells, lines = swept_table(swept)
    assert head[-1] == "Isa 1/8, flex" and cells[1][-1] == "2.00 / 1.00"
    assert "1/8: 7.2" in lines[0] and "about 512 target tokens by the clock, none of these" in lines[1]


def test_the_verb_prints_its_record(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "SWEEP", (8, 16))
    small = ("--width", 8, "--dtype", "float32", "--kernels", "gather", "--repeats", 1)
    ran = run("bench", "attention", "--tokens", "2x4x4", *small, "--json")
    assert ran.status == 0, ran.err
    (setup,) = ran.record["setups"]
    assert setup["sizes"]["target"] == [2, 4, 4] and setup["lengths"][0]["target_tokens"] == 32
    assert {"SDPA", "Isa 1/8, gather"} <= {way["way"] for way in setup["lengths"][0]["ways"]}
    swept = run("bench", "attention", *small, "--sweep")
    assert swept.status == 0 and "overtakes dense attention" in swept.out
    for wrong in (("--dtype", "int8"), ("--device", "gpu"), ("--width", 7), ("--tokens", "some")):
        assert run("bench", "attention", *wrong).status == 2


@pytest.mark.slow
def test_the_bench_for_a_gpu_runs_where_there_is_torch_alone(tmp_path: Path) -> None:
    """Tiny, on the CPU, without hosts, without the command line's libraries and without Triton."""
    program = (
        "import runpy, sys; sys.modules |= dict.fromkeys("
        "['diffusers', 'transformers', 'peft', 'accelerate', 'typer', 'rich', 'av', 'cv2', 'triton']); "
        f"sys.argv = ['gpu_bench', '--tiny', '--here', '--out', {str(tmp_path)!r}, '--rival', {str(tmp_path)!r}]; "
        f"runpy.run_path({str(ROOT / 'scripts' / 'gpu_bench')!r}, run_name='__main__')"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    parts = json.loads((tmp_path / "gpu_bench.json").read_text(encoding="utf-8"))["parts"]
    assert not [name for name, part in parts.items() if "failed" in part]
    assert parts["check"]["good"] and all(case["two runs equal"] for case in parts["check"]["cases"])
    assert "SKIPPED" in ran.stdout and "skipped" in parts["rivals"]["PISA, density 1/8"]
    ways = {way["way"]: way for way in parts["both 12"]["lengths"][0]["ways"]}
    assert (
        ways["Isa 1/8, order 0"]["seconds"] > 0
        and max(way["times"] for name, way in ways.items() if "Isa" not in name) == 1
    )

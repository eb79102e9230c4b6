"""Will it fit: the estimate is near what torch keeps, and the advice names the cheapest cure that is enough."""

from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from diffusers import WanTransformer3DModel
from peft import LoraConfig
from torch import Tensor

from editing.test_compose import Means
from refrain.editing.compose import Window
from refrain.errors import Unsupported
from refrain.models.protocols import Card
from refrain.models.wan.denoiser import Expert, WanDenoiser
from refrain.training.loop import Watch
from refrain.training.memory import Need, advice, check, need
from refrain.training.objective import Batch, loss
from refrain.training.stage import Stage
from rows import some
from training.test_objective import FACTS
from training.tiny_run import STAGE, run

NEED = Need(100, 10, 20, 10, 80, (("micro-batches of 1", 40), ("checkpointing on", 30), ("`adamw8bit`", 15)))
CPU = torch.device("cpu")


def wide(lora: bool) -> WanTransformer3DModel:
    torch.manual_seed(0)
    net = WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=4, attention_head_dim=24, in_channels=Means.channels,
        out_channels=Means.channels, text_dim=32, freq_dim=64, ffn_dim=256, num_layers=3, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", rope_max_seq_len=32,
    )  # fmt: skip
    if lora:
        net.requires_grad_(False).add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    return net


def kept(net: WanTransformer3DModel, stage: Stage, checkpointing: bool) -> tuple[int, int]:
    """The tokens of a row, and the bytes that torch keeps of it for its gradients, weights left out."""
    clean = torch.nn.Conv3d(Means.channels, 96, (1, 2, 2), (1, 2, 2)).requires_grad_(False)
    wan = WanDenoiser((Expert(net, clean),), Card(context_words="none", **FACTS))  # type: ignore[arg-type]
    wan.checkpointing = checkpointing
    own = {p.untyped_storage().data_ptr() for module in (net, clean) for p in module.parameters()}
    held: dict[int, Tensor] = {}
    prepare, rows = wan.prepare, list[int]()
    wan.prepare = lambda row, *more, **named: (rows.append(len(row.without_words())), prepare(row, *more, **named))[1]
    clips = [some(1, 9, 3, 128, 128, seed=n).clamp(-1, 1) for n in (1, 2)]
    given = Batch(*clips, some(1, 5, 32, seed=3), Window(0, 2))

    def note(x: Tensor) -> Tensor:
        held[x.untyped_storage().data_ptr()] = x
        return x

    autocast = torch.autocast("cpu", torch.bfloat16, enabled=stage.precision == "bf16")
    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x), autocast:
        loss(wan, Means(), given, torch.Generator().manual_seed(7))
    return rows[0], sum(x.untyped_storage().nbytes() for place, x in held.items() if place not in own)


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.filterwarnings("ignore:Mismatch dtype")
def test_what_is_kept_for_gradients_is_foreseen(precision: str, lora: bool) -> None:
    stage, net = Stage(steps=1, precision=precision), wide(lora)  # type: ignore[arg-type]
    named = {name: p for name, p in net.named_parameters() if p.requires_grad}
    tokens, found = kept(net, stage, checkpointing=False)
    assert need(net, named, stage, tokens).activations == pytest.approx(found, rel=0.2)
    tokens, found = kept(net, stage, checkpointing=True)
    again = need(net, named, stage, tokens).activations / 3  # one block of three, while it is computed again
    assert need(net, named, stage, tokens, checkpointing=True).activations == pytest.approx(found + again, rel=0.2)


def test_gradients_moments_and_average_are_those_of_what_learns() -> None:
    net = wide(lora=True)
    named = {name: p for name, p in net.named_parameters() if p.requires_grad}
    count = sum(p.numel() for p in named.values())
    for optimiser, each in (("adamw", 8), ("adamw8bit", 2), ("muon", 4)):
        found = need(net, named, Stage(steps=1, optimiser=optimiser), 100)  # type: ignore[arg-type]
        assert (found.gradients, found.moments, found.average) == (4 * count, each * count, 4 * count)


def test_what_fits_needs_no_advice() -> None:
    assert advice(NEED, 120) is None
    check(None, CPU)


@pytest.mark.parametrize(
    ("free", "told"),
    [
        (119, "take micro-batches of 1."),
        (70, "take micro-batches of 1; checkpointing on."),
        (40, "take micro-batches of 1; checkpointing on; `adamw8bit`."),
        (10, "no cure is enough"),
    ],
)
def test_the_cheapest_cures_that_are_enough_are_named(free: int, told: str) -> None:
    said = advice(NEED, free)
    assert (said is not None and said.endswith(told)) or told in str(said)


def test_cures_that_were_taken_are_not_named_again() -> None:
    net = wide(lora=True)
    named = {name: p for name, p in net.named_parameters() if p.requires_grad}
    stage = Stage(steps=1, optimiser="adamw8bit")
    words = [words for words, _ in need(net, named, stage, 100, checkpointing=True).cures]
    assert words == ["a LoRA of half the rank"]
    words = [words for words, _ in need(net, named, replace(stage, optimiser="adamw"), 100, batch=4).cures]
    assert [word.split(" (")[0] for word in words[:2]] == ["micro-batches of 2", "micro-batches of 1"]
    assert words[2:] == ["checkpointing on", "the optimiser `adamw8bit`", "a LoRA of half the rank"]


def test_what_cannot_fit_is_refused_before_the_first_step_and_what_may_not_is_told(tmp_path: Path) -> None:
    there = psutil.virtual_memory().total
    with pytest.raises(Unsupported, match="no cure is enough"):
        run(tmp_path, watch=Watch(need=Need(0, there, there, 0, 0)))
    assert not list(tmp_path.iterdir())
    with pytest.warns(UserWarning, match="take checkpointing on"):
        check(Need(0, 0, 0, 0, 2 * there, (("checkpointing on", 2 * there),)), CPU)


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA"), RuntimeError("[enforce fail] can't allocate memory: 9")]
)
def test_memory_that_is_out_becomes_the_same_advice(tmp_path: Path, error: Exception) -> None:
    def full(batch: object) -> float:
        raise error

    small = Need(0, 0, 0, 0, 0, (("micro-batches of 2", 1),))
    with pytest.raises(Unsupported, match="out in step 0; take micro-batches of 2"):
        run(tmp_path, watch=Watch(need=small), spoil=full)
    with pytest.raises(Unsupported, match="smaller micro-batches"):
        run(tmp_path, STAGE, spoil=full)


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    def strange(batch: object) -> float:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        run(tmp_path, spoil=strange)

"""What `install` reads from a transformer's call, hands to attention, and refuses by name."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan, QwenImageTransformer2DModel
from diffusers.models.transformers.transformer_wan import WanAttnProcessor
from peft import LoraConfig
from torch import Tensor, nn

import tiny_pipelines as pipelines
from refrain import BadInput, Unsupported, install, uninstall
from refrain.attention import Dense, Isa, Plan, attend
from refrain.models.install import flux, qwen
from refrain.models.install.given import Part, plan_of
from tiny import tiny_transformer, tiny_vae

Forward = Callable[..., Tensor]
SOME = Isa(keep=0.25, tile=(1, 1, 2), kernel="gather")


class Watched:
    """Stands in for `attend` and notes what it was asked."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.specs: list[Any] = []

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Any) -> Tensor:
        self.plans.append(plan)
        self.specs.append(spec)
        return attend(q, k, v, plan, spec)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watch = Watched()
    monkeypatch.setattr("refrain.models.install.planned.attend", watch)
    return watch


def wan(model: nn.Module, timestep: Tensor | None = None, seed: int = 0, **more: Any) -> Tensor:
    """A forward of a Wan transformer: latents of 3 x 4 x 6, four words."""
    made = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 16, 3, 4, 6, generator=made)
    words = torch.randn(1, 4, 32, generator=made)
    return model(x, torch.tensor([700]) if timestep is None else timestep, words, return_dict=False, **more)[0]


def kontext(model: nn.Module, t: float = 0.7, **more: Any) -> Tensor:
    """A forward of a Flux transformer: three words, a target of 4 x 4, a context picture of 2 x 3."""
    made = torch.Generator().manual_seed(0)
    ids = torch.cat([picture(0, 4, 4), picture(1, 2, 3)])
    given: dict[str, Any] = {"img_ids": ids, "txt_ids": torch.zeros(3, 3), "timestep": torch.tensor([t])} | more
    return model(
        torch.randn(1, 22, 16, generator=made),
        encoder_hidden_states=torch.randn(1, 3, 32, generator=made),
        pooled_projections=torch.randn(1, 32, generator=made),
        return_dict=False,
        **given,
    )[0]


def picture(number: int, rows: int, columns: int) -> Tensor:
    """ids [L, 3] as Flux lays them."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.stack([torch.full_like(y, number), y, x], dim=-1).reshape(-1, 3).float()


def laid(plan: Plan) -> list[tuple[str, tuple[int, int, int]]]:
    assert plan.row is not None
    return [(segment.kind, segment.size) for segment in plan.row]


@torch.no_grad()
def test_wan_is_one_target(watched: Watched) -> None:
    model = tiny_transformer()
    install(model, SOME)
    wan(model)
    assert [laid(plan) for plan in watched.plans] == [[("target", (3, 2, 3))]] * 2
    assert watched.plans[0] is watched.plans[1]


@torch.no_grad()
def test_a_plan_is_made_once_for_each_layout(watched: Watched) -> None:
    model = tiny_transformer()
    install(model, SOME)
    for seed in (1, 2):
        wan(model, seed=seed)
    assert len(set(map(id, watched.plans))) == 1


@torch.no_grad()
def test_kontext_is_words_a_target_and_sources(watched: Watched) -> None:
    model = pipelines.kontext().transformer
    install(model, SOME)
    kontext(model)
    assert laid(watched.plans[0]) == [("text", (3, 1, 1)), ("target", (1, 4, 4)), ("source", (1, 2, 3))]
    assert len(watched.plans) == 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_flux_ids_tell_pictures(dtype: torch.dtype) -> None:
    ids = torch.cat([picture(0, 5, 3), picture(1, 1, 4), picture(2, 4, 1)]).to(dtype)
    assert flux.pictures(ids) == (
        Part("target", (1, 5, 3)),
        Part("source", (1, 1, 4)),
        Part("source", (1, 4, 1)),
    )


def test_a_source_of_another_size_lies_stretched_over_the_target() -> None:
    row = plan_of((Part("target", (1, 4, 8)), Part("source", (1, 2, 4)), Part("source", (1, 4, 8)))).row
    assert row is not None
    target, half, whole = row
    assert torch.equal(whole.canvas, target.canvas)
    covered = target.canvas.reshape(2, 2, 4, 2, 3).transpose(1, 2).reshape(8, 4, 3)
    torch.testing.assert_close(half.canvas, covered.mean(1))


@pytest.mark.parametrize("entry", [[(1, 4, 6), (1, 2, 3)], ((1, 4, 6), (1, 2, 3))])
def test_qwen_shapes_tell_pictures(entry: Any) -> None:
    assert qwen.pictures([entry] * 2) == (Part("target", (1, 4, 6)), Part("source", (1, 2, 3)))
    assert qwen.pictures([(1, 4, 6)]) == (Part("target", (1, 4, 6)),)


@torch.no_grad()
def test_attention_is_asked_by_layer(watched: Watched) -> None:
    """A VACE block counts as the layer that it speaks to."""
    layers = tuple((share, share) for share in (0.1, 0.5, 0.9))
    spec = Isa(budgets=layers, tile=(1, 1, 2), kernel="gather")
    model = pipelines.vace().transformer
    install(model, spec)
    wan(model, control_hidden_states=torch.zeros(1, 96, 3, 4, 6))
    assert [spec.budgets[0][0] for spec in watched.specs] == [0.1, 0.9, 0.1, 0.5, 0.9]

    watched.specs.clear()
    model = pipelines.kontext().transformer
    install(model, spec)
    kontext(model)
    assert [spec.budgets[0][0] for spec in watched.specs] == [0.1, 0.5, 0.9]


@torch.no_grad()
def test_attention_is_asked_by_noise_time(watched: Watched) -> None:
    late = Isa(keep=0.5, tile=(1, 1, 2), dense_time=0.6, kernel="gather")

    def sparse(call: Forward, model: nn.Module, *given: Any) -> bool:
        watched.specs.clear()
        call(model, *given)
        return bool(watched.specs)

    model = tiny_transformer()
    install(model, late)
    assert not sparse(wan, model, torch.tensor([601]))
    assert sparse(wan, model, torch.tensor([599]))
    assert not sparse(wan, model, torch.tensor([[0] * 6 + [700] * 12])), "a first frame is clean, the rest is not"
    model = pipelines.kontext().transformer
    install(model, late)
    assert not sparse(kontext, model, 0.601)
    assert sparse(kontext, model, 0.599)


@torch.no_grad()
def test_autocast_is_followed() -> None:
    """Under autocast, queries and keys that were normed in float32 meet values in bfloat16."""
    model = pipelines.qwen_edit().transformer
    made = torch.Generator().manual_seed(0)
    latents, words = torch.randn(1, 22, 64, generator=made), torch.randn(1, 3, 32, generator=made)

    def call() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            shapes = [[(1, 4, 4), (1, 2, 3)]]
            return model(latents, words, timestep=torch.tensor([0.7]), img_shapes=shapes, return_dict=False)[0]

    before = call()
    install(model, Isa(keep=1.0, tile=(1, 1, 2), kernel="gather"))
    after = call()
    assert after.dtype == before.dtype == torch.bfloat16
    torch.testing.assert_close(after, before, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("checkpointed", [False, True])
def test_a_lora_learns_as_without_it_where_all_is_kept(checkpointed: bool) -> None:
    torch.manual_seed(0)
    model = tiny_transformer()
    model.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False))
    if checkpointed:
        model.enable_gradient_checkpointing()
        model.train()

    def gradients() -> list[Tensor]:
        model.zero_grad()
        wan(model).square().sum().backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    before = gradients()
    install(model, Isa(keep=1.0, tile=(1, 1, 2), kernel="gather"))
    after = gradients()
    assert len(after) == len(before) > 0
    for a, b in zip(after, before):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_what_was_installed_is_told() -> None:
    told = install(tiny_transformer(), SOME)
    assert (told.host, told.layers, told.spec) == ("WanTransformer3DModel", 2, SOME)
    assert (told.kernel, told.device) == ("gather", torch.device("cpu"))
    assert install(tiny_transformer(), Dense()).kernel == "diffusers"


def test_unknown_transformers_are_refused() -> None:
    vae: AutoencoderKLWan = tiny_vae()
    with pytest.raises(
        Unsupported, match="knows WanTransformer3DModel, .*FluxTransformer2DModel, .*not AutoencoderKLWan"
    ):
        install(vae, SOME)


def test_a_whole_pipeline_is_refused_with_advice() -> None:
    with pytest.raises(Unsupported, match="pipe.transformer"):
        install(pipelines.wan().pipeline, SOME)  # type: ignore[arg-type]


def test_layered_qwen_is_refused() -> None:
    model = QwenImageTransformer2DModel(
        num_layers=1, attention_head_dim=16, num_attention_heads=1, joint_attention_dim=8, axes_dims_rope=(4, 4, 8),
        use_layer3d_rope=True,
    )  # fmt: skip
    with pytest.raises(Unsupported, match="Layered"):
        install(model, SOME)


@pytest.mark.parametrize(
    ("spec", "error", "sentence"),
    [
        (Isa(coarse_gate=True), Unsupported, "coarse_gate=True.* WanTransformer3DModel has none"),
        (Isa.published(coarse_gate=True), Unsupported, "coarse_gate"),
        (Isa(budgets=((0.5, 0.5),)), BadInput, "1 layers; layer 1 has none"),
        (Isa(budgets=((0.5,),) * 2), BadInput, "Layer 0 has 2 heads; its budgets are for 1"),
        (None, BadInput, "not None"),
    ],
)
def test_a_spec_that_cannot_be_honoured_is_refused_and_nothing_changes(
    spec: Any, error: type[Exception], sentence: str
) -> None:
    model = tiny_transformer()
    before = dict(model.attn_processors)
    with pytest.raises(error, match=sentence):
        install(model, spec)
    assert model.attn_processors == before
    assert not model._forward_pre_hooks


def test_processors_of_others_are_refused() -> None:
    class Other(WanAttnProcessor):
        pass

    model = tiny_transformer()
    model.blocks[1].attn1.set_processor(Other())
    with pytest.raises(Unsupported, match="Layer 1 is attended by Other"):
        install(model, SOME)
    assert not model._forward_pre_hooks


@torch.no_grad()
def test_a_mask_is_refused() -> None:
    model = pipelines.kontext().transformer
    install(model, SOME)
    mask = torch.ones(25, 25, dtype=torch.bool)
    with pytest.raises(Unsupported, match="mask"):
        kontext(model, joint_attention_kwargs={"attention_mask": mask})
    uninstall(model)
    kontext(model, joint_attention_kwargs={"attention_mask": mask})


@torch.no_grad()
def test_context_parallelism_is_refused() -> None:
    model = tiny_transformer()
    install(model, SOME)
    model.blocks[0].attn1.processor._parallel_config = object()
    with pytest.raises(Unsupported, match="context parallelism"):
        wan(model)


@torch.no_grad()
def test_a_block_by_itself_is_refused() -> None:
    model = tiny_transformer()
    install(model, SOME)
    with pytest.raises(Unsupported, match="call the transformer"):
        model.blocks[0].attn1(torch.zeros(1, 4, 24))


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        (picture(1, 2, 2), "the target"),
        (picture(0, 3, 3)[:-1], "raster"),
        (picture(0, 3, 3)[torch.tensor([0, 3, 6, 1, 4, 7, 2, 5, 8])], "raster"),
    ],
)
def test_ids_that_cannot_be_read_are_refused(ids: Tensor, sentence: str) -> None:
    with pytest.raises(Unsupported, match=sentence):
        flux.pictures(ids)


def test_samples_with_different_pictures_are_refused() -> None:
    with pytest.raises(Unsupported, match="one by one"):
        qwen.pictures([[(1, 4, 6)], [(1, 6, 4)]])

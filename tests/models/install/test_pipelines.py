"""`install` in diffusers' own pipelines: keeping all is the untouched pipeline, and what was taken is given back."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit
from peft import LoraConfig
from torch import Tensor

import tiny_pipelines as pipelines
from refrain import install, uninstall
from refrain.attention import Dense, Isa
from refrain.models.install.planned import Planned
from tiny_pipelines import Tiny

ALL = Isa(keep=1.0, tile=(1, 1, 2), kernel="gather")
SOME = Isa(keep=0.25, tile=(1, 1, 2), kernel="gather")
MAKERS: dict[str, Callable[[], Tiny]] = {
    "wan t2v": pipelines.wan,
    "wan ti2v": lambda: pipelines.wan("wan2.2-ti2v-5b"),
    "wan i2v": pipelines.wan_from_picture,
    "wan ti2v from a picture": lambda: pipelines.wan_from_picture(expand=True),
    "wan vace": pipelines.vace,
    "flux kontext": pipelines.kontext,
    "qwen edit": pipelines.qwen_edit,
}
ONE_EACH = ["wan t2v", "flux kontext", "qwen edit"]


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Qwen's pipeline brings the picture to edit to a megapixel; here to 64 x 64."""
    monkeypatch.setattr(pipeline_qwenimage_edit, "calculate_dimensions", lambda area, ratio: (64, 64, None))


@pytest.fixture(autouse=True)
def backend_as_before() -> Iterator[None]:
    """`set_attention_backend` sets it for the whole process."""
    yield
    _AttentionBackendRegistry.set_active_backend(AttentionBackendName.NATIVE)


@pytest.fixture(params=MAKERS)
def tiny(request: pytest.FixtureRequest) -> Tiny:
    return MAKERS[request.param]()


@pytest.fixture(params=ONE_EACH)
def one(request: pytest.FixtureRequest) -> Tiny:
    return MAKERS[request.param]()


def same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, atol=2e-5, rtol=0)


def test_keeping_all_is_the_untouched_pipeline(tiny: Tiny) -> None:
    before = tiny.run()
    install(tiny.transformer, ALL)
    same(tiny.run(), before)


def test_keeping_some_changes_it_and_uninstall_gives_it_back(tiny: Tiny) -> None:
    before, processors = tiny.run(), dict(tiny.transformer.attn_processors)
    install(tiny.transformer, SOME)
    after = tiny.run()
    assert after.isfinite().all()
    assert (after - before).abs().max() > 1e-3
    uninstall(tiny.transformer)
    assert torch.equal(tiny.run(), before)
    assert all(tiny.transformer.attn_processors[name] is was for name, was in processors.items())
    assert not tiny.transformer._forward_pre_hooks


def test_dense_is_diffusers_own_attention(one: Tiny) -> None:
    before = one.run()
    install(one.transformer, Dense())
    assert torch.equal(one.run(), before)


@pytest.mark.parametrize("spec", [Isa(dense_layers=9), Isa(dense_time=0.0)])
def test_a_layer_or_a_time_that_is_dense_is_diffusers_own(one: Tiny, spec: Isa) -> None:
    before = one.run()
    install(one.transformer, spec)
    same(one.run(), before)  # to rounding, where words are padded: diffusers masks them, here they are left out


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "wan vace"])  # whose pipeline takes one sample
def test_a_batch_of_two_is_the_untouched_pipeline(name: str) -> None:
    tiny = MAKERS[name]()
    before = tiny.run(batch=2, num_inference_steps=1)
    install(tiny.transformer, ALL)
    same(tiny.run(batch=2, num_inference_steps=1), before)


def test_sizes_may_change_from_call_to_call(one: Tiny) -> None:
    sizes = (16, 8, 16) if "Flux" in type(one.pipeline).__name__ else (32, 48, 32)
    before = [one.run(side, num_inference_steps=1) for side in sizes]
    install(one.transformer, ALL)
    for side, was in zip(sizes, before):
        same(one.run(side, num_inference_steps=1), was)


@pytest.mark.parametrize("padded", [(0, 0), (4, 4), (2, 0), (3, 5), (9, 1)])
def test_padded_words_are_seen_by_nobody(padded: tuple[int, ...]) -> None:
    tiny = pipelines.qwen_edit()
    before = tiny.run(padded=padded, true_cfg_scale=1.0)
    install(tiny.transformer, ALL)
    same(tiny.run(padded=padded, true_cfg_scale=1.0), before)


def test_guidance_by_two_calls_a_step_is_the_untouched_pipeline() -> None:
    tiny = pipelines.qwen_edit()
    before = tiny.run(true_cfg_scale=3.0)
    install(tiny.transformer, ALL)
    same(tiny.run(true_cfg_scale=3.0), before)


@pytest.mark.parametrize("first", ["adapter", "install"])
def test_loras_are_heard(one: Tiny, first: str) -> None:
    layers = ["to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"]
    config = LoraConfig(r=4, lora_alpha=32, target_modules=layers, init_lora_weights=False)
    bare = one.run()
    if first == "install":
        install(one.transformer, ALL)
    torch.manual_seed(1)
    one.transformer.add_adapter(config)
    install(one.transformer, ALL)
    after = one.run()
    uninstall(one.transformer)
    before = one.run()
    same(after, before)
    assert (before - bare).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["wan t2v", "flux kontext"])
def test_fused_projections_are_used(name: str) -> None:
    tiny = MAKERS[name]()
    before = tiny.run()
    install(tiny.transformer, ALL)
    tiny.transformer.fuse_qkv_projections()
    for module in tiny.transformer.modules():
        if getattr(module, "fused_projections", False) and hasattr(module, "to_qkv"):
            module.to_q.weight.data.zero_()  # would be heard if it were still asked
    same(tiny.run(), before)


def test_a_backend_is_set_as_ever_and_stays_after_uninstall(one: Tiny) -> None:
    before = one.run()
    install(one.transformer, ALL)
    one.transformer.set_attention_backend("native")
    same(one.run(), before)
    one.transformer.set_attention_backend("_native_math")
    uninstall(one.transformer)
    math = AttentionBackendName._NATIVE_MATH
    assert all(processor._attention_backend == math for processor in one.transformer.attn_processors.values())


def test_a_backend_set_before_serves_where_the_spec_is_dense(one: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    one.transformer.set_attention_backend("_native_math")
    install(one.transformer, Isa(dense_time=0.0))
    asked: list[Any] = []

    def dispatch(q: Tensor, k: Tensor, v: Tensor, backend: Any, parallel_config: Any) -> Tensor:
        asked.append(backend)
        return v

    monkeypatch.setattr("refrain.models.install.planned.dispatch_attention_fn", dispatch)
    one.run()
    assert set(asked) == {AttentionBackendName._NATIVE_MATH}


def test_a_second_install_replaces_the_first(one: Tiny) -> None:
    untouched = dict(one.transformer.attn_processors)
    install(one.transformer, SOME)
    few = one.run()
    told = install(one.transformer, ALL)
    assert told.spec == ALL
    assert (one.run() - few).abs().max() > 1e-3
    assert len(one.transformer._forward_pre_hooks) == 1
    planned = [p for p in one.transformer.attn_processors.values() if isinstance(p, Planned)]
    assert len(planned) == told.layers
    assert all(p.before in untouched.values() for p in planned)


def test_uninstall_does_nothing_where_nothing_was_installed(one: Tiny) -> None:
    untouched = dict(one.transformer.attn_processors)
    uninstall(one.transformer)
    assert one.transformer.attn_processors == untouched


def test_uninstall_leaves_processors_that_came_later(one: Tiny) -> None:
    own = {name: type(p)() for name, p in one.transformer.attn_processors.items()}
    install(one.transformer, SOME)
    one.transformer.set_attn_processor(dict(own))
    uninstall(one.transformer)
    assert one.transformer.attn_processors == own
    assert not one.transformer._forward_pre_hooks


def test_a_copy_stands_alone(one: Tiny) -> None:
    install(one.transformer, SOME)
    before, original = one.run(), one.transformer
    one.pipeline.transformer = copy.deepcopy(original)
    assert torch.equal(one.run(), before)
    uninstall(one.transformer)
    assert (one.run() - before).abs().max() > 1e-3
    one.pipeline.transformer = original
    assert torch.equal(one.run(), before)

"""What attention refuses: each in one clear sentence that names what is wrong."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from refrain.attention import Dense, Isa, Plan, Spec, attend
from refrain.errors import BadInput, RefrainError
from refrain.sequence import RULES, Segment, Sequence, grid

SPECS: list[Spec] = [Dense(), Isa(tile=4, kernel="gather"), Isa(tile=4, kernel="reference", order=1)]
ROW = Sequence([Segment("source", 0, grid(1, 3, 4)), Segment("target", 0, grid(1, 3, 4))])


def plan(rule: str = "isolated") -> Plan:
    return Plan.of(ROW, RULES[rule])


def qkv(heads: int = 2, batch: int = 1) -> list[Tensor]:
    return list(torch.randn(3, batch, 24, heads, 4, generator=torch.Generator().manual_seed(1)))


def sentence(wrong: type[RefrainError], spec: Spec, *tensors: Tensor, gate: Tensor | None = None) -> str:
    """The refusal, which must be one line that ends like a sentence."""
    with pytest.raises(wrong) as caught:
        attend(*tensors, plan(), spec, gate)  # type: ignore[arg-type]
    said = str(caught.value)
    assert "\n" not in said and said.endswith(".") and len(said) < 250
    return said


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_nan_and_infinity(spec: Spec, which: int, value: float, dtype: torch.dtype) -> None:
    tensors = [x.to(dtype) for x in qkv()]
    tensors[which][0, 7, 1, 3] = value
    assert sentence(BadInput, spec, *tensors).startswith("qkv"[which] + " holds NaN or infinity")


@pytest.mark.parametrize("spec", SPECS)
def test_large_numbers_are_numbers(spec: Spec) -> None:
    """Their sum leaves the range of floats; they do not."""
    q, k, v = qkv()
    assert attend(q, k, torch.full_like(v, 1e37), plan(), spec).isfinite().all()
    half = [x.half() for x in (q, k, torch.full_like(v, 6e4))]
    assert attend(*half, plan(), Dense()).isfinite().all()  # type: ignore[call-arg]


def test_the_look_for_nan_does_not_stop_a_compiler_or_gradients() -> None:
    (q, k, v), laid = (x.requires_grad_() for x in qkv()), plan()
    compiled = torch.compile(lambda a, b, c: attend(a, b, c, laid, Dense()), backend="eager", fullgraph=True)
    attend(q, k, v, laid, Dense()).sum().backward()
    assert torch.equal(compiled(q, k, v), attend(q, k, v, laid, Dense()))
    assert v.grad is not None and v.grad.isfinite().all()


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("dtype", [torch.int32, torch.bool, torch.complex64])
def test_what_is_not_of_floats(spec: Spec, dtype: torch.dtype) -> None:
    assert str(dtype) in sentence(BadInput, spec, *(x.to(dtype) for x in qkv()))


@pytest.mark.parametrize("spec", SPECS)
def test_two_dtypes_or_two_devices(spec: Spec) -> None:
    q, k, v = qkv()
    assert "one dtype" in sentence(BadInput, spec, q, k, v.double())
    assert "one dtype" in sentence(BadInput, spec, q.half(), k, v)
    assert "one device" in sentence(BadInput, spec, q, k.to("meta"), v)


@pytest.mark.parametrize("spec", SPECS)
def test_a_plan_of_another_row_and_tensors_that_do_not_fit_one_another(spec: Spec) -> None:
    q, k, v = qkv()
    assert "24" in sentence(BadInput, spec, q[:, :-1], k[:, :-1], v[:, :-1])
    assert "24" in sentence(BadInput, spec, q[0], k[0], v[0])
    assert "24" in sentence(BadInput, spec, q, k, v[:, :, :1])
    assert "batch" in sentence(BadInput, spec, torch.cat([q, q]), k, v)
    assert "head width" in sentence(BadInput, spec, q[..., :2], k, v)


@pytest.mark.parametrize("spec", SPECS)
def test_heads_that_do_not_divide(spec: Spec) -> None:
    q, _, _ = qkv(heads=3)
    assert "multiple" in sentence(BadInput, spec, q, *qkv()[1:])
    assert "multiple" in sentence(BadInput, spec, qkv()[0], *qkv(heads=4)[1:])


def test_budgets_of_another_model() -> None:
    assert "for 3 heads" in sentence(BadInput, Isa(budgets=((0.5, 0.5, 0.5),)), *qkv())
    assert "2 layers" in sentence(BadInput, Isa(budgets=((0.5, 0.5), (0.5, 0.5))), *qkv())
    with pytest.raises(BadInput, match="2 layers; layer 2 has none"):
        Isa(budgets=((0.5,), (0.5,))).at(2, 0.5)
    with pytest.raises(BadInput, match="equally many"):
        Isa(budgets=((0.5,), (0.5, 0.5)))
    with pytest.raises(BadInput, match="equally many"):
        Isa(budgets=((),))


def test_a_gate_that_is_missing_not_asked_for_or_of_another_shape() -> None:
    gated, bare, tensors = Isa(tile=4, coarse_gate=True), Isa(tile=4), qkv()
    assert "needs a gate" in sentence(BadInput, gated, *tensors)
    assert "not to Isa" in sentence(BadInput, bare, *tensors, gate=torch.ones(1, 24, 2))
    assert "not to Dense" in sentence(BadInput, Dense(), *tensors, gate=torch.ones(1, 24, 2))
    for shape in [(1, 24), (1, 24, 3), (1, 23, 2), (2, 24, 2), (1, 24, 2, 4)]:
        assert str(shape) in sentence(BadInput, gated, *tensors, gate=torch.ones(shape))
    assert "gate holds NaN" in sentence(BadInput, gated, *tensors, gate=torch.full((1, 24, 1), math.nan))
    assert "gate is of" in sentence(BadInput, gated, *tensors, gate=torch.ones(1, 24, 1, dtype=torch.int32))
    assert "where q is" in sentence(BadInput, gated, *tensors, gate=torch.ones(1, 24, 1, device="meta"))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"keep": 1.5}, "keep is a share"),
    ({"keep": -0.1}, "keep is a share"),
    ({"keep": math.nan}, "keep is a share"),
    ({"keep": (0.5, 2.0)}, "keep is a share"),
    ({"keep": (0.5,)}, "one share, or two"),
    ({"keep": (0.5, 0.5, 0.5)}, "one share, or two"),
    ({"budgets": ((0.5, 1.5),)}, "budgets are shares"),
    ({"mass": 2.0, "routing": "threshold"}, "mass is a share"),
    ({"dense_share": -1.0, "routing": "sharpness"}, "dense_share is a share"),
    ({"context": 1.1}, "context is a share"),
    ({"dense_time": math.inf}, "dense_time is a share"),
    ({"dense_layers": -1}, "dense_layers"),
    ({"order": 2}, "order is 0 or 1"),
    ({"routing": "best"}, "'best'"),
    ({"kernel": "cuda"}, "'cuda'"),
    ({"dense_share": 0.5}, "belongs to the routing `sharpness`"),
    ({"mass": 0.5}, "belongs to the routing `threshold`"),
    ({"drop_context": True}, "Nothing is dropped"),
    ({"keep": 0.5, "budgets": ((0.5,),)}, "not both"),
    ({"tile": 65}, "1 to 64 tokens"),
    ({"tile": 0}, "1 to 64 tokens"),
    ({"tile": (5, 5, 3)}, "1 to 64 tokens"),
    ({"tile": (4, 0, 4)}, "1 to 64 tokens"),
    ({"tile": (4, 4)}, "1 to 64 tokens"),
    ({"tile": ()}, "1 to 64 tokens"),
    ({"tile": (1.5, 2, 2)}, "1 to 64 tokens"),
]


@pytest.mark.parametrize(("fields", "said"), BAD, ids=str)
def test_choices_that_cannot_be_made(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        Isa(**fields)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_a_plan_is_cut_by_the_same_law() -> None:
    with pytest.raises(BadInput, match="1 to 64 tokens"):
        Plan.of(ROW, RULES["full"], tile=(5, 5, 5))


def test_a_clean_query_that_sees_nothing() -> None:
    with pytest.raises(BadInput, match="Segment 0 .* sees nothing"):
        Plan.of(ROW, lambda query, key: query.noisy)


def test_a_plan_made_by_hand_has_no_tiles() -> None:
    made = plan()
    bare = Plan(made.lengths, made.queries, made.keys, made.sights)
    with pytest.raises(BadInput, match="Plan.of"):
        attend(*qkv(), bare, Isa())  # type: ignore[call-arg]


def test_good_input_passes_so_the_tests_above_can_fail() -> None:
    for spec in SPECS:
        assert attend(*qkv(), plan(), spec).shape == (1, 24, 2, 4)  # type: ignore[call-arg]
    assert attend(*qkv(), plan(), Isa(tile=4, coarse_gate=True), torch.ones(1, 24, 1)).isfinite().all()  # type: ignore[call-arg]

"""Laws of attention by bfloat16 products: as exact as torch's own in bfloat16, and never used where it is not right."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from refrain.attention import Dense, Plan, Sight, attend, bfloat

CASES = {"few": (5, 7, 2, 2), "odd": (300, 131, 2, 2), "shared heads": (130, 40, 4, 2), "one key": (3, 1, 1, 1)}


def drawn(queries: int, keys: int, heads: int, of_keys: int, sharp: float) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    q = sharp * torch.randn(2, queries, heads, 32)
    k, v = torch.randn(2, 2, keys, of_keys, 32)
    return q.bfloat16(), k.bfloat16(), v.bfloat16()


def plain(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, enable_gqa=True).transpose(1, 2)


@pytest.mark.parametrize("sharp", [1.0, 6.0])
@pytest.mark.parametrize("case", CASES)
def test_it_errs_no_more_than_torch(case: str, sharp: float) -> None:
    q, k, v = drawn(*CASES[case], sharp)
    truth = plain(q.double(), k.double(), v.double())
    ours, theirs = ((found.double() - truth).norm() for found in (bfloat.attend(q, k, v), plain(q, k, v)))
    assert ours <= 1.5 * theirs + 1e-12


def test_a_logit_is_more_than_a_bfloat16_number() -> None:
    """With logits rounded to bfloat16, sharp heads err several times as much: the law above can fail."""
    q, k, v = drawn(*CASES["odd"], 6.0)
    logits = torch.einsum("bqhd,bkhd->bhqk", q, k) * 32**-0.5
    rounded = torch.einsum("bhqk,bkhd->bqhd", logits.softmax(-1), v)
    truth = plain(q.double(), k.double(), v.double())
    assert (rounded.double() - truth).norm() > 2 * (bfloat.attend(q, k, v).double() - truth).norm()


def test_it_serves_bfloat16_on_the_cpu_without_gradients_only(monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v = drawn(*CASES["few"], 1.0)
    monkeypatch.setattr(bfloat, "_has_products", lambda: True)
    assert bfloat.serves(q, k, v)
    assert not bfloat.serves(q.float(), k.float(), v.float()) and not bfloat.serves(q.half(), k.half(), v.half())
    assert not bfloat.serves(q.requires_grad_(), k, v)
    with torch.no_grad():
        assert bfloat.serves(q, k, v)
    monkeypatch.setattr(bfloat, "_has_products", lambda: False)
    assert not bfloat.serves(q.detach(), k, v)


def test_dense_attention_asks_it_where_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan((5, 7), (0,), (1,), (Sight((0,), (1,)),))
    q, k, v = drawn(*CASES["few"], 1.0)
    for there in (True, False):
        monkeypatch.setattr(bfloat, "_has_products", lambda there=there: there)
        expected = bfloat.attend(q, k, v) if there else plain(q, k, v)
        assert torch.equal(attend(q, k, v, plan, Dense()), expected)

"""Attention over two ranks is attention on one: forward, gradients, every spec, lengths that do not divide.

Two processes with torch's gloo run all cases once; what they found comes back in files.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from refrain.attention import Dense, Isa, Plan, Spec, attend
from refrain.attention.parallel import attend_parallel, share
from refrain.errors import BadInput, RefrainError
from refrain.sequence import Segment, Sequence, grid, isolated

RANKS = 2
BUDGETS = ((0.0, 1.0, 0.25, 0.5),)


@dataclass(frozen=True)
class Case:
    """heads: of q and of k, v; memory: only the target asks; gate: heads of a gate, or 0."""

    spec: Spec
    heads: tuple[int, int] = (4, 4)
    memory: bool = False
    gate: int = 0


CASES = {
    "dense": Case(Dense()),
    "dense_shared_heads_memory": Case(Dense(), (4, 2), memory=True),
    "isa": Case(Isa(keep=0.3, kernel="gather")),
    "isa_first_order_shared_heads_memory": Case(Isa(keep=0.3, order=1, kernel="gather"), (4, 2), memory=True),
    "isa_published": Case(Isa.published()),
    "isa_budgets": Case(Isa(budgets=BUDGETS, kernel="gather"), memory=True),
    "isa_one_gate": Case(Isa(keep=0.3, coarse_gate=True, kernel="gather"), gate=1),
    "isa_gate_a_head": Case(Isa(keep=0.3, coarse_gate=True, kernel="gather"), gate=4),
}


def plan_of(case: Case) -> Plan:
    """27 and 36 tokens: no half of 63 is whole, and no rank's run is a segment."""
    row = Sequence([Segment("source", 0, grid(3, 3, 3)), Segment("target", 0, grid(3, 4, 3))])
    return Plan.of(row, isolated, [1] if case.memory else None, tile=(2, 2, 2))


def given(case: Case) -> list[Tensor]:
    """q, k, v, the gradient of the answer and, where the case has one, a gate."""
    plan, draw = plan_of(case), torch.Generator().manual_seed(3)
    asked, held = (sum(plan.lengths[i] for i in numbers) for numbers in (plan.queries, plan.keys))
    shapes = [(2, asked, case.heads[0], 8), *[(2, held, case.heads[1], 8)] * 2, (2, asked, case.heads[0], 8)]
    shapes += [(2, asked, case.gate)] if case.gate else []
    return [torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes]


def answers(attention: Any, case: Case, tensors: list[Tensor]) -> list[Tensor]:
    """The answer, and the gradients of q, k, v and the gate."""
    q, k, v, grad, *gate = tensors
    leaves = [x.clone().requires_grad_() for x in (q, k, v, *gate)]
    out = attention(*leaves[:3], plan_of(case), case.spec, gate=leaves[3] if gate else None)
    return [out.detach(), *torch.autograd.grad(out, leaves, grad)]


def run_rank(rank: int, folder: str) -> None:
    """What one of the processes does."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=RANKS)
    found: dict[str, Tensor] = {}
    for name, case in CASES.items():
        own = [x[:, slice(*share(x.shape[1], rank, RANKS))] for x in given(case)]
        parts = answers(attend_parallel, case, own)
        found |= {f"{name} {n}": part.contiguous() for n, part in enumerate(parts)}
    save_file(found, f"{folder}/found{rank}", {"refused": refusal(rank)})
    dist.destroy_process_group()


def refusal(rank: int) -> str:
    """What is said of three heads, and of tokens that are another's share."""
    case, said = Case(Dense(), (3, 3)), list[str]()
    q, k, v, _ = (x[:, slice(*share(x.shape[1], rank, RANKS))] for x in given(case))
    for parts in ((q, k, v), (q[:, 1:], k, v)):
        try:
            attend_parallel(*parts, plan_of(case), Dense())
        except RefrainError as error:
            said.append(f"{type(error).__name__}: {error}")
    return "\n".join(said)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both processes left what they found."""
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(run_rank, (str(folder),), nprocs=RANKS)  # type: ignore[no-untyped-call]
    return folder


@cache
def found(folder: Path) -> list[dict[str, Tensor]]:
    return [load_file(folder / f"found{rank}") for rank in range(RANKS)]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_ranks_answer_and_learn_as_one(folder: Path, name: str) -> None:
    alone = answers(attend, CASES[name], given(CASES[name]))
    for n, one in enumerate(alone):
        both = torch.cat([rank[f"{name} {n}"] for rank in found(folder)], dim=1)
        torch.testing.assert_close(both, one, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_what_cannot_be_dealt_out_is_refused_by_name(folder: Path) -> None:
    for rank, (own, start, stop) in enumerate([(32, 0, 32), (31, 32, 63)]):
        with safe_open(folder / f"found{rank}", "pt") as file:
            heads, tokens = file.metadata()["refused"].splitlines()
        assert heads.startswith("Unsupported: 3 heads of q cannot be dealt out to 2 ranks")
        assert tokens.startswith(
            f"BadInput: Rank {rank} of 2 holds tokens {start} to {stop} of 63, so q must be [B, {own}"
        )


@pytest.mark.parametrize(("tokens", "ranks"), [(63, 2), (7, 3), (2, 4), (8, 4)])
def test_shares_follow_one_another_and_differ_by_one(tokens: int, ranks: int) -> None:
    shares = [share(tokens, rank, ranks) for rank in range(ranks)]
    assert [a for a, _ in shares] == [0, *(b for _, b in shares[:-1])] and shares[-1][1] == tokens
    assert max(b - a for a, b in shares) - min(b - a for a, b in shares) <= 1


def test_without_a_process_group_there_is_a_sentence() -> None:
    q, k, v, _ = given(Case(Dense()))
    with pytest.raises(BadInput, match="init_process_group"):
        attend_parallel(q, k, v, plan_of(Case(Dense())), Dense())

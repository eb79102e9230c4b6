"""One Wan block, walked by us: diffusers' own modules, but the row is ours.

diffusers' block hands self-attention a constant `None` mask and modulates every token alike. Here the tokens of a row
fall into `Run`s (neighbours that share a noise time and the words they see); a run is modulated by one row, so two rows
of modulation serve a whole clip, and who looks at whom is left to the caller (`look`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from refrain.attention import dense

from .rope import Rotation, rotate
from .touch import Touches, linear, shifted

Look = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Self-attention: q, k, v [B, L, H, D] of the tokens that are computed now, and what they were made of [B, L, W] ->
[B, L, H, D]."""


Words = list[tuple[Tensor, Tensor]]
"""For every block the keys and values [B, N, H, D] of words."""


@dataclass(frozen=True)
class Run:
    """Neighbouring tokens start .. stop that share a noise time and words.

    time:    modulation [B, 6, W] that comes from the noise time, before the block's own table is added.
    words:   what they hear; None: cross-attention is left out.
    parts:   instead of `words`, where they differ: tokens [n] of the run, and what these hear.
    touches: the adapters that act on the run's tokens, counted from its start.
    """

    start: int
    stop: int
    time: Tensor
    words: Words | None
    parts: tuple[tuple[Tensor, Words], ...] = ()
    touches: Touches = None


def word_keys(block: nn.Module, states: Tensor, touches: Touches = None) -> tuple[Tensor, Tensor]:
    """Keys and values [B, N, H, D] of embedded words [B, N, W] in this block; the same at every step."""
    attn = block.attn2
    k = attn.norm_k(linear(attn.to_k, states, touches)).unflatten(2, (attn.heads, -1))
    return k, linear(attn.to_v, states, touches).unflatten(2, (attn.heads, -1))


def walk(block: nn.Module, number: int, x: Tensor, runs: list[Run], by: Rotation, look: Look) -> Tensor:
    """Carry x [B, L, W] through block `number`: look at each other, look at the words, feed forward."""
    tables = _tables(block, runs)
    attn = block.attn1

    q, k, v, seen = project(block, x, runs, by)
    found = look(q, k, v, seen).flatten(2).type_as(q)
    found = attn.to_out[1](linear(attn.to_out[0], found, _touches(runs, x)))
    x = _gated(x, found, runs, [table[2] for table in tables])

    x = _listen(block, number, x, runs)

    seen = _modulate(block.norm3, x, runs, [(table[3], table[4]) for table in tables])
    return _gated(x, feed(block.ffn, seen, _touches(runs, x)).float(), runs, [table[5] for table in tables])


def project(block: nn.Module, x: Tensor, runs: list[Run], by: Rotation) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Queries, keys (both normed and rotated) and values [B, L, H, D] of x [B, L, W] for self-attention.

    Last comes what they were made of [B, L, W]: x, normed and modulated.
    """
    attn, touches = block.attn1, _touches(runs, x)
    seen = _modulate(block.norm1, x, runs, [(table[0], table[1]) for table in _tables(block, runs)])
    q = attn.norm_q(linear(attn.to_q, seen, touches)).unflatten(2, (attn.heads, -1))
    k = attn.norm_k(linear(attn.to_k, seen, touches)).unflatten(2, (attn.heads, -1))
    return rotate(q, by), rotate(k, by), linear(attn.to_v, seen, touches).unflatten(2, (attn.heads, -1)), seen


def feed(ffn: Any, x: Tensor, touches: Touches) -> Tensor:
    """diffusers' feed-forward of x [B, L, W]; adapters on it act on the tokens that `touches` says."""
    inside, drop, out = ffn.net
    if touches is None or not (hasattr(inside.proj, "lora_A") or hasattr(out, "lora_A")):
        return ffn(x)
    return linear(out, drop(inside.gelu(linear(inside.proj, x, touches))), touches)


def _touches(runs: list[Run], x: Tensor) -> Touches:
    """Those of all runs, as tokens of the row."""
    return shifted(((run.start, run.stop, run.touches) for run in runs), x.device)


def _tables(block: nn.Module, runs: list[Run]) -> list[tuple[Tensor, ...]]:
    """Six rows [B, W] a run: shift, scale, gate of attention, then of the feed-forward."""
    return [(block.scale_shift_table + run.time.float()).unbind(1) for run in runs]


def _modulate(norm: nn.Module, x: Tensor, runs: list[Run], rows: list[tuple[Tensor, Tensor]]) -> Tensor:
    """norm(x) * (1 + scale) + shift, with one (shift, scale) [B, W] a run."""
    flat = _cut(norm(x.float()), runs)
    return _join([part * (1 + scale[:, None]) + shift[:, None] for part, (shift, scale) in zip(flat, rows)]).type_as(x)


def _gated(x: Tensor, more: Tensor, runs: list[Run], gates: list[Tensor]) -> Tensor:
    """x + more * gate, with one gate [B, W] a run."""
    parts = zip(_cut(x, runs), _cut(more, runs), gates)
    return _join([part.float() + added * gate[:, None] for part, added, gate in parts]).type_as(x)


def _listen(block: nn.Module, number: int, x: Tensor, runs: list[Run]) -> Tensor:
    """Cross-attention: every run to its own words; a run without words goes by."""
    attn = block.attn2
    parts: list[Tensor] = []
    for run, part in zip(runs, _cut(x, runs)):
        if run.words is not None or run.parts:
            asked = linear(attn.to_q, block.norm2(part.float()).type_as(x), run.touches)
            q = attn.norm_q(asked).unflatten(2, (attn.heads, -1))
            heard = _heard(q, number, run).flatten(2).type_as(q)
            part = part + attn.to_out[1](linear(attn.to_out[0], heard, run.touches))
        parts.append(part)
    return _join(parts)


def _heard(q: Tensor, number: int, run: Run) -> Tensor:
    """Attention of a run's tokens q [B, L, H, D] to the words that each of them hears."""
    if run.words is not None:
        return dense.look(q, *run.words[number])
    answers = [dense.look(q.index_select(1, tokens), *words[number]) for tokens, words in run.parts]
    order = torch.cat([tokens for tokens, _ in run.parts]).argsort()
    return torch.cat(answers, dim=1).index_select(1, order)


def _cut(x: Tensor, runs: list[Run]) -> list[Tensor]:
    """x [B, L, W] run by run. Split, not sliced: each slice would have a gradient as long as the whole row."""
    return list(x.split([run.stop - run.start for run in runs], dim=1))


def _join(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

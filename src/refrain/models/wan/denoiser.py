"""A Wan transformer as a denoiser of rows.

`prepare` lays the rule on a row; the first velocity then carries the clean segments through the blocks once and keeps
their keys and values; every further step computes the target alone.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from refrain.attention import Dense, Isa, Plan, Spec, attend
from refrain.attention.isa import known
from refrain.attention.isa.known import Known
from refrain.attention.isa.run import kernel_of
from refrain.attention.tiles import Cut
from refrain.errors import BadInput, Unsupported
from refrain.models.protocols import Card
from refrain.sequence import Segment, Sequence

from .asked import Asked, Room
from .asked import Seen as Seen
from .block import Run, Words, project, walk
from .expert import Expert as Expert
from .hearing import Hearing, Spot, Voice, check, hearing
from .memory import Cause, Held, Kept, Memory, identity, predicted_size, predicted_tiles, reach
from .rope import Rotation, rotation
from .shown import column, shown, told
from .touch import adapters

Noisy = dict[int, tuple[Tensor, Tensor]]
"""Of every target of a row, by its place, the state x [B, C, T, Y, X] and the noise times t [B]."""


class WanDenoiser:
    """Denoises the target of a row with one transformer, or with two that share the noise times (Wan 2.2 A14B).

    experts:  one, or (high noise, low noise) with `boundary`, the noise time from which on upwards the first serves.
    empty:    states [1, N, W] of the encoded empty prompt, needed where clean tokens hear the empty prompt.
    watch:    is told of every self-attention before it is computed, and must not write to what it is shown.
    checkpointing: while learning, each block keeps only its input and is computed again for its gradients.
    """

    watch: Callable[[Seen], None] | None = None
    checkpointing: bool = False

    def __init__(
        self, experts: tuple[Expert, ...], card: Card, boundary: float | None = None, empty: Tensor | None = None
    ) -> None:
        if (len(experts) == 2) != (boundary is not None):
            raise BadInput("Two experts need a boundary noise time, one expert needs none.")
        if card.context_words == "empty" and empty is None:
            raise BadInput("Clean tokens of this checkpoint hear the empty prompt: give its encoded states.")
        self.experts, self.card, self.boundary, self.empty = experts, card, boundary, empty
        self.memory = Memory()
        self._recent: deque[Row] = deque(maxlen=2)  # asked and unasked: keeps their memories for the next rows

    def prepare(
        self, sequence: Sequence, spec: Spec = Dense(), memory: bool = True, offload: bool = False,
        spots: tuple[Spot, ...] = (),
    ) -> "Row":  # fmt: skip
        """Make a row ready. With `memory`, clean keys and values are computed once; `offload` puts them on the CPU.

        spots: where on the target single adapters work; one without a spot works on all tokens that it may touch.
        spec: how attention is computed. In block n at noise time t the target asks by `spec.at(n, t)`; clean segments
        stand at noise time 0 and ask by `spec.at(n, 0)`, with memory and without, so that both say the same.

        Raises Unsupported for kinds the checkpoint was not trained on, for memory under a rule that lets a clean
        segment see noise, for a target that could see its own answer, and for a learned gate that is not there.
        """
        unknown = sorted({s.kind for s in sequence} - set(self.card.kinds))
        if unknown:
            known = ", ".join(self.card.kinds)
            raise Unsupported(f"This checkpoint was not trained on {', '.join(unknown)} segments, only on {known}.")
        rule, row = self.card.sight(), sequence.without_words()
        if memory and any(rule(a, b) for a in row for b in row if b.noisy and not a.noisy):
            raise Unsupported(f"The rule `{self.card.rule}` lets clean segments see noise: nothing can be remembered.")
        if any(rule(target, s) and s.beat > target.beat for target in row.targets for s in row):
            raise Unsupported(f"The rule `{self.card.rule}` lets a target see later answers: end the row at its one.")
        if isinstance(spec, Isa) and spec.coarse_gate and any(one.gates is None for one in self.experts):
            raise Unsupported("This checkpoint has no gates.safetensors; choose an Isa without coarse_gate.")
        check(spots, [one.transformer for one in self.experts], len(row.targets[0]))
        prepared = Row(self, sequence, row, spec, memory, offload, spots)
        self._recent.append(prepared)
        return prepared

    def kernel(self, spec: Spec) -> str | None:
        """The implementation that computes an Isa here; None for exact attention."""
        one = self.experts[0]
        like = torch.empty(1, one.transformer.config.attention_head_dim, dtype=one.dtype, device=one.device)
        return kernel_of(spec, like) if isinstance(spec, Isa) else None

    def forget(self) -> None:
        """Let go of what the last rows remembered."""
        self._recent.clear()

    def expert(self, t: float) -> int:
        """The number of the expert that serves noise time t."""
        return 0 if self.boundary is None or t >= self.boundary else 1


@dataclass(eq=False)
class Row:
    """A prepared row. `sequence` with its words, `row` without them."""

    denoiser: WanDenoiser
    sequence: Sequence
    row: Sequence
    spec: Spec
    memory: bool
    offload: bool
    spots: tuple[Spot, ...] = ()
    _kept: dict[Cause, Kept] = field(default_factory=dict[Cause, Kept])
    _plans: dict[tuple[int, ...], Plan] = field(default_factory=dict[tuple[int, ...], Plan])
    _last: dict[int, tuple[Cause, dict[int, Kept]]] = field(default_factory=dict[int, tuple[Cause, dict[int, Kept]]])

    def __post_init__(self) -> None:
        rule = self.denoiser.card.sight()
        self.targets = tuple(i for i, s in enumerate(self.row.segments) if s.noisy)
        self.clean = tuple(i for i, s in enumerate(self.row.segments) if not s.noisy)
        self.plan = Plan.of(self.row, rule, self.targets if self.memory else None)
        width = self.denoiser.experts[0].transformer.config.attention_head_dim
        self._cut: Cut = self.spec.tile if isinstance(self.spec, Isa) else None  # of what is remembered in tiles
        self.rotations: list[Rotation] = [rotation(s.positions, width) for s in self.row]
        layers = self.denoiser.experts[0].transformer.config.num_layers
        self._reach, self._room = reach(self.row, rule, self.clean), Room(layers)
        if self.memory:
            self._adopt()

    # -- the three doors of a prepared row ----------------------------------------------------------------------------

    def state(self, noise: Tensor) -> Tensor:
        """At noise time 1 the state is the noise, [B, C, T, Y, X]."""
        return noise

    def velocity(self, x: Tensor, t: float | Tensor) -> Tensor:
        """dx/dt at noise time t, a number or [B]; x [B, C, T, Y, X]. A `change` gives (x - base - change) / t."""
        output = self.output(x, t)
        if self.denoiser.card.prediction == "velocity":
            return output
        time = column(t, x)
        if bool((time <= 0).any()):
            raise BadInput("A change says nothing about velocity at noise time 0.")
        return (x - self.base(x) - output) / time

    def answer(self, x: Tensor) -> Tensor:
        """The target's latents in a finished state."""
        return x

    # -- what the network says ----------------------------------------------------------------------------------------

    def base(self, like: Tensor, number: int = 0) -> Tensor:
        """What target `number` is a change of: its base, or zero where there is none."""
        base = self.row.targets[number].base
        return torch.zeros_like(like) if base is None else base.to(like)

    def output(self, x: Tensor, t: float | Tensor) -> Tensor:
        """What the card says is predicted: the velocity or the change, [B, C, T, Y, X], in the dtype of x."""
        return self.outputs([x], [t if isinstance(t, Tensor) else torch.full((x.shape[0],), t)])[0]

    def outputs(self, xs: list[Tensor], ts: list[Tensor]) -> list[Tensor]:
        """Of a row with several targets (all turns of a session, in training) the `output` of each, in one pass."""
        if not len(xs) == len(ts) == len(self.targets):
            raise BadInput(f"The row has {len(self.targets)} targets; give a state and noise times for each.")
        number, card = self.denoiser.expert(max(float(t.max()) for t in ts)), self.denoiser.card
        kept = self._remember(number) if self.memory else {}
        said, _ = self._through(number, self.plan, kept, dict(zip(self.targets, zip(xs, ts))))
        if card.prediction == "velocity":
            return [one.to(x.dtype) for one, x in zip(said, xs)]
        return [told(*at, self.base(at[0], n), card) for n, at in enumerate(zip(said, xs, ts))]

    def memory_size(self) -> int:
        """Bytes that the memory of one expert takes, known before it is made."""
        one, layers = self.denoiser.experts[0], self.denoiser.experts[0].transformer.config.num_layers
        return sum(self._block_size(one, self.spec.at(layer, 0.0)) for layer in range(layers))

    def _block_size(self, one: Expert, spec: Spec) -> int:
        net, content = one.transformer.config, next((s.content for s in self.row if s.content is not None), None)
        head, width = net.attention_head_dim, net.num_attention_heads * net.attention_head_dim
        batch = 1 if content is None else content.shape[0]
        if not isinstance(spec, Isa):
            lengths = [len(self.row.segments[i]) for i in self.clean]
            return predicted_size(lengths, width, one.dtype.itemsize, batch)
        tiles = [self.plan.tiles(i, spec.tile, one.device) for i in self.clean]
        return sum(predicted_tiles(t, width, head, one.dtype, spec.order, batch) for t in tiles)

    # -- memory -------------------------------------------------------------------------------------------------------

    def _adopt(self) -> None:
        """Hold what living rows remember and this one will need, so that it is there when they are gone."""
        for one in self.denoiser.experts:
            weights = one.weights(clean=True)
            wanted = [self._cause(i, weights) for i in self.clean]
            said = (voice for s in self.row for _, voices in self._hearing(one, s).parts for voice in voices)
            for cause in (*wanted, *map(one.said, said)):
                self._recall(cause)

    def _recall(self, cause: Cause) -> Kept | None:
        """What this row or another remembers of `cause`; held by this row from now on."""
        kept = self._kept.get(cause) or self.denoiser.memory.recall(cause)
        if kept is not None:
            self._kept[cause] = kept
        return kept

    @torch.no_grad()
    def _remember(self, expert: int) -> dict[int, Kept]:
        """Keys and values of every clean segment, recalled where its cause is known, else computed together."""
        weights = self.denoiser.experts[expert].weights(clean=True)
        tensors = self._tensors(self.clean)
        now = Cause((weights.key, *map(identity, tensors)), (*weights.of, *tensors))
        if expert in self._last and self._last[expert][0] == now:  # as at nearly every step
            return self._last[expert][1]
        causes = {i: self._cause(i, weights) for i in self.clean}
        kept = {i: found for i, cause in causes.items() if (found := self._recall(cause)) is not None}
        missing = [i for i in self.clean if i not in kept]
        if missing:
            plan = Plan.of(self.row, self.denoiser.card.sight(), missing)
            _, layers = self._through(expert, plan, kept, {})
            for i in missing:
                kept[i] = self._kept[causes[i]] = self.denoiser.memory.keep(causes[i], Kept(layers[i]))
        self._last[expert] = now, kept
        return kept

    def _cause(self, i: int, weights: Cause) -> Cause:
        """All that the keys and values of clean segment i depend on."""
        seen, tensors = [self.row.segments[j] for j in self._reach[i]], self._tensors(self._reach[i])
        which = (id(self.row.segments[i]), *map(id, seen), *map(identity, tensors))
        key = (which, self.denoiser.card.rule, self.spec, self.offload, weights.key)
        return Cause(key, (*seen, *tensors, *weights.of))

    def _tensors(self, numbers: Iterable[int]) -> list[Tensor | None]:
        segments = [self.row.segments[i] for i in numbers]
        return [x for s in segments for x in (s.content, s.positions, self._words_of(s))]

    def _words_of(self, segment: Segment) -> Tensor | None:
        """The states [B, N, W] that a segment's tokens cross-attend to."""
        card = self.denoiser.card
        if not segment.noisy and card.context_words == "none":
            return None
        if not segment.noisy and card.context_words == "empty":
            return self.denoiser.empty
        spoken = self.sequence.words(segment.beat)
        if spoken is None or spoken.content is None:
            raise BadInput(f"Beat {segment.beat} has no words; lay a text segment (the empty prompt, at least).")
        return spoken.content

    def _hearing(self, one: Expert, segment: Segment) -> Hearing:
        """What a segment hears from one expert, and what touches it."""
        words, spots = self._words_of(segment), self.spots if segment.noisy else ()
        return hearing(segment.noisy, words, adapters(one.transformer), spots, one.device)

    def _hear(self, expert: int, voices: tuple[Voice, ...], batch: int) -> Words:
        """Keys and values of words in every block; remembered unless gradients must flow through them."""
        each = [self._utter(self.denoiser.experts[expert], voice) for voice in voices]
        layers = each[0] if len(each) == 1 else [tuple(torch.cat(x, dim=1) for x in zip(*of)) for of in zip(*each)]
        return [(k.expand(batch, -1, -1, -1), v.expand(batch, -1, -1, -1)) for k, v in layers]

    def _utter(self, one: Expert, voice: Voice) -> Words:
        if not self.memory or (voice.adapters and torch.is_grad_enabled()):  # adapters that learn hear with gradients
            return one.words(voice.states, voice.touches)
        cause = one.said(voice)
        kept = self._recall(cause)
        if kept is None:
            with torch.no_grad():
                layers = one.words(voice.states, voice.touches)
            kept = self._kept[cause] = self.denoiser.memory.keep(cause, Kept(layers))
        return [held for held in kept.layers if not isinstance(held, Known)]  # words are never laid in tiles

    # -- one pass through the blocks ----------------------------------------------------------------------------------

    def _through(
        self, expert: int, plan: Plan, kept: dict[int, Kept], noisy: Noisy
    ) -> tuple[list[Tensor], dict[int, list[Held]]]:
        """Carry the segments `plan.queries` through the blocks; what else they see comes from `kept`.

        With targets among them, the output for each; without, the keys and values of the segments, layer by layer.
        """
        one = self.denoiser.experts[expert]
        segments = [self.row.segments[i] for i in plan.queries]
        parts = [self._tokens(one, i, noisy) for i in plan.queries]
        batch, lengths = parts[0].shape[0], [len(s) for s in segments]
        runs, rows = self._runs(expert, plan.queries, noisy, batch)
        by = tuple(torch.cat([self.rotations[i][n] for i in plan.queries], dim=1).to(one.device) for n in (0, 1))
        x = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]  # [B, Lq, W]

        fresh: dict[int, list[Held]] = {i: [] for i in plan.queries}
        times = {i: [round(t, 6) for t in at.tolist()] for i, (_, at) in noisy.items()}  # 0.9, not float32's 0.8999999
        blocks = list(one.transformer.blocks)
        for number, block in enumerate(blocks):

            def look(q: Tensor, k: Tensor, v: Tensor, seen: Tensor, number: int = number) -> Tensor:
                now = dict(zip(plan.queries, zip(k.split(lengths, dim=1), v.split(lengths, dim=1))))
                if not noisy:
                    self._put_by(fresh, now)
                held = {j: now[j] if j in now else kept[j].at(number, one.device) for j in plan.keys}
                return self._ask(plan, number, times, Asked(q, one.gate(number, seen), held))

            if not noisy and number == len(blocks) - 1:  # of the last block only keys and values are wanted
                _, k, v, _ = project(block, x, runs, by)
                self._put_by(fresh, dict(zip(plan.queries, zip(k.split(lengths, dim=1), v.split(lengths, dim=1)))))
            elif self.denoiser.checkpointing and not self.memory and torch.is_grad_enabled():
                x = checkpoint(walk, block, number, x, runs, by, look, use_reentrant=False)
            else:
                x = walk(block, number, x, runs, by, look)
        tokens = dict(zip(plan.queries, x.split(lengths, dim=1)))
        return [one.latents(tokens[i], rows[i], self.row.segments[i]) for i in self.targets if noisy], fresh

    def _ask(self, plan: Plan, layer: int, times: dict[int, list[float]], asked: Asked) -> Tensor:
        """Self-attention [B, Lq, H, D] of block `layer`; clean segments ask at noise time 0, apart if that differs."""
        still, at = self.spec.at(layer, 0.0), next(iter(times.values()), [0.0])
        now = {i: [self.spec.at(layer, t) for t in ts] for i, ts in times.items()}
        if len(plan.queries) == 1 or all(spec == still for specs in now.values() for spec in specs):
            return self._each(plan, layer, at, next(iter(now.values()), [still]), asked)
        lengths = [len(self.row.segments[i]) for i in plan.queries]
        parts: dict[int, Tensor] = {}
        clean = [(self.clean, [0.0], [still])] if len(plan.queries) > len(times) else []
        for mine, at, specs in [*clean, *(((i,), times[i], now[i]) for i in times)]:
            part = self._plan(mine)
            rows = torch.tensor([i in mine for i in plan.queries]).repeat_interleave(torch.tensor(lengths))
            answer = self._each(part, layer, at, specs, asked.of(rows.to(asked.q.device)))
            parts.update(zip(mine, answer.split([len(self.row.segments[i]) for i in mine], dim=1)))
        return torch.cat([parts[i] for i in plan.queries], dim=1)

    def _each(self, plan: Plan, layer: int, times: list[float], specs: list[Spec], asked: Asked) -> Tensor:
        """One call for all examples of a batch; one for each where their noise times ask for different attention."""
        if all(spec == specs[0] for spec in specs):
            return self._call(plan, layer, max(times), specs[0], asked)
        each = enumerate(zip(times, specs))
        return torch.cat([self._call(plan, layer, t, spec, asked.example(n, plan, self._cut)) for n, (t, spec) in each])

    def _call(self, plan: Plan, layer: int, t: float, spec: Spec, asked: Asked) -> Tensor:
        gated = isinstance(spec, Isa) and spec.coarse_gate
        if isinstance(spec, Isa) and not gated and self.memory and self.denoiser.watch is None:
            return known.attend(asked.q, asked.known(plan, spec), plan, spec)
        room = None if self.denoiser.watch else self._room  # who watches may keep them
        k, v, checked = asked.keys(plan, self._cut, layer, room)
        if self.denoiser.watch is not None:
            self.denoiser.watch(Seen(layer, t, asked.q, k, v, plan))
        return attend(asked.q, k, v, plan, spec, asked.gate if gated else None, checked)

    def _plan(self, queries: tuple[int, ...]) -> Plan:
        """The rule laid for these segments alone, made once."""
        if queries not in self._plans:
            self._plans[queries] = Plan.of(self.row, self.denoiser.card.sight(), queries)
        return self._plans[queries]

    def _put_by(self, fresh: dict[int, list[Held]], now: dict[int, tuple[Tensor, Tensor]]) -> None:
        """Copies, so that what is kept of one segment does not hold what was computed beside it; in tiles for Isa."""
        for i, (k, v) in now.items():
            place = torch.device("cpu") if self.offload else k.device
            spec = self.spec.at(len(fresh[i]), 0.0)
            if isinstance(spec, Isa):
                fresh[i].append(Known.of(k, v, self.plan.tiles(i, spec.tile, k.device), spec.order).to(place))
            else:
                fresh[i].append((k.to(place, copy=True), v.to(place, copy=True)))

    def _tokens(self, one: Expert, i: int, noisy: Noisy) -> Tensor:
        """What the network sees of segment i, as tokens [B, L, W]."""
        segment, card = self.row.segments[i], self.denoiser.card
        content = segment.content
        if i in noisy:
            x, t = noisy[i]
            content = shown(x, t, self.base(x, self.targets.index(i)), card) if card.shows_base else x
        if content is None:
            raise BadInput(f"The {segment.kind} segment on beat {segment.beat} has no content.")
        tokens = one.tokens(content, clean=not segment.noisy)
        if tokens.shape[1] != len(segment):
            raise BadInput(
                f"The {segment.kind} segment has {len(segment)} positions but its latents {tuple(content.shape)} "
                f"make {tokens.shape[1]} tokens."
            )
        return tokens

    def _runs(
        self, expert: int, queries: tuple[int, ...], noisy: Noisy, batch: int
    ) -> tuple[list[Run], dict[int, Tensor]]:
        """Neighbouring segments with the same noise time and words become one run; also each target's time row."""
        one = self.denoiser.experts[expert]
        noise = {i: one.time(t) for i, (_, t) in noisy.items()}
        still = one.time(torch.zeros(1)) if len(queries) > len(noisy) else None
        runs: list[Run] = []
        start, last = 0, object()
        for i in queries:
            segment = self.row.segments[i]
            sort = (i in noisy and i, id(self._words_of(segment)))
            if sort == last:
                runs.append(replace(runs.pop(), stop=start + len(segment)))
            else:
                heard, row = self._hearing(one, segment), noise.get(i, still)
                assert row is not None
                parts = [(tokens, self._hear(expert, voices, batch)) for tokens, voices in heard.parts]
                whole = next((words for tokens, words in parts if tokens is None), None)
                some = tuple((tokens, words) for tokens, words in parts if tokens is not None)
                runs.append(Run(start, start + len(segment), row[1], whole, some, heard.touches))
            start += len(segment)
            last = sort
        return runs, {i: row[0] for i, row in noise.items()}

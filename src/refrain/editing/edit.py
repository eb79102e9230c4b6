"""One edit, from clip to clip: see, compose, denoise, decode, put the source back."""

import math
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from refrain.attention import Spec
from refrain.errors import BadInput
from refrain.flow import SOLVERS, guided, times, told_in_thousandths, wan_times
from refrain.media import Clip
from refrain.media.fit import model_size, pad_frames
from refrain.models.lora import worn
from refrain.models.protocols import Card, Denoiser

from .compose import Seen, compose, see, spots_of, windows
from .effects import Effect, opened, placed
from .preserve import enlarge, preserve
from .request import Edit, OnProgress, Progress, Result, require_understood
from .walk import Walk, stretch, walk_of

if TYPE_CHECKING:
    from .editor import Editor


@dataclass(frozen=True, eq=False)
class Answer:
    """A result with its latents: what was seen, and what the model answered [1, C, T, Y, X], changed or not."""

    result: Result
    seen: Seen
    latents: Tensor


def edit(request: Edit, editor: "Editor", on_progress: OnProgress) -> Result:
    """Answer one request. Raises RefrainError for words, sizes or stretches that cannot be answered."""
    return answer(request, editor, on_progress).result


def answer(request: Edit, editor: "Editor", on_progress: OnProgress, known: Seen | None = None) -> Answer:
    """Answer one request, and keep its latents.

    known: the latents of the whole source and of all references; neither is encoded then.
    """
    card, clock = editor.card, Clock()
    effects = opened(request.effects, editor.folder, request.any_base)
    triggers = tuple(trigger for effect in effects for trigger in effect.lora.card.triggers)
    require_understood(request.instruction, card, editor.vocabulary, triggers)
    first, last = stretch(request.source, request.start, request.stop)
    when = tuple(_frames(effect, request.source, first, last) for effect in effects)
    clip = request.source.between(first, last)
    size = model_size(clip.size, request.short_side or card.short_side, card.multiple)

    seen = known or look(clip, request.references, size, editor, on_progress, clock)
    with clock("encode"), torch.no_grad():
        own = [effect.words for effect in effects if effect.words is not None]
        words = editor.words.encode([request.instruction, "", *own])
    walk = walk_of(request, card)
    with clock("denoise"), torch.no_grad(), worn(editor.denoiser, tuple(effect.worn for effect in effects)) as names:
        spec, both = request.attention or editor.attention, (words[:1], words[1:2])
        rest = (words[n : n + 1] for n in range(2, len(words)))
        said = tuple(None if effect.words is None else next(rest) for effect in effects)
        seen = replace(seen, spots=placed(effects, names, said, seen, when, editor.codec.frames_per_latent))
        latents = denoise(editor.denoiser, seen, both, card, walk, spec, on_progress, editor.offload)
    with clock("decode"), torch.no_grad():
        after = editor.codec.decode(latents)[0, : len(clip)].float().cpu()
        before = editor.codec.decode(seen.full)[0, : len(clip)].float().cpu()
    with clock("compose"):
        on_progress(Progress("compose", 0, 1))
        bound = (
            None if request.bound is None else request.bound[first:last] if len(request.bound) > 1 else request.bound
        )
        done = preserve(clip, before, after, bound) if request.preserve else enlarge(clip, after)
        whole = done.clip if request.trim else request.source.spliced(first, done.clip)
        on_progress(Progress("compose", 1, 1))
    made = record(request, editor, walk, size, (first, last), clock.seconds) | told(effects)
    return Answer(Result(whole, done.matte, made), seen, latents)


def look(
    clip: Clip, references: tuple[Clip, ...], size: tuple[int, int], editor: "Editor", on_progress: OnProgress,
    clock: "Clock",
) -> Seen:  # fmt: skip
    """A clip, and the first frames of the references, as latents at the model's size."""
    with clock("read"):
        frames = clip.at(size)  # [T, 3, y, x]
    with clock("encode"), torch.no_grad():
        on_progress(Progress("encode", 0, 1))
        pictures = tuple(picture.at(size)[None, :1].to(editor.device) for picture in references)
        seen = see(editor.codec, pad_frames(frames)[None].to(editor.device), editor.card, pictures)
        on_progress(Progress("encode", 1, 1))
    return seen


def denoise(
    denoiser: Denoiser, seen: Seen, words: tuple[Tensor, Tensor], card: Card, walk: Walk, spec: Spec,
    on_progress: OnProgress, offload: bool = False,
) -> Tensor:  # fmt: skip
    """Latents [1, C, T, Y, X] of the answer, window after window; each sees the end of the one before, unchanged.

    words: states of the instruction and of the empty prompt. offload: what is remembered lies on the CPU. All noise is
    drawn at once, so that it does not depend on how the clip is cut.
    """
    noise = torch.randn(seen.full.shape, generator=torch.Generator().manual_seed(walk.seed)).to(seen.full)
    cuts = windows(seen.full.shape[2], card)
    stations = (wan_times if walk.grid == "wan" else times)(walk.steps, walk.shift)
    parts: list[Tensor] = []
    for number, window in enumerate(cuts):
        history = torch.cat(parts, dim=2)[:, :, -window.history :] if window.history else None
        row = compose(words[0], seen, window, card, history, beat=2 * number)
        memory = card.rule != "full"
        spots = (spots_of(seen, window), spots_of(seen, window, asked=False))
        asked = denoiser.prepare(row, spec, memory, offload, spots[0])
        bare = row.reworded(words[1])
        unasked = asked if walk.guidance == 1 else denoiser.prepare(bare, spec, memory, offload, spots[1])

        def tell(done: int, total: int, x: Tensor, number: int = number) -> None:
            on_progress(Progress("denoise", number * total + done, len(cuts) * total))

        start = asked.state(noise[:, :, window.start : window.stop])
        velocity = guided(asked.velocity, unasked.velocity, walk.guidance, walk.until)
        if walk.grid == "wan" and card.prediction == "velocity":
            velocity = told_in_thousandths(velocity)
        parts.append(asked.answer(SOLVERS[walk.solver](velocity, start, stations, tell)))
    return torch.cat(parts, dim=2)


def told(effects: tuple[Effect, ...]) -> dict[str, object]:
    """The effects in a record; nothing where there are none."""
    return {"effects": [effect.told() for effect in effects]} if effects else {}


def _frames(effect: Effect, source: Clip, first: int, last: int) -> tuple[float, float] | None:
    """The frames of the stretch first .. last in which an effect works, counted from its first; None: all."""
    if effect.use.span is None:
        return None
    begin, end = stretch(source, *effect.use.span)
    if max(begin, first) >= min(end, last):
        seconds = "{:g} s to {:g} s".format(*effect.use.span)
        raise BadInput(f"The effect {effect.lora.path.name} is for {seconds}, outside the stretch that is edited.")
    return max(begin, first) - first, math.inf if end >= last else end - first


@dataclass
class Clock:
    """Seconds spent in each part of an edit."""

    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @contextmanager
    def __call__(self, part: str) -> Generator[None, None, None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.monotonic() - began


def record(
    request: Edit, editor: "Editor", walk: Walk, size: tuple[int, int], frames: tuple[int, int], spent: dict[str, float]
) -> dict[str, object]:
    """The whole cause of a result. `kernel`: what computes Isa here; None where attention is exact."""
    spec = request.attention or editor.attention
    return {
        "instruction": request.instruction,
        "source": None if request.source.origin is None else str(request.source.origin),
        "frames": list(frames),
        "model_size": list(size),
        "sampling": {
            "steps": walk.steps,
            "guidance": walk.guidance,
            "until": walk.until,
            "shift": walk.shift,
            "solver": walk.solver,
            "grid": walk.grid,
        },
        "seed": walk.seed,
        "preserve": request.preserve,
        "bounded": request.bound is not None,
        "attention": repr(spec),
        "kernel": editor.denoiser.kernel(spec),
        "offload": editor.offload,
        **editor.cause(),
        "seconds": {part: round(seconds, 3) for part, seconds in spent.items()},
    }

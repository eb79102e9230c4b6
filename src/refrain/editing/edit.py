"""One edit, from clip to clip: see, compose, denoise, decode, put the source back."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from refrain.media import Clip
from refrain.media.fit import model_size, pad_frames
from refrain.models.lora import worn
from refrain.models.protocols import Codec

from .chain import Chained, InLine, chain, within
from .compose import Seen, compose, see, spots_of, windows
from .cutout import cut_out
from .effects import Effect, opened, placed
from .glimpse import teller
from .preserve import enlarge, preserve
from .regions import apart, frames_of, joined, passes
from .request import Edit, OnProgress, Progress, Result, require_understood
from .solve import Solver
from .walk import Walk, stretch, walk_of

if TYPE_CHECKING:
    from .editor import Editor


@dataclass(frozen=True, eq=False)
class Answer:
    """A result with its latents: what was seen, and what the model answered [1, C, T, Y, X], changed or not.

    chained: where it was asked of a line of turns, the question it answers, and the masks that came before it.
    """

    result: Result
    seen: Seen
    latents: Tensor
    chained: Chained | None = None


def edit(request: Edit, editor: "Editor", on_progress: OnProgress) -> Result:
    """Answer one request. Raises RefrainError for words, sizes or stretches that cannot be answered."""
    return answer(request, editor, on_progress).result


def answer(
    request: Edit, editor: "Editor", on_progress: OnProgress, known: Seen | None = None, turn: InLine | None = None
) -> Answer:
    """Answer one request, and keep its latents.

    known: the latents of the whole source and of all references; neither is encoded then. turn: the line that it is
    asked in, where the model knows of several turns.
    """
    card, clock = editor.card, Clock()
    effects = opened(request.effects, editor.folder, request.any_base)
    triggers = tuple(trigger for effect in effects for trigger in effect.lora.card.triggers)
    require_understood(request.instruction, card, editor.vocabulary, triggers)
    first, last = stretch(request.source, request.start, request.stop)
    when = tuple(frames_of(effect.use, request.source, first, last) for effect in effects)
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
        solve = Solver(editor.denoiser, card, walk, spec, editor.offload)
        chained = None if turn is None else chain(request.instruction, seen, editor, turn, both, solve, on_progress)
        latents = denoise(solve, seen, both, on_progress, editor.codec) if chained is None else chained.latents
    with clock("decode"), torch.no_grad():
        before, after = (editor.codec.decode(x)[0] for x in (seen.full, latents))
        if chained is not None and request.preserve:
            latents, after = cut_out(editor.codec, latents, before, after)
        before, after = (frames[: len(clip)].float().cpu() for frames in (before, after))
    with clock("compose"):
        on_progress(Progress("compose", 0, 1))
        bound = request.bound
        bound = bound[first:last] if bound is not None and len(bound) > 1 else bound
        if turn is not None and turn.within and chained is not None:
            bound = within(chained, bound, len(clip), clip.size)
        done = preserve(clip, before, after, bound) if request.preserve else enlarge(clip, after)
        whole = done.clip if request.trim else request.source.spliced(first, done.clip)
        on_progress(Progress("compose", 1, 1))
    made = record(request, editor, walk, size, (first, last), clock.seconds) | told(effects)
    return Answer(Result(whole, done.matte, made), seen, latents, chained)


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
    solve: Solver, seen: Seen, words: tuple[Tensor, Tensor], on_progress: OnProgress, codec: Codec | None = None
) -> Tensor:  # fmt: skip
    """Latents [1, C, T, Y, X] of the answer, window after window; each sees the end of the one before, unchanged.

    words: states of the instruction and of the empty prompt. codec: with it what is drawn can be looked at meanwhile.
    All noise is drawn at once, so that it does not depend on how the clip is cut. Effects apart are drawn apart.
    """
    noise = solve.noise(seen.full)
    cuts = windows(seen.full.shape[2], solve.card)
    parts = apart(seen.spots)
    drawn = passes(parts, cuts)
    done: list[list[Tensor]] = [[] for _ in parts]
    count, total = 0, sum(len(set(by) - {-1}) for by in drawn)
    for number, (window, by) in enumerate(zip(cuts, drawn)):
        fresh: dict[int, Tensor] = {}
        for n in sorted(set(by) - {-1}):
            history = torch.cat(done[n], dim=2)[:, :, -window.history :] if window.history else None
            row = compose(words[0], seen, window, solve.card, history, beat=2 * number)
            spots = (spots_of(parts[n].spots, window), spots_of(parts[n].spots, window, asked=False))
            tell = teller(on_progress, codec, count, total, first=number == 0)
            fresh[n] = solve(row, words[1], noise[:, :, window.start : window.stop], tell, spots)
            count += 1
        nothing = next(iter(fresh.values()))  # stands where a part is not drawn any more
        for latents, n in zip(done, by):
            latents.append(fresh.get(n, nothing))
    return joined(parts, [torch.cat(latents, dim=2) for latents in done])


def told(effects: tuple[Effect, ...]) -> dict[str, object]:
    """The effects in a record; nothing where there are none."""
    return {"effects": [effect.told() for effect in effects]} if effects else {}


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

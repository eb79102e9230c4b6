"""A model sits the exam of effects: edits made, measured, and told with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan

import numpy as np
import torch

from refrain.data.effects import EFFECTS
from refrain.data.words import instruction
from refrain.editing.editor import Editor
from refrain.editing.effects import triggers
from refrain.editing.preserve import preserve
from refrain.editing.request import Edit, EffectUse, require_understood
from refrain.errors import BadInput
from refrain.evaluation.effects.exam import Problem
from refrain.evaluation.effects.recogniser import Recogniser
from refrain.evaluation.effects.scores import flicker, overlap, strength
from refrain.evaluation.frames import as_bytes
from refrain.evaluation.scorers.pixels import error, psnr
from refrain.evaluation.statistics import mean_of, wilson
from refrain.media import Clip
from refrain.media.fit import pad_frames

IDLE = 0.1  # an answer that makes less of the wanted change than this has done nothing


@dataclass(frozen=True)
class Answer:
    """What one edit of the exam was worth.

    named:      what the classifier calls the result; chance: how sure it is of the true effect.
    outside:    dB of the model's own picture outside the true matte; codec: of the source's codec round trip there.
    untouched:  share of the pixels that preserve left alone among those that should be; equal: all of them, to the bit.
    overlap:    of the matte with the true one. strength: share of the wanted change that was made.
    flicker:    of the result, over the true target's.
    """

    number: int
    effect: str
    instruction: str
    named: str
    chance: float
    outside: float
    codec: float
    untouched: float
    equal: bool
    overlap: float
    strength: float
    flicker: float


def answer(
    editor: Editor, problem: Problem, judge: Recogniser, seed: int = 0, loras: tuple[EffectUse, ...] = ()
) -> Answer:  # fmt: skip
    """Make one edit of the exam and measure it, at the size of its clip. loras: are worn at every edit."""
    shot, example = problem.shot, problem.example
    if not _understood(example.instruction, editor, loras):
        return refused(problem.number, problem.effect, example.instruction)
    frames = torch.from_numpy(shot.frames).permute(0, 3, 1, 2).float().div(127.5).sub(1)  # [T, 3, Y, X]
    clip = Clip.of(frames, shot.fps)
    side = min(shot.frames.shape[1:3])
    asked = Edit(example.instruction, clip, seed=seed, short_side=side, preserve=False, effects=loras)
    own = editor.edit(asked).clip  # the model's picture of everything
    with torch.no_grad():
        trip = editor.codec.decode(editor.codec.encode(pad_frames(frames)[None].to(editor.device)))
    before, after = trip[0, : len(frames)].float().cpu(), own.frames
    done = preserve(clip, before, after)
    result, bare = as_bytes(done.clip.frames), as_bytes(after)
    still = example.matte == 0
    held = (done.matte[:, 0].numpy() == 0) & still
    chances = judge.chances(shot.frames, result)
    wanted = flicker(shot.frames, example.target)
    return Answer(
        number=problem.number,
        effect=problem.effect,
        instruction=example.instruction,
        named=max(chances, key=lambda name: chances[name]),
        chance=chances[problem.effect],
        outside=psnr(*error(bare, shot.frames, still)),
        codec=psnr(*error(as_bytes(before), shot.frames, still)),
        untouched=float(held.sum() / still.sum()) if still.any() else nan,
        equal=bool((result == as_bytes(clip.frames))[held].all()),  # the clip is 4:2:0, which the scene was not
        overlap=overlap(done.matte[:, 0].numpy(), example.matte),
        strength=strength(shot.frames, result, example.target, example.matte),
        flicker=flicker(shot.frames, result) / wanted if wanted > 0 else nan,
    )


def answer_clip(
    editor: Editor, clip: Clip, effect: str, number: int, judge: Recogniser, seed: int = 0,
    loras: tuple[EffectUse, ...] = (),
) -> Answer:  # fmt: skip
    """Edit a clip whose true answer nobody knows: only what the classifier makes of it is told, the rest is NaN."""
    rng = np.random.default_rng((number, 77))
    asked = instruction(rng, effect, EFFECTS[effect].draw(rng))
    if not _understood(asked, editor, loras):
        return refused(number, effect, asked)
    done = editor.edit(Edit(asked, clip, seed=seed, short_side=min(clip.size), effects=loras))
    source, result = as_bytes(clip.frames), as_bytes(done.clip.frames)
    chances = judge.chances(source, result)
    return Answer(
        number=number,
        effect=effect,
        instruction=asked,
        named=max(chances, key=lambda name: chances[name]),
        chance=chances[effect],
        outside=nan, codec=nan, untouched=nan, equal=True, overlap=nan, strength=nan, flicker=nan,
    )  # fmt: skip


def _understood(asked: str, editor: Editor, loras: tuple[EffectUse, ...]) -> bool:
    """Whether the model, or a LoRA that it wears, takes the words."""
    try:
        require_understood(asked, editor.card, editor.vocabulary, triggers(loras))
    except BadInput:
        return False
    return True


def refused(number: int, effect: str, asked: str) -> Answer:
    """What it comes to where a model does not understand the words."""
    return Answer(number, effect, asked, "(refused)", 0.0, nan, nan, nan, True, nan, nan, nan)


def report(answers: Sequence[Answer]) -> str:
    """A Markdown table by effect, and the figures of all together."""
    lines = [
        "| effect | n | recognised | called | IoU | strength | outside − codec dB | flicker |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for effect in sorted({one.effect for one in answers}):
        lines.append(_row(effect, [one for one in answers if one.effect == effect]))
    lines.append(_row("**all**", answers))
    right = sum(a.named == a.effect for a in answers)
    low_high = wilson(right, len(answers))
    changing = [a for a in answers if isfinite(a.strength)]
    idle = sum(a.strength < IDLE for a in changing)
    few = wilson(idle, len(changing))
    lines += [
        "",
        f"recognised {right} of {len(answers)} (95 %: {low_high[0]:.2f} to {low_high[1]:.2f}) · "
        f"no-op {idle} of {len(changing)} (95 %: {few[0]:.2f} to {few[1]:.2f}) · "
        f"untouched pixels equal to the bit in {sum(a.equal for a in answers)} of {len(answers)}",
    ]
    return "\n".join(lines)


def _row(name: str, answers: Sequence[Answer]) -> str:
    named = [a.named for a in answers]
    right = sum(a.named == a.effect for a in answers)
    wrong = [n for n, a in zip(named, answers) if n != a.effect]
    called = ", ".join(sorted(set(wrong))[:3]) if len({a.effect for a in answers}) == 1 else ""
    cells = [mean_of(values) for values in (
        [a.overlap for a in answers], [a.strength for a in answers], [a.outside - a.codec for a in answers],
        [a.flicker for a in answers],
    )]  # fmt: skip
    told = " | ".join(
        "–" if n == 0 else f"{mean:.2f}" if n == 1 else f"{mean:.2f} ± {half:.2f}" for mean, half, n in cells
    )
    return f"| {name} | {len(answers)} | {right / len(answers):.2f} | {called} | {told} |"

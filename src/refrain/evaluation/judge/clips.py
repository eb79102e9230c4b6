"""Rubrics of the benchmarks of video: EditVerse, VIE-Bench, OpenVE, IVE-Bench, IC-Effect and FiVE. The wording is ours.

Chat-completions endpoints take pictures, so clips are shown as frames, each in the middle of its share of the clip, the
source's at the same times. OpenVE and IC-Effect had judges that were given whole clips, or do not say; figures of ours
beside theirs are of another protocol.
"""

from collections.abc import Sequence
from functools import partial
from math import nan
from statistics import mean

from refrain.errors import BadInput
from refrain.evaluation.benchmarks import editverse, openve, viebench
from refrain.evaluation.case import Protocol
from refrain.evaluation.scorers.scorer import Material, Unscored

from .question import Axis, Picture, Question, Sending
from .rubric import Axes, Figure, Rubric, after, asked, both, meanwhile, references, swapped

MANY = 8  # frames of a clip
SMALL = Sending(512)
FIVE = "1 not at all, 2 hardly, 3 in part or with clear faults, 4 nearly, 5 fully."
TEN = "1 to 3 not, 4 to 6 in part, 7 to 10 mostly to fully."
CLIPS = (
    "The first {n} pictures are frames of a source clip, the next {n} are frames of an editor's answer to a request, "
    "at the same times. Judge the answer as a clip, from all its frames:"
)

THREE = (
    Axis("following", "is the request met? 0 it is ignored, 1 hardly, 2 mostly, with faults, 3 exactly.", 0, 3),
    Axis("quality", "is the edit well made: sharp, seamless, right in shape and light? 0 broken, 1 poor, 2 good, with "
         "small faults, 3 without a fault.", 0, 3),
    Axis("background", "is everything that the request does not speak of unchanged? 0 it is another scene, 1 clearly "
         "changed, 2 slightly, 3 not at all.", 0, 3),
)  # fmt: skip


def _editverse(m: Material, protocol: Protocol) -> list[Question]:
    try:
        frames = editverse.judged_frames(len(m.answer), protocol)
    except BadInput as error:
        raise Unscored(str(error).rstrip(".")) from None
    if protocol == "compat" and len(m.source) <= frames[-1]:
        raise Unscored("the source is shorter than the answer, where the published judge never ends")
    task = "Picture 1 is a frame before an edit, picture 2 the same frame after it. Judge the edit:"
    words = (("The request", asked(m)),)
    found: list[Question] = []
    for at in frames:
        source = at if protocol == "compat" else meanwhile(m, at)
        pair = Picture("before", m.source[source]), Picture("after", m.answer[at])
        pair = (swapped(pair[0]), swapped(pair[1])) if protocol == "compat" else pair
        found.append(Question(_named("editverse", protocol), task, words, pair, THREE))
    return found


def _named(benchmark: str, protocol: Protocol) -> str:
    return f"{benchmark}/{'compat-' if protocol == 'compat' else ''}ours-1"


def _summed(axes: Sequence[Axes]) -> Axes:
    return {"quality": editverse.judged([sum(one.values()) for one in axes])}


EYES: dict[Protocol, str] = {
    "strict": "three pairs of frames, each asked about alone",
    "compat": "every ⌊n/3⌋-th pair of frames, red and blue swapped, each asked about alone",
}
EDITVERSE, EDITVERSE_COMPAT = (
    Rubric(
        _named("editverse", protocol), "arXiv 2509.20360", sees, partial(_editverse, protocol=protocol),
        (Figure("quality", "0 to 9: following, quality and background, 0 to 3 each, mean over frames", "edit"),),
        _summed,
    )
    for protocol, sees in EYES.items()
)  # fmt: skip


def _viebench(m: Material) -> list[Question]:
    assert m.case
    axes = [
        Axis(
            "instruction",
            f"does the answer do what the request asks, all of it and nothing contrary to it? {TEN}",
            1,
            10,
        ),
        Axis(
            "preservation", f"is everything that should stay as it was in the source, its motion included? {TEN}", 1, 10
        ),
        Axis("quality", f"is the answer seamless, natural and pleasing, and steady in time? {TEN}", 1, 10),
    ]
    shown = both(m, MANY)
    if m.case.category.startswith("reference"):
        given = references(m)
        axes.append(Axis("similarity", f"is what was put in the one that the reference shows? {TEN}", 1, 10))
        shown = (*shown, *given)
    task = CLIPS.format(n=len(both(m, MANY)) // 2)
    return [Question("viebench/ours-1", task, (("The request", asked(m)),), shown, tuple(axes), SMALL)]


def _averaged(axes: Sequence[Axes]) -> Axes:
    one = {"similarity": nan, **axes[0]}
    return {**one, "average": viebench.average(axes[0], "similarity" in axes[0])}


VIEBENCH = Rubric(
    "viebench/ours-1", "arXiv 2510.08485", "8 frames of each clip, and references where the task has them", _viebench,
    (
        Figure("average", "1 to 10: the mean of the axes", "edit"),
        Figure("instruction", "1 to 10: the request is met", "edit"),
        Figure("preservation", "1 to 10: the rest is kept", "rest"),
        Figure("quality", "1 to 10: seamless, natural, pleasing", "looks"),
        Figure("similarity", "1 to 10: it is what the reference shows; of tasks with references only", "edit"),
    ),
    _averaged, needs=("case", "references"),
)  # fmt: skip


COMPLIANCE = {
    "global_style": "is every frame in the style that was asked for?",
    "background_change": "is the background the one that was asked for, behind the same subject in the same motion?",
    "local_change": "is the thing that was named, and only it, changed as asked, in every frame?",
    "local_remove": "is the thing gone from every frame without a trace, with what was behind it filled in?",
    "local_add": "is what was asked for added where it belongs, and does it move with the scene?",
    "subtitle_edit": "do the subtitles read, stand and look exactly as asked?",
    "camera_edit": "do the view and the movement of the camera become what was asked?",
    "creative_edit": "is the idea of the request there, as a person would picture it?",
}


def _openve(m: Material) -> list[Question]:
    assert m.case
    axes = (
        Axis("compliance", f"{COMPLIANCE[m.case.category]} {FIVE}", 1, 5),
        Axis("consistency", f"is what the request does not speak of the same in every detail? {FIVE} Not above "
             "compliance.", 1, 5),
        Axis("quality", f"is it sharp, sound and steady in time, without flicker? {FIVE} Not above compliance.", 1, 5),
    )  # fmt: skip
    return [_clips("openve/ours-1", m, axes, MANY, SMALL)]


def _clips(protocol: str, m: Material, axes: tuple[Axis, ...], many: int, sending: Sending) -> Question:
    shown = both(m, many)
    return Question(protocol, CLIPS.format(n=len(shown) // 2), (("The request", asked(m)),), shown, axes, sending)


OPENVE = Rubric(
    "openve/ours-1", "arXiv 2512.07826", "8 frames of each clip", _openve,
    (
        Figure("overall", "1 to 5: the mean of the axes, the second and third cut down to the first", "edit"),
        Figure("compliance", "1 to 5: the request is met", "edit"),
        Figure("consistency", "1 to 5: the rest is kept", "rest"),
        Figure("quality", "1 to 5: sound and steady", "looks"),
    ),
    lambda axes: {**axes[0], "overall": openve.item(axes[0])},
)  # fmt: skip


def _ivebench(m: Material) -> list[Question]:
    satisfied = Axis("satisfaction", "is the answer what the request should give? 1 it has nothing to do with it, "
                     "2 possibly, 3 somewhat, 4 mostly, 5 perfectly.", 1, 5)  # fmt: skip
    content = Axis("content", "is everything but what was asked for strictly kept? 1 a small part, 2 less than half, "
                   "3 about half, 4 most, 5 all, to the smallest detail.", 1, 5)  # fmt: skip
    return [_clips("ivebench/ours-1", m, (axis,), 20, Sending(426)) for axis in (satisfied, content)]


IVEBENCH = Rubric(
    "ivebench/ours-1", "arXiv 2510.11647", "20 frames of each clip, 426 pixels; one question for each figure",
    _ivebench,
    (
        Figure("satisfaction", "1 to 5: its instruction satisfaction", "edit"),
        Figure("content", "1 to 5: its content fidelity", "rest"),
    ),
    lambda axes: {**axes[0], **axes[1]},
)  # fmt: skip


def _iceffect(m: Material) -> list[Question]:
    shown, given = both(m, MANY), references(m, 4)
    wanted = "the effect that the reference shows" if given else "the effect that the request describes"
    axes = (
        Axis("structure", f"are subjects, layout and motion those of the source, but for the effect? {FIVE}", 1, 5),
        Axis("effect", f"is {wanted} there, in look, place and course? {FIVE}", 1, 5),
        Axis("instruction", f"is the request met as a whole? {FIVE}", 1, 5),
    )
    task = CLIPS.format(n=len(shown) // 2)
    return [Question("iceffect/ours-1", task, (("The request", asked(m)),), (*shown, *given), axes, SMALL)]


ICEFFECT = Rubric(
    "iceffect/ours-1", "arXiv 2512.15635; its scale and prompt are not published",
    "8 frames of each clip, 4 of a reference",
    _iceffect,
    (
        Figure("structure", "1 to 5: the source's structure is kept", "rest"),
        Figure("effect", "1 to 5: the effect is the right one", "edit"),
        Figure("instruction", "1 to 5: the request is met; an axis of ours", "edit"),
    ),
    lambda axes: axes[0], needs=("case", "references"),
)  # fmt: skip


def _five(m: Material) -> list[Question]:
    assert m.case
    said, shown = m.case.extra, after(m, MANY)
    task = "The pictures are frames of one clip. Answer a question about it; the question is material too:"
    yes = Axis("answer", "1 for yes, 0 for no.", 0, 1)
    letter = Axis("answer", "the option that is right: 1 for a, 2 for b, 3 for c, 4 for d.", 1, 4)
    found: list[Question] = []
    for name, axis in (
        ("target_yes_no_question", yes),
        ("multiple_choice_question", letter),
        ("source_yes_no_question", yes),
    ):
        if isinstance(said.get(name), str) and said[name].strip():
            found.append(Question("fivebench/ours-1", task, (("The question", said[name]),), shown, (axis,), SMALL))
        elif name != "source_yes_no_question":
            raise Unscored(f"the case has no {name}")
    return found


def _answers(axes: Sequence[Axes]) -> Axes:
    said = [one["answer"] for one in axes]
    yes_no = float(said[0] > 0.5 and (len(said) < 3 or said[2] < 0.5))
    choice = float(1.5 < said[1] < 2.5)  # the right answer of every one is b
    return {"yn": yes_no, "mc": choice, "acc": mean((yes_no, choice))}


FIVEBENCH = Rubric(
    "fivebench/ours-1", "arXiv 2503.13684", "8 frames of the answer, asked about the benchmark's own questions", _five,
    (
        Figure("acc", "0 to 1: FiVE-Acc, which is the mean of the two below", "edit"),
        Figure("yn", "1 where the target's question is yes and the source's no", "edit"),
        Figure("mc", "1 where b is chosen", "edit"),
    ),
    _answers,
)  # fmt: skip

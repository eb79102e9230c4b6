"""Rubrics of the benchmarks of pictures: MSE-Bench, ImgEdit and GEdit (VIEScore). The wording is ours."""

from collections.abc import Sequence
from math import nan, sqrt

from refrain.evaluation.benchmarks import gedit
from refrain.evaluation.benchmarks.msebench import ABOVE
from refrain.evaluation.scorers.scorer import Material, Unscored

from .question import Axis, Picture, Question, Sending
from .rubric import Axes, Figure, Rubric, after, asked, both, single

SESSION = (
    Axis("following", "is the last request met in the last picture? 0 not at all, 3 hardly, 6 in part or with clear "
         "faults, 8 nearly, 10 all of it and exactly.", 0, 10),
    Axis("consistency", "is everything that the last request does not speak of as it was in the picture before "
         "(people, things, place, style, framing)? 0 a different picture, 3 much is changed, 6 noticeable changes, "
         "8 slight ones, 10 nothing is changed but what had to be.", 0, 10),
)  # fmt: skip


def _session(m: Material) -> list[Question]:
    single(m)
    assert m.asked and m.earlier is not None
    results = [*(frames[0] for frames in m.earlier), m.answer[0]]
    pictures = [Picture("the source, before turn 1", m.source[0])]
    pictures += [Picture(f"the result of turn {n}", one) for n, one in enumerate(results, 1)]
    texts = [(f"The request of turn {n}", words) for n, words in enumerate(m.asked, 1)]
    task = (
        "A picture was edited in turns, each upon the result of the one before. Judge the last turn only, that is, the "
        "last picture against the last request and the picture before it; what came earlier is shown so that requests "
        "which refer back can be understood. Judge:"
    )
    return [Question("msebench/ours-1", task, tuple(texts), tuple(pictures), SESSION, Sending(768, "png"))]


def _survives(axes: Sequence[Axes]) -> Axes:
    one = axes[0]
    done = float(one["following"] > ABOVE and one["consistency"] > ABOVE)
    return {**one, "both": sqrt(one["following"] * one["consistency"]), "success": done}


MSEBENCH = Rubric(
    "msebench/ours-1", "arXiv 2506.10941", "the source and the result of every turn so far", _session,
    (
        Figure("following", "0 to 10: the last request is met", "edit"),
        Figure("consistency", "0 to 10: the rest is as it was", "rest"),
        Figure("both", "√(following · consistency)", "edit"),
        Figure("success", "1 where both are above 6, else 0; a session ends at its first 0", "edit"),
    ),
    _survives, needs=("case", "earlier"), stops=lambda figures: not figures["success"],
)  # fmt: skip


FIVE = "1 not at all, 2 hardly, 3 in part or with clear faults, 4 nearly, 5 fully."
KINDS = {  # what the first axis asks, by ImgEdit's categories
    "add": "is what should be added there, as described and where it belongs?",
    "adjust": "has the property that was named (colour, material, size, count…) become what was asked?",
    "extract": "is the subject that was named, whole and only it, on the plain ground that was asked for?",
    "replace": "is the new thing in place of the old, of which nothing is left?",
    "remove": "is the thing gone without a trace, and is what was behind it filled in?",
    "background": "is the background the one that was asked for, behind the same subject?",
    "style": "is the whole picture in the style that was asked for?",
    "compose": "is every single edit of the request made?",
    "action": "does the subject do, or show in its face, what was asked?",
}
UGE = Axis("overall", "is the request, which needs understanding, met in full, while the rest is left alone? 1 not at "
           "all, 2 hardly, 3 in part, or met with changes where nothing should change, 4 nearly, 5 fully and nothing "
           "else is changed. Where parts that the request does not speak of are changed, 3 at most.", 1, 5)  # fmt: skip


def _imgedit(m: Material) -> list[Question]:
    single(m)
    assert m.case
    kind = m.case.category
    if kind == "session":
        raise Unscored("its sessions are judged by people")
    if kind == "uge":
        axes = (UGE,)
    else:
        held = "is the subject itself" if kind in ("background", "style", "extract") else "is everything else"
        axes = (
            Axis("compliance", f"{KINDS[kind]} {FIVE}", 1, 5),
            Axis("quality", f"does the result look sound: no seams, smears, ghosts or broken shapes? {FIVE}", 1, 5),
            Axis("preservation", f"{held} as it was in the source, in shape, detail and place? {FIVE}", 1, 5),
        )
    task = "Picture 1 is a source, picture 2 an editor's answer to a request. Judge the answer:"
    return [Question("imgedit/ours-1", task, (("The request", asked(m)),), both(m, 1), axes, Sending(768))]


def _mean(axes: Sequence[Axes]) -> Axes:
    one = axes[0]
    parts = {name: one.get(name, nan) for name in ("compliance", "quality", "preservation")}
    return {**parts, "overall": one.get("overall", sum(parts.values()) / 3)}


IMGEDIT = Rubric(
    "imgedit/ours-1", "arXiv 2505.20275", "source and answer", _imgedit,
    (
        Figure("overall", "1 to 5: the mean of the three axes; of a UGE item its one score", "edit"),
        Figure("compliance", "1 to 5: the edit is made", "edit"),
        Figure("quality", "1 to 5: the picture is sound", "looks"),
        Figure("preservation", "1 to 5: the rest is kept", "rest"),
    ),
    _mean,
)  # fmt: skip


DONE = (
    Axis("done", "is the request met in picture 2? 0 not at all, 5 in part, 10 fully.", 0, 10),
    Axis("kept", "is picture 2 changed no more than the request needs? 0 it is another scene, 5 much more is changed "
         "than was asked, 10 nothing else is changed.", 0, 10),
)  # fmt: skip
LOOKS = (
    Axis("natural", "does it look natural in light, shade, distance and how things belong together? 0 not at all, 10 "
         "as if it had been photographed or drawn so.", 0, 10),
    Axis("clean", "is it free of artefacts: distortion, blurred faces, strange limbs, seams, watermarks? 0 full of "
         "them, 10 none.", 0, 10),
)  # fmt: skip


def _viescore(m: Material) -> list[Question]:
    single(m)
    success = "Picture 1 is a source, picture 2 an editor's answer to a request. Judge the answer:"
    looks = "Judge how this picture, which a machine has made, looks by itself:"
    words = (("The request", asked(m)),)
    return [
        Question("gedit/ours-1", success, words, both(m, 1), DONE, Sending(1024)),
        Question("gedit/ours-1", looks, (), after(m, 1), LOOKS, Sending(1024)),
    ]


def _product(axes: Sequence[Axes]) -> Axes:
    done, looks = axes
    found = gedit.item((done["done"], done["kept"]), (looks["natural"], looks["clean"]))
    return {"success": found.success, "looks": found.looks, "overall": found.overall}


GEDIT = Rubric(
    "gedit/ours-1", "arXiv 2504.17761, VIEScore: arXiv 2312.14867", "source and answer; then the answer alone",
    _viescore,
    (
        Figure("overall", "0 to 10: √(success · looks), item by item", "edit"),
        Figure("success", "0 to 10: the lesser of done and not overdone", "edit"),
        Figure("looks", "0 to 10: the lesser of natural and without artefacts", "looks"),
    ),
    _product,
)  # fmt: skip

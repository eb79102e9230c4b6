"""The evaluation of IC-Effect (arXiv 2512.15635): 80 common edits and 50 of visual effects.

The layout of its data was not seen and its scorer is not published. So it is read from a list in its terms: JSON, JSONL
or CSV with `id`, `set` (common or vfx), `video`, `instruction`, and for effects `effect` and perhaps `reference`, a
clip of the effect.

Its answers have 81 frames of 832x480. Its CLIP-I is the mean cosine of adjacent frames of the answer, not of answer and
source; CLIP-T and ViCLIP-T are cosines times 100; smoothness, dynamic degree and aesthetic quality are VBench's; GPT-4o
judges structure and effect on a scale that is not given, apparently 1 to 5.
"""

from pathlib import Path

from refrain.evaluation.case import Benchmark, Case, collected

from .entries import Entry, entries

SETS = ("common", "vfx")


def read(path: Path) -> tuple[Case, ...]:
    """The cases of such a list. Raises BadInput."""
    return collected((_case(entry, path.parent) for entry in entries(path)), path)


def _case(entry: Entry, folder: Path) -> Case:
    kind = entry.text("set")
    if kind not in SETS:
        raise entry.wrong("set", " or ".join(SETS))
    return Case(
        id=entry.text("id"),
        source=entry.path("video", folder),
        instructions=(entry.text("instruction"),),
        category=entry.text("effect") if kind == "vfx" else kind,
        parent=entry.text("video"),
        references=(entry.path("reference", folder),) if entry.said.get("reference") else (),
        extra=entry.rest("id", "video", "instruction", "effect", "reference"),
    )


BENCHMARK = Benchmark(
    id="iceffect",
    title="IC-Effect VFX",
    kind="video",
    obtain="layout unknown; write a list with id, set, video, instruction, effect and reference",
    licence="not known",
    source="arXiv 2512.15635, github.com/CUC-MIPG/IC-Effect",
    read=read,
    answer=lambda case, turn: f"{case.id}.mp4",
)

"""EditVerseBench (Ju et al., arXiv 2509.20360): 100 videos, two instructions each, 20 tasks.

`test.json` is one object keyed "0", "1", …; its keys hold angle brackets and a space (`<text>`, `<video1> link`), and
an instruction speaks of its inputs by such tags. The videos themselves are not in the data set: a script of the authors
fetches them from a stock site, so a case without its source is a state, not a fault.
"""

import re
from collections.abc import Sequence
from math import nan
from pathlib import Path

from refrain.errors import BadInput
from refrain.evaluation.case import Benchmark, Case, Protocol, collected

from .entries import Entry, entries, table

TAG = re.compile(r"<((?:video|image)\d+)>")
ORIENTATIONS = ("horizontal", "vertical")


def read(path: Path) -> tuple[Case, ...]:
    """The cases of `test.json` or of the folder that holds it. Raises BadInput."""
    file = table(path, "test.json")
    return collected((_case(entry, file.parent) for entry in entries(file)), file)


def _case(entry: Entry, folder: Path) -> Case:
    tags = [name for name in entry.said if TAG.fullmatch(name)]
    if "<video1>" not in tags:
        raise entry.wrong("<video1>", "the path of the source video")
    if entry.text("direction") not in ORIENTATIONS:
        raise entry.wrong("direction", " or ".join(ORIENTATIONS))
    words = entry.text("<text>")
    unknown = [tag for tag in TAG.findall(words) if f"<{tag}>" not in tags]
    if unknown:
        raise BadInput(f"{entry.where}: its <text> speaks of <{unknown[0]}>, which it does not name; fetch it anew.")
    return Case(
        id=entry.key,
        source=entry.path("<video1>", folder),
        instructions=(words,),
        category=entry.text("type"),
        parent=entry.text("<video1>"),
        captions=(entry.text("target_prompt"),),
        references=tuple(entry.path(tag, folder) for tag in tags if tag != "<video1>"),
        extra=entry.rest("<text>", "type", "target_prompt", *tags),
    )


def judged_frames(length: int, protocol: Protocol = "strict") -> tuple[int, ...]:
    """Which frames of a clip the judge sees.

    strict: three, at ⌊(i + ½)·n/3⌋, as the paper says ("three uniformly sampled"). compat: every ⌊n/3⌋-th, as the
    published scorer does, which is three at 81 frames, four at 49, 65 or 121, and five at 5; it breaks below 3.
    """
    if length < 1:
        raise BadInput(f"A clip has one frame or more, not {length}.")
    if protocol == "strict":
        return tuple(sorted({(2 * i + 1) * length // 6 for i in range(3)}))
    if length < 3:
        raise BadInput(f"The published scorer cannot judge a clip of {length} frames; use the strict protocol.")
    return tuple(range(0, length, length // 3))


def judged(frames: Sequence[float]) -> float:
    """The score of a clip, 0 to 9: the mean over its judged frames; NaN where there is none."""
    return sum(frames) / len(frames) if frames else nan


BENCHMARK = Benchmark(
    id="editverse",
    title="EditVerseBench",
    kind="video",
    obtain="hf download --repo-type dataset sooyek/EditVerseBench; its script fetches the videos with your own key",
    licence="code: Adobe Research, non-commercial; videos: the stock site's",
    source="arXiv 2509.20360, github.com/adobe-research/EditVerse",
    read=read,
    answer=lambda case, turn: f"{case.id}/generate.mp4",
    compat=(
        "the judge sees red and blue swapped",
        "every ⌊n/3⌋-th frame is judged, three to five of them",
        "CLIP consistency is taken before the projection",
        "ViCLIP reads 32 tokens",
    ),
)

"""FiVE-Bench (Li et al., arXiv 2503.13684, ICCV 2025): 420 edits of 100 videos in six tasks.

`edit_prompt/edit{1..6}_FiVE.json` are lists; clips lie as frames in `images/<video>/`, masks in `bmasks/<video>/`.
Edited words stand in square brackets. Masks are JPEG and published as "above 0", so the ringing of compression counts
as foreground; strict takes the half level. The right answer of every multiple choice is b.
"""

import re
from collections.abc import Iterable
from math import nan
from pathlib import Path

from refrain.errors import BadInput
from refrain.evaluation.case import Benchmark, Case, Protocol, collected

from .entries import Entry, entries

TASKS = {1: "replace rigid", 2: "replace non-rigid", 3: "color", 4: "material", 5: "add", 6: "remove"}
QUESTIONS = ("multiple_choice_question", "source_yes_no_question", "target_yes_no_question")
MASK: dict[Protocol, int] = {"strict": 127, "compat": 0}  # a mask's level above this is foreground


def read(path: Path) -> tuple[Case, ...]:
    """The cases of one such list, or of all six below a folder's `edit_prompt/`. Raises BadInput."""
    root = path if path.is_dir() else path.parent.parent
    files = [path / "edit_prompt" / f"edit{n}_FiVE.json" for n in TASKS] if path.is_dir() else [path]
    return collected((_case(entry, root) for file in files for entry in entries(file)), path)


def _case(entry: Entry, root: Path) -> Case:
    video, task = entry.text("video_name"), TASKS[entry.number("editing_type_id", 1, 6)]
    place, wording = entry.path("video_name", root / "videos"), entry.text("target_prompt")
    return Case(
        id=f"{entry.file.stem} {entry.key}",
        source=place.with_name(place.name + ".mp4"),
        instructions=(re.sub(r"[\[\]]", "", wording),),
        category=task,
        parent=video,
        captions=(re.sub(r"[\[\]]", "", wording),),
        masks=(entry.path("video_name", root / "bmasks"),),
        extra={**entry.rest("video_name", "editing_type_id"), "worded": "caption"},
    )


def succeeded(source: str | None, target: str, choice: str, protocol: Protocol = "strict") -> tuple[bool, bool]:
    """Whether replies to (source asked, target asked, multiple choice) are yes-no and multiple-choice successes.

    Yes-no success is no to the source (where it is asked) and yes to the target. strict reads whole first words;
    compat the first letters, so that "nothing" is a no and "beige" is answer b. Raises BadInput for a reply that is
    neither, under strict; such a case is unscored.
    """
    if protocol == "compat":
        said_no = source is None or source.strip()[:2].lower() == "no"
        return said_no and target.strip()[:3].lower() == "yes", choice.strip()[:1].lower() == "b"
    yes = _word(target, ("yes", "no")) == "yes"
    no = source is None or _word(source, ("yes", "no")) == "no"
    return yes and no, _word(choice, ("a", "b", "c", "d")) == "b"


def _word(reply: str, allowed: tuple[str, ...]) -> str:
    first = re.match(r"\W*([a-z]+)\b", reply.strip().lower())
    if first is None or first.group(1) not in allowed:
        raise BadInput(f"The judge replied {reply[:60]!r}, which begins with none of {', '.join(allowed)}; ask again.")
    return first.group(1)


def accuracies(outcomes: Iterable[tuple[bool, bool]]) -> dict[str, float]:
    """YN, MC, union, intersection and FiVE-Acc, in percent, of (yes-no, multiple-choice) successes; NaN of none."""
    held = list(outcomes)
    if not held:
        return dict.fromkeys(("yn", "mc", "union", "intersection", "five_acc"), nan)
    share = 100 / len(held)
    parts = {
        "yn": share * sum(yn for yn, _ in held),
        "mc": share * sum(mc for _, mc in held),
        "union": share * sum(yn or mc for yn, mc in held),
        "intersection": share * sum(yn and mc for yn, mc in held),
    }
    return {**parts, "five_acc": five_acc(*parts.values())}


def five_acc(yn: float, mc: float, union: float, intersection: float) -> float:
    """The mean of the four. As union + intersection = YN + MC, it is the mean of the first two."""
    return (yn + mc + union + intersection) / 4


BENCHMARK = Benchmark(
    id="fivebench",
    title="FiVE-Bench",
    kind="video",
    obtain="hf download --repo-type dataset LIMinghan/FiVE-Fine-Grained-Video-Editing-Benchmark; unzip its archives",
    licence="CC-BY-NC-4.0 (data); the code has none",
    source="arXiv 2503.13684, github.com/MinghanLi/FiVE-Bench",
    read=read,
    answer=lambda case, turn: str(case.extra.get("save_dir", case.id)),
    compat=(
        "background metrics blacken the foreground and average over all pixels",
        "masks are foreground above 0",
        "replies are read by their first letters",
    ),
    edited=MASK,
)

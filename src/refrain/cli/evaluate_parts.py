"""What `refrain evaluate sessions` asks besides sessions: compositions of two references, and stories."""

import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from refrain.cli.evaluate_sessions import kept
from refrain.cli.progress import Teller
from refrain.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from refrain.editing.editor import Editor
    from refrain.evaluation.sessions.parts import Compose, GoOn, Story, Told


def parts(
    who: str, editor: "Editor | None", counts: tuple[int, int], size: tuple[int, int], choices: dict[str, Any],
    out: Path | None, teller: Teller,
) -> str:  # fmt: skip
    """Ask compositions and stories, `counts` of each, but for those that `out` holds; the table of both.

    who: truth, source or a model, which is the editor. Raises BadInput for answers of another cause.
    """
    from refrain.evaluation.sessions import parts as exam

    composed = list[exam.Composed]()
    stories = list[exam.Told]()
    drawn = [(one.instruction, str(one.graphs), one.frames) for _, one in exam.compositions(counts[0], size)]
    asked = {
        "composition": exam.digest(part for one in drawn for part in one),
        "story": exam.digest(part for one in exam.stories(counts[1], size) for part in (str(one.seed), one.frames)),
    }
    cause = {"who": who, "weights": editor.weights if editor else "", **choices}
    before = {name: _before(out, name, {**cause, "digest": asked[name]}) for name in asked}
    with TemporaryDirectory(prefix="refrain-sessions-") as folder:
        compose, own, after = _answers(who, editor, Path(folder), choices)
        for n, (seed, one) in enumerate(exam.compositions(counts[0], size)):
            teller.stage("compositions", n, counts[0])
            held = before["composition"].get(seed)
            found = exam.Composed(**held) if held else exam.sit_composition(compose, seed, one)
            _keep(None if held else out, "composition", asdict(found), {**cause, "digest": asked["composition"]})
            composed.append(found)
        for n, story in enumerate(exam.stories(counts[1], size)):
            teller.stage("stories", n, counts[1])
            held = before["story"].get(story.seed)
            told = _told(held) if held else exam.sit_story(own, after, story)
            _keep(None if held else out, "story", asdict(told), {**cause, "digest": asked["story"]})
            stories.append(told)
    named = ", ".join(f"{count} {name} {asked[key]}" for count, name, key in (
        (counts[0], "compositions", "composition"), (counts[1], "stories", "story")) if count)  # fmt: skip
    return f"\n{named}; {size[0]} pixels\n\n{exam.report(composed, stories)}"


def _answers(who: str, editor: "Editor | None", folder: Path, choices: dict[str, Any]) -> "tuple[Compose, GoOn, GoOn]":
    """Who answers compositions, stories, and stories after their true frames."""
    from refrain.evaluation.sessions import parts as exam

    if editor is not None:
        return (exam.composed_in(editor, folder, choices), exam.told_in(editor, folder, choices),
                exam.told_after(editor, folder, choices))  # fmt: skip

    def true(story: "Story", step: int) -> "np.ndarray":
        return story.frames[step : step + 1]

    if who == "truth":
        return lambda asked: asked.frames, true, true
    # the source stands still: at the picture that it began with, or at the last one that was shown
    return lambda asked: asked.source, lambda story, step: true(story, 0), lambda story, step: true(story, step - 1)


def _before(out: Path | None, part: str, cause: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """The answers to a part that a run which stopped has kept. Raises BadInput for those of another cause."""
    held = [one for one in kept(out) if part in one]
    if any(one["cause"] != cause for one in held):
        raise BadInput(f"{out} holds answers of another model, exam or setting; give another file.")
    # a file of before stories were also held against optical flow lacks that
    return {one[part]["seed"]: one[part] for one in held if part != "story" or "flow_moved" in one[part]}


def _told(held: dict[str, Any]) -> "Told":
    from refrain.evaluation.sessions.parts import Told

    lists = {name: tuple(value) for name, value in held.items() if isinstance(value, list)}
    return Told(**{**held, **lists})


def _keep(out: Path | None, part: str, found: dict[str, Any], cause: dict[str, Any]) -> None:
    if out is not None:
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps({part: found, "cause": cause}) + "\n")

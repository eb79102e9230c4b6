"""A judge among the scorers: every figure of a benchmark's rubric becomes a scorer, listed by name like the others.

    transcript = Transcript(Path("judge.jsonl"))                       # or Transcript(path, replay=True): no network
    endpoint = Endpoint("https://host/v1", key_in(Path("key.txt")))    # None for a replay
    judge = Judge("gpt-4o", transcript, endpoint, Settings(repeats=3))
    scorers = [*SCORERS, *judge_scorers("msebench", judge)]            # `msebench.success@gpt-4o+repeats3/ours-1`, …
    results = score_folder(bench, cases, outputs, scorers)

One judgement serves all figures of a rubric, so the scorers of one answer should follow each other.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from math import nan

from refrain.errors import BadInput
from refrain.evaluation.case import Protocol
from refrain.evaluation.scorers.scorer import Material, Scorer, Unscored

from . import clips, pictures
from .judge import Judge
from .rubric import Axes, Rubric

RUBRICS: Mapping[str, Rubric] = {
    one.id.split("/")[0]: one
    for one in (
        clips.EDITVERSE, clips.IVEBENCH, clips.VIEBENCH, pictures.MSEBENCH, clips.OPENVE, clips.FIVEBENCH,
        pictures.IMGEDIT, pictures.GEDIT, clips.ICEFFECT,
    )
}  # fmt: skip
COMPAT: Mapping[str, Rubric] = {"editverse": clips.EDITVERSE_COMPAT}  # where the published judging itself has quirks


def judge_scorers(benchmark: str, judge: Judge, protocol: Protocol = "strict") -> tuple[Scorer, ...]:
    """The figures of a benchmark's rubric as scorers. Raises BadInput for a benchmark that is not judged."""
    rubric = COMPAT.get(benchmark) if protocol == "compat" else None
    rubric = rubric or RUBRICS.get(benchmark)
    if rubric is None:
        raise BadInput(f"{benchmark} has no judge; {', '.join(RUBRICS)} have one.")
    name, wording = rubric.id.split("/")
    asked = _Asked(rubric, judge)
    return tuple(
        Scorer(
            f"{name}.{figure.name}@{judge.name}/{wording}",
            f"{figure.means}; {rubric.source}, {rubric.sees}; judge {judge.model}, {judge.told}",
            "high",
            figure.judges,
            partial(asked.figure, figure.name),
            rubric.needs,
            apart=True,
            again=True,
        )
        for figure in rubric.figures
    )


class _Asked:
    """Figures of a rubric; the last answer's are held, since its figures are asked for one by one."""

    def __init__(self, rubric: Rubric, judge: Judge) -> None:
        self.rubric, self.judge = rubric, judge
        self._last: tuple[Material, Axes | Unscored] | None = None

    def figure(self, name: str, material: Material) -> float:
        """One figure of an answer. Raises Unscored."""
        if self._last is None or self._last[0] is not material:
            try:
                self._last = material, self._figures(material)
            except Unscored as reason:
                self._last = material, reason
        found = self._last[1]
        if isinstance(found, Unscored):
            raise Unscored(str(found))
        return found.get(name, nan)

    def _figures(self, material: Material) -> Axes:
        """All figures of an answer; where sessions end at a failed turn, the turns before are judged first."""
        if self.rubric.stops:
            assert material.case and material.earlier is not None
            for turn, answer in enumerate(material.earlier, 1):
                before = replace(material, answer=answer, turn=turn, earlier=material.earlier[: turn - 1])
                if self.rubric.stops(self._judged(before)):
                    raise Unscored(f"its session ended at turn {turn}, which failed")
        return self._judged(material)

    def _judged(self, material: Material) -> Axes:
        case = material.case.id if material.case else ""
        said = self.judge.ask(self.rubric.questions(material), case, material.turn)
        return self.rubric.count([one.scores for one in said])

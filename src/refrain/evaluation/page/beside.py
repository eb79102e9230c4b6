"""Our figures in the columns of a published table: the very scorer where it was run, else the nearest thing, marked.

The nearest is the same figure, put together in the same way, by another judge, wording or network. It is worth seeing
and not worth ranking, so it carries a sign and the name of what made it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from refrain.evaluation.benchmarks import imgedit, openve
from refrain.evaluation.page.matter import System
from refrain.evaluation.statistics import Estimate
from refrain.evaluation.told.published import OPENVE, Published
from refrain.evaluation.told.totals import TASKS

APPROX = (
    "≈: the same figure of ours by another judge, wording or network than theirs (named beside it); do not rank by it."
)
NEAR: Mapping[str, Mapping[str, str]] = {  # by benchmark: published column -> figure or scorer of ours, before its @
    "imgedit": {**{one: f"imgedit.{one}" for one in imgedit.CATEGORIES}, "overall": "imgedit.total"},
    "openve": {
        **{column: f"openve.{kind}" for column, kind in zip(OPENVE, openve.SEVEN)},
        "mean of 5": "openve.mean of 5",
        "mean of 7": "openve.mean of 7",
    },
    "fivebench": {
        "yes-no": "fivebench.yn", "choice": "fivebench.mc", "union": "fivebench.union",
        "intersection": "fivebench.intersection", "FiVE-Acc": "fivebench.five_acc",
    },
    "gedit": {"SC": "gedit.success, en", "PQ": "gedit.looks, en", "O": "gedit.overall, en"},
    "msebench": {f"success at turn {n}": f"msebench.success, turn {n}" for n in (1, 5)},
    "ivebench": {
        **{name: f"ivebench.{name}" for name in ("total", "quality", "compliance", "fidelity")},
        "subject consistency": "subject.ivebench", "background consistency": "vbench.background_consistency",
        "motion smoothness": "vbench.motion_smoothness", "instruction 1–5": "ivebench.satisfaction",
        "content fidelity 1–5": "ivebench.content",
    },
    "viebench": {
        "instruction 1–10": "viebench.instruction", "preservation 1–10": "viebench.preservation",
        "quality 1–10": "viebench.quality", "average": "viebench.average",
    },
    "editverse": {
        "judge 0–9": "editverse.quality", "PickScore": "pick.editverse", "CLIP frame-text": "clip_t.caption",
        "ViCLIP video-text": "viclip.editverse", "CLIP consistency": "clip.consistency.editverse",
        "DINO consistency": "dino.consistency.editverse",
    },
    "iceffect": {
        "CLIP-I (adjacent frames)": "clip_i.adjacent", "CLIP-T": "clip_t.caption", "ViCLIP-T": "viclip.caption",
        "smoothness": "vbench.motion_smoothness", "dynamic degree": "vbench.dynamic_degree",
        "aesthetic": "vbench.aesthetic_quality", "structure": "iceffect.structure", "effect": "iceffect.effect",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Ours:
    """A figure of ours in a published column. near: of another judge, wording or network, which `who` names."""

    estimate: Estimate
    near: bool = False
    made_by: str = ""

    @property
    def sign(self) -> str:
        return "≈ " if self.near else ""

    @property
    def who(self) -> str:
        return f", {self.made_by}" if self.made_by else ""


def ours(system: System, others: Published) -> list[tuple[str, list[list[Ours]]]]:
    """Rows of a system for a published table: what a row is of, and for every column the figures that there are.

    One row, but for VIE-Bench, whose table has one for each task.
    """
    labels = list(TASKS) if others.benchmark == "viebench" else [""]
    rows = [(label, [_column(system, others, column, label) for column in others.columns]) for label in labels]
    whole = [(label, columns) for label, columns in rows if any(columns)]
    return whole or [("", [[] for _ in others.columns])]


def _column(system: System, others: Published, column: str, label: str) -> list[Ours]:
    exact = system.estimates.get(others.scorers.get(column, ""), {}).get("all")
    if exact is not None:
        return [Ours(exact)]
    wanted = NEAR.get(others.benchmark, {}).get(column)
    if wanted is None:
        return []
    name = f"{wanted}, {label}" if label else wanted
    held = [(one.figure, one.who, one.estimate) for one in system.totals if not one.lacks]
    held += [(*_split(scorer), found["all"]) for scorer, found in system.estimates.items()]
    return [Ours(found, True, who) for figure, who, found in held if figure == name and found.n]


def _split(scorer: str) -> tuple[str, str]:
    """What a scorer measures, and by what."""
    head, _, who = scorer.partition("@")
    return (head, who) if who else (scorer.partition("/")[0], scorer.partition("/")[2])

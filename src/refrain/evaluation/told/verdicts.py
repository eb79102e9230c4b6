"""What judges say of runs: how far two judges of one run agree, and which of two systems a judge prefers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isnan, nan

from refrain.evaluation.case import Case, Protocol
from refrain.evaluation.judge.agreement import alpha, between, equal, kappa, spearman
from refrain.evaluation.judge.judge import Judge
from refrain.evaluation.judge.pairs import Preference, prefer
from refrain.evaluation.record import Run
from refrain.evaluation.run import Result, Sources, material
from refrain.evaluation.scorers.scorer import Material, Unscored
from refrain.evaluation.statistics import difference
from refrain.evaluation.told.report import FOOT, cell, chance
from refrain.evaluation.told.tables import named, short

HEAD = ("| run, figure | judges | n | equal | κ, quadratic (95 %) | α, interval | ρ |", "| --- " * 7 + "|")
PAIRS = ("| one, other | one preferred | other | tied | by order alone | wins less losses | p |", "| --- " * 7 + "|")


def agreement_table(runs: Sequence[Run]) -> str:
    """Markdown: every figure that two judges gave to the same answers, and how far they agree; "" where none did."""
    lines: list[str] = []
    for name, run in zip(named(runs), runs):
        figures: dict[tuple[str, str], dict[str, list[Result]]] = {}
        for one in run.results:
            figure, _, who = one.score.scorer.partition("@")
            judge, _, wording = who.rpartition("/")
            if wording.rpartition("-")[0].endswith("ours"):
                figures.setdefault((figure, wording), {}).setdefault(judge, []).append(one)
        for (figure, _), judges in figures.items():
            lines += [
                f"| {name}, {figure} | {a}, {b} | {_agreement(judges[a], judges[b])} |"
                for a, b in combinations(judges, 2)
            ]
    if not lines:
        return ""
    foot = "Of answers that both judged. κ and α: 1 is agreement, 0 is chance; ρ: rank correlation. κ drawn by source."
    return "\n".join([*HEAD, *lines, "", foot])


def _agreement(one: Sequence[Result], other: Sequence[Result]) -> str:
    theirs = {(x.case, x.turn): x.score.value for x in other}
    held = [(x, theirs.get((x.case, x.turn), nan)) for x in one]
    both = [(x.score.value, y, x.parent) for x, y in held if not isnan(x.score.value) and not isnan(y)]
    a, b = [x for x, _, _ in both], [y for _, y, _ in both]
    low, high = between(kappa, a, b, [parent for _, _, parent in both])
    shares = [equal(a, b), kappa(a, b), alpha([a, b]) if both else nan, spearman(a, b)]
    told = ["–" if isnan(share) else f"{share:.2f}" for share in shares]
    told[1] += "" if isnan(low) else f" ({low:.2f} to {high:.2f})"
    return " | ".join([str(len(both)), *told])


@dataclass(frozen=True)
class Preferred:
    """What a judge prefers of two answers to the last turn of a case; None with the reason where it could not say."""

    case: str
    parent: str
    found: Preference | None
    reason: str = ""


def preferences(one: Run, other: Run, judge: Judge, listen: Callable[[int, Case], None]) -> list[Preferred]:
    """Ask a judge of every case of two runs, in both orders. Raises BadInput where it never answers."""
    found, sources = list[Preferred](), Sources()
    for number, case in enumerate(one.cases):
        listen(number, case)
        a, b = (_last(run, case, sources) for run in (one, other))
        why = next((said for said in (a, b) if isinstance(said, str)), None)
        if isinstance(a, Material) and isinstance(b, Material):
            try:
                found.append(Preferred(case.id, case.parent, prefer(judge, a, b)))
                continue
            except Unscored as reason:
                why = str(reason)
        found.append(Preferred(case.id, case.parent, None, why or ""))
    return found


def _last(run: Run, case: Case, sources: Sources) -> Material | str:
    protocol: Protocol = "compat" if run.protocol.endswith("/compat") else "strict"
    paths = [run.answer_path(case, turn) for turn in range(1, len(case.instructions) + 1)]
    return material(case, paths, (), run.benchmark, protocol, sources)


def preference_table(judge: str, found: Mapping[tuple[str, str], Sequence[Preferred]]) -> str:
    """Markdown: by pairs of systems, how often each was preferred in both orders; and what could not be judged."""
    lines, below = list[str](PAIRS), list[str]()
    for (one, other), said in found.items():
        held = [each.found for each in said if each.found]
        ways = {way: sum(each.winner == way for each in held) for way in ("one", "other", "tie")}
        swayed = sum(each.swayed for each in held)
        values = [{"one": 1.0, "other": -1.0, "tie": 0.0}[x.found.winner] if x.found else nan for x in said]
        less = difference(values, [0.0] * len(values), [x.parent for x in said])
        counts = " | ".join(str(x) for x in (ways["one"], ways["other"], ways["tie"], swayed))
        lines.append(f"| {one}, {other} | {counts} | {cell(less.estimate)} | {chance(less.p)} |")
        reasons = [each.reason for each in said if each.found is None]
        below += [f"- {reasons.count(why)} not judged: {short(why)}" for why in dict.fromkeys(reasons)]
    told = (
        f"Protocol pair/ours-1, judge {judge}; asked in both orders, and an answer preferred in one of them only ties."
    )
    return "\n".join([*lines, "", f"{told} {FOOT}", *(["", *below] if below else [])])

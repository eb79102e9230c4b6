"""MSE-Bench (VINCIE, Qu et al., arXiv 2506.10941): 100 sessions of five edits of one picture.

Published as one parquet file, which nothing here reads; export it once to `sessions.json`, a list of its rows with the
picture's file name in `image` (docs/evaluation.md). A single row as JSON is read too. A turn succeeds where both scores
are above 6, and a session ends at its first failed turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt
from pathlib import Path
from typing import Literal

from refrain.errors import BadInput
from refrain.evaluation.case import Benchmark, Case, Protocol, collected

from .entries import Entry, entries, read_json, table

TURNS = 5
ABOVE = 6.0  # both scores of a turn that succeeds are strictly above


def read(path: Path) -> tuple[Case, ...]:
    """The sessions of `sessions.json`, or of one row in JSON. Raises BadInput."""
    file = table(path, "sessions.json")
    whole = read_json(file)
    if isinstance(whole, dict) and "context" in whole:
        found = [Entry(file, str(whole.get("index", 0)), whole)]
    else:
        found = list(entries(file))
    return collected((_case(entry, n, file.parent) for n, entry in enumerate(found)), file)


def _case(entry: Entry, number: int, folder: Path) -> Case:
    turns = entry.texts("context")
    if len(turns) != TURNS:
        raise BadInput(f"{entry.where}: its context has {len(turns)} instructions, not {TURNS}; mend it.")
    for name in ("operation", "description_target"):
        if name in entry.said and len(entry.texts(name)) != TURNS:
            raise BadInput(f"{entry.where}: its {name} has not {TURNS} texts, one for each turn; mend it.")
    index = entry.number("index", 0, 1_000_000) if "index" in entry.said else number
    return Case(
        id=str(index),
        source=entry.path("image", folder) if "image" in entry.said else None,
        instructions=turns,
        category="session",
        parent=entry.text("image") if "image" in entry.said else str(index),
        captions=entry.texts("description_target") if "description_target" in entry.said else (),
        extra=entry.rest("index", "image", "context", "description_target"),
    )


@dataclass(frozen=True)
class Survival:
    """What became of the sessions, turn by turn.

    success: share of sessions that are whole up to and with this turn. following, consistency, both: mean scores, and
    the mean of √(following · consistency). judged: how many sessions the means are of.
    """

    success: tuple[float, ...]
    following: tuple[float, ...]
    consistency: tuple[float, ...]
    both: tuple[float, ...]
    judged: tuple[int, ...]


def survived(session: Sequence[tuple[float, float]]) -> int:
    """How many turns of a session succeed before the first that fails; scores are (following, consistency)."""
    for turn, (following, consistency) in enumerate(session):
        if not (following > ABOVE and consistency > ABOVE):
            return turn
    return len(session)


def _state(session: Sequence[tuple[float, float]], turn: int) -> Literal["whole", "failed", "ended", "unscored"]:
    """What a session is at a turn: whole so far, failed here, ended before, or without a score here or before."""
    whole = survived(session[: turn + 1])
    if whole > turn:
        return "whole"
    if whole == len(session) or any(isnan(x) for x in session[whole]):
        return "unscored"
    return "failed" if whole == turn else "ended"


def survival(
    sessions: Sequence[Sequence[tuple[float, float]]], turns: int = TURNS, protocol: Protocol = "strict"
) -> Survival:
    """The curve of sessions, each the (following, consistency) of its judged turns, 0 to 10.

    Scores after a failed turn are left out, as the judge never gives them. Success is a share of all sessions.
    strict: mean scores are of the sessions that were judged at that turn; one that could not be scored (NaN) is left
    out of every turn from there on. compat: means divide by all sessions, so that late turns are mostly zeros, and
    what could not be scored is a failure.
    """
    columns: list[tuple[float, float, float, float, int]] = []
    for turn in range(turns):
        states = [_state(session, turn) for session in sessions]
        scores = [session[turn] for session, state in zip(sessions, states) if state in ("whole", "failed")]
        share = len(sessions) - (states.count("unscored") if protocol == "strict" else 0)
        of = len(scores) if protocol == "strict" else len(sessions)
        sums = (sum(a for a, _ in scores), sum(b for _, b in scores), sum(sqrt(a * b) for a, b in scores))
        following, consistency, both = (total / of if of else nan for total in sums)
        columns.append((states.count("whole") / share if share else nan, following, consistency, both, len(scores)))
    success, following, consistency, both, judged = zip(*columns)
    return Survival(success, following, consistency, both, judged)


BENCHMARK = Benchmark(
    id="msebench",
    title="MSE-Bench",
    kind="picture",
    obtain="hf download --repo-type dataset leigangqu/MSE-Bench, then export the rows to sessions.json",
    licence="Apache-2.0 (code)",
    source="arXiv 2506.10941, github.com/ByteDance-Seed/VINCIE",
    read=read,
    answer=lambda case, turn: f"{case.id}_turn{turn - 1}_rep0_seed{case.id}.png",
    compat=(
        "mean scores divide by all sessions, also by those not judged any more",
        "a reply that cannot be read is a failed turn",
        "the released judge is gpt-5-nano, the paper's GPT-4o",
    ),
)

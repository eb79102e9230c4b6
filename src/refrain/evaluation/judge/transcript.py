"""Everything that judges said, in a file that is only ever added to: one JSON object a line, one for every answer.

    key, question, protocol, model, parameters, repeat    what was asked; `question` is the key without the repeat
    attempt, case, turn                          which try of how many, and for whom; not part of the key
    time, seconds, status, tries, form           how it went; `form` is how an answer was asked for
    reported, fingerprint, usage, reason, said   what came back: the model as it calls itself, its words
    scores, problem                              what it is worth; one of them is null

Pictures are not kept, but hashes of their pixels are in the key. A score needs only this file: the same question is
answered from it, and with `replay` nothing else is asked.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from threading import Lock
from typing import Any

from refrain.errors import BadInput
from refrain.evaluation.journal import lines

KEPT = {"protocol", "model", "question", "repeat", "scores", "problem"}  # what this file needs of a record


class Transcript:
    """What was said, by key; written on where it is a file and not a replay."""

    def __init__(self, path: Path | None = None, replay: bool = False) -> None:
        """Read a file, if there is one. Raises BadInput for lines that are no records, and for a replay of nothing."""
        if replay and (path is None or not path.is_file()):
            raise BadInput(f"There is no transcript {path} to replay; record one with a judge first.")
        self.path, self.replay = path, replay
        self._lock = Lock()
        self._said: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for number, record in enumerate(lines(path) if path else [], 1):
            if not isinstance(record.get("key"), str) or not record.keys() >= KEPT:
                raise BadInput(f"Line {number} of {path} is no answer of a judge; give its own transcript.")
            self._said[record["key"]].append(record)
        if path and not replay:
            path.parent.mkdir(parents=True, exist_ok=True)
            _end_whole(path)

    def scores(self, key: str) -> dict[str, float] | None:
        """The scores that count for a request; None where no answer to it was of use."""
        for record in self._said.get(key, []):
            if record["scores"] is not None:
                return record["scores"]
        return None

    def problem(self, key: str) -> str | None:
        """What was wrong with the last answer to a request; None where there was no answer."""
        held = self._said.get(key)
        return held[-1]["problem"] if held else None

    def add(self, record: Mapping[str, Any]) -> None:
        """Write an answer down, to the disk."""
        line = json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with self._lock:
            self._said[record["key"]].append(dict(record))
            if self.path:
                with self.path.open("ab") as file:
                    file.write(line)

    def spread(self) -> dict[tuple[str, str, str], tuple[float, int]]:
        """(protocol, model, axis) -> standard deviation of a judge's answers to one question, and over how many.

        Pooled over questions that were answered twice or more; others tell nothing.
        """
        groups: dict[tuple[str, ...], list[dict[str, float]]] = defaultdict(list)
        for records in self._said.values():
            for one in [r for r in records if r["scores"] is not None][:1]:
                groups[one["protocol"], one["model"], one["question"]].append(one["scores"])
        found: dict[tuple[str, str, str], list[tuple[float, int]]] = defaultdict(list)
        for (protocol, model, _), answers in groups.items():
            for axis in answers[0] if len(answers) > 1 else ():
                values = [one[axis] for one in answers]
                mean = sum(values) / len(values)
                found[protocol, model, axis].append((sum((v - mean) ** 2 for v in values), len(values) - 1))
        return {k: (sqrt(sum(s for s, _ in v) / sum(n for _, n in v)), len(v)) for k, v in sorted(found.items())}


def _end_whole(path: Path) -> None:
    """Cut off a last line whose end was never written."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)

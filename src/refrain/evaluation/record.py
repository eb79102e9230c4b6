"""The folder of a run: which benchmark, what answered it and how, every answer and every score; all of it plain text.

    RUN/run.json       the cause, below
    RUN/cases.jsonl    the cases, in their order, with whole paths
    RUN/answers.jsonl  a line for every turn that was answered or refused (`Answer`); the last line of a turn counts
    RUN/scores.jsonl   a line for every (case, turn, scorer); the last line counts, and null is what could not be scored
    RUN/answers/       the answers in the benchmark's own layout, where the run made them; others lie elsewhere
    RUN/mattes/        what the editor says that it changed, at its own size: a folder of grey frames for each answer
    RUN/lock           held while the run is written

To read one, which needs neither the benchmark's file nor a model:

    run = Run.open("RUN")         # BadInput for a folder that holds no run
    run.record                    # run.json as a dict
    run.cases                     # tuple of case.Case, in order
    run.results                   # list of run.Result: every case, turn and scorer, in this order
    run.answers                   # (case id, turn from 1) -> Answer; empty where the answers were made elsewhere
    run.answer_path(case, turn)   # where the answer lies; it may be absent
    run.protocol                  # such as "imgedit/strict", as tables want it
    run.system                    # what made the answers, as tables name it

run.json: `run` (version of this form), `benchmark` {id, title, file, hash, cases}, `protocol`, `system`, `outputs` (a
folder, relative to RUN where it lies inside), `made` (model, weights, device, versions; null where the answers were
made elsewhere), `arguments` (those that decide the answers), `refrain`, `began`.
"""

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from math import isnan, nan
from pathlib import Path
from typing import Any

from refrain.editing.session.lock import held
from refrain.errors import BadInput
from refrain.evaluation.benchmarks import BENCHMARKS
from refrain.evaluation.benchmarks.entries import inside
from refrain.evaluation.case import Benchmark, Case, Protocol
from refrain.evaluation.journal import add, lines
from refrain.evaluation.run import Result
from refrain.evaluation.scorers.scorer import Score
from refrain.media.write import appearing

VERSION = 1
RECORD, CASES, ANSWERS, SCORES, OUTPUTS = "run.json", "cases.jsonl", "answers.jsonl", "scores.jsonl", "answers"
MATTES = "mattes"
PATHS = ("references", "masks", "truth")
UNDONE = "not scored yet; go on with the run"


@dataclass(frozen=True)
class Answer:
    """What became of a turn: a file, or the reason why there is none.

    hash: of the file. source: hash of what was edited, None where it was absent. seconds: what the edit took.
    """

    case: str
    turn: int
    hash: str | None
    reason: str | None
    source: str | None
    seconds: float
    refrain: str


@dataclass(frozen=True, eq=False)
class Run:
    """A run as it lies in its folder; see the head of this file."""

    folder: Path
    record: dict[str, Any]
    cases: tuple[Case, ...]

    @staticmethod
    def open(folder: str | Path) -> "Run":
        """The run in a folder. Raises BadInput."""
        home = Path(folder)
        try:
            said = json.loads((home / RECORD).read_text("utf-8"))
        except FileNotFoundError:
            raise BadInput(f"{home} holds no run (no {RECORD}); begin one with refrain evaluate or score.") from None
        except ValueError:
            said = None
        if not isinstance(said, dict) or not isinstance(said.get("run"), int):
            raise BadInput(f"{home / RECORD} is no record of a run; put it back as it was, or begin another run.")
        if said["run"] > VERSION:
            raise BadInput(f"The run {home} was written by a newer Refrain (form {said['run']}); update Refrain.")
        return Run(home, said, tuple(_case(one) for one in lines(home / CASES)))

    @property
    def protocol(self) -> str:
        """Benchmark and protocol, such as `imgedit/strict`."""
        return self.record["protocol"]

    @property
    def system(self) -> str:
        """What made the answers, as tables name it."""
        return self.record["system"]

    @property
    def benchmark(self) -> Benchmark:
        """The benchmark whose cases these are. Raises BadInput."""
        return benchmark_of(self.record["benchmark"]["id"])

    @property
    def outputs(self) -> Path:
        """The folder of the answers."""
        return self.folder / self.record["outputs"]

    @property
    def mattes(self) -> Path:
        """The folder of the editor's own mattes, laid out as the answers are."""
        return self.folder / MATTES

    def answer_path(self, case: Case, turn: int) -> Path:
        """Where the answer to a turn (from 1) lies, or should."""
        return answer_path(self.benchmark, self.outputs, case, turn)

    def matte_path(self, case: Case, turn: int) -> Path:
        """The folder of the matte of that answer; it may be absent."""
        return answer_path(self.benchmark, self.mattes, case, turn)

    @property
    def answers(self) -> dict[tuple[str, int], Answer]:
        """What became of every turn that the run has come to."""
        return {(one["case"], one["turn"]): Answer(**one) for one in lines(self.folder / ANSWERS)}

    @property
    def scores(self) -> dict[tuple[str, int, str], dict[str, Any]]:
        """The line that counts for every (case, turn, scorer); scores of answers since replaced are left out."""
        said = lines(self.folder / SCORES)
        found = {(one["case"], one["turn"], one["scorer"]): one for one in said}
        latest = {(one["case"], one["turn"]): one["answer"] for one in said}
        return {key: one for key, one in found.items() if one["answer"] == latest[key[:2]]}

    @property
    def results(self) -> list[Result]:
        """All scores, in the order of cases, turns and scorers; what is still to be scored is NaN and says so."""
        held = self.scores
        scorers = list(dict.fromkeys(name for _, _, name in held))
        found: list[Result] = []
        for case in self.cases:
            for turn in range(1, len(case.instructions) + 1):
                for name in scorers:
                    one = held.get((case.id, turn, name), {"value": None, "reason": UNDONE})
                    score = Score(name, nan if one["value"] is None else one["value"], one["reason"])
                    found.append(Result(case.id, turn, case.category, case.parent, score))
        return found

    def tell(self, answer: Answer) -> None:
        """Write down what became of a turn."""
        add(self.folder / ANSWERS, [asdict(answer)])

    def keep(self, results: Sequence[Result], keys: Sequence[str], answer: str | None) -> None:
        """Write down the scores of one answer, whose hash is given, each under its key."""
        add(self.folder / SCORES, [
            {"case": one.case, "turn": one.turn, "scorer": one.score.scorer, "reason": one.score.reason,
             "value": None if isnan(one.score.value) else one.score.value, "answer": answer, "key": key}
            for one, key in zip(results, keys, strict=True)
        ])  # fmt: skip


@contextmanager
def entered(folder: Path, cause: Mapping[str, Any], cases: Sequence[Case], resume: bool | None) -> Generator[Run]:
    """The run in a folder, begun or gone on with, and locked while the body runs.

    cause: what `cause` gives. resume: True goes on, False begins, None does what the folder needs.
    Raises BadInput for a run of another cause, and for a folder that is being written.
    """
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; a run is a folder, give another name.")
    begun = (folder / RECORD).is_file()
    if begun and resume is False:
        raise BadInput(f"{folder} holds a run; say --resume to go on with it, or give another folder.")
    if resume and not begun:
        raise BadInput(f"{folder} holds no run to go on with; leave --resume out to begin one.")
    if not begun and folder.is_dir() and not all(_is_left(path) for path in folder.iterdir()):
        raise BadInput(f"{folder} is not empty and holds no run; give a new folder, so that nothing is mixed.")
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder, "run"):
        if (folder / RECORD).is_file():
            run = Run.open(folder)
            check_same(run, cause)
            began = run.record["began"]
        else:
            began = datetime.now(UTC).isoformat(timespec="seconds")
        _replaced(folder / CASES, "".join(json.dumps(_told(case), ensure_ascii=False) + "\n" for case in cases))
        record = {"run": VERSION, **cause, "refrain": version("refrain-edit"), "began": began}
        if not (folder / RECORD).is_file():
            _replaced(folder / RECORD, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
        yield Run.open(folder)


def cause(
    benchmark: Benchmark,
    file: Path,
    cases: Sequence[Case],
    protocol: Protocol,
    system: str,
    outputs: str = OUTPUTS,
    made: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What decides a run, for its record: cases as read from `file`, and what answers them.

    Raises BadInput for two turns that the benchmark's layout would put into one file.
    """
    _check_apart(benchmark, cases)
    return {
        "benchmark": {
            "id": benchmark.id,
            "title": benchmark.title,
            "file": str(file.absolute()),
            "hash": digest(cases, file),
            "cases": len(cases),
        },
        "protocol": benchmark.protocol(protocol),
        "system": system,
        "outputs": outputs,
        "made": None if made is None else dict(made),
        "arguments": dict(arguments or {}),
    }


def check_same(run: Run, cause: Mapping[str, Any]) -> None:
    """Raise BadInput, saying what differs, where a run was begun of another cause."""
    old, home = run.record, run.folder
    if {k: old["benchmark"][k] for k in ("id", "hash")} != {k: cause["benchmark"][k] for k in ("id", "hash")}:
        raise BadInput(
            f"{home} was begun with other cases, of {old['benchmark']['title']} from {old['benchmark']['file']}; give "
            f"that file as it was, and the same --limit, or another folder."
        )
    for name in ("protocol", "outputs"):
        if old[name] != cause[name]:
            raise BadInput(f"{home} was begun with {name} {old[name]}, not {cause[name]}; give another folder.")
    if (old["made"] is None) != (cause["made"] is None):
        raise BadInput(f"{home} holds a run of another kind (made here, or scored only); give another folder.")
    if old["made"] and old["made"]["weights"] != cause["made"]["weights"]:
        raise BadInput(
            f"The weights of {cause['made']['model']} are not those that {home} was begun with "
            f"({old['made']['weights'][:12]}…); put those back, or give another folder."
        )
    was, now = old["arguments"], cause["arguments"]
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            raise BadInput(f"{home} was begun with {name} {was.get(name)}, not {now.get(name)}; give another folder.")


def benchmark_of(name: str) -> Benchmark:
    """The benchmark of an id. Raises BadInput, listing all, for another word."""
    known = {one.id: one for one in BENCHMARKS}
    if name not in known:
        raise BadInput(f"{name} is no benchmark; there are {', '.join(sorted(known))}.")
    return known[name]


def answer_path(benchmark: Benchmark, outputs: Path, case: Case, turn: int) -> Path:
    """Where an answer lies below a folder of outputs. Raises BadInput for a name that leads out of it."""
    return inside(outputs, benchmark.answer(case, turn), f"{benchmark.title}, case {case.id}")


def file_hash(path: Path | None) -> str | None:
    """SHA-256 of a file, or over names and bytes of the files in a folder; None where nothing is there."""
    if path is None or not path.exists():
        return None
    total = hashlib.sha256()
    for one in sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]:
        if path.is_dir():
            total.update(one.name.encode() + b"\0")
        with one.open("rb") as file:
            while block := file.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def digest(cases: Sequence[Case], file: Path) -> str:
    """A hash of everything that cases say, wherever their folder lies."""
    root, total = str((file if file.is_dir() else file.parent).absolute()), hashlib.sha256()
    for case in cases:
        told = _told(case)
        for name in PATHS:
            told[name] = [path.removeprefix(root) for path in told[name]]
        told["source"] = told["source"] and told["source"].removeprefix(root)
        total.update(json.dumps(told, sort_keys=True).encode() + b"\n")
    return total.hexdigest()


def _check_apart(benchmark: Benchmark, cases: Sequence[Case]) -> None:
    taken: dict[str, str] = {}
    for case in cases:
        for turn in range(1, len(case.instructions) + 1):
            name = answer_path(benchmark, Path(), case, turn).as_posix()
            if name in taken:
                raise BadInput(f"The cases {taken[name]} and {case.id} have one answer, {name}; rename one of them.")
            taken[name] = case.id


def _told(case: Case) -> dict[str, Any]:
    """A case as JSON, with whole paths."""
    said = {field.name: getattr(case, field.name) for field in fields(case)}
    said |= {name: [str(path.absolute()) for path in said[name]] for name in PATHS}
    source = None if case.source is None else str(case.source.absolute())
    return {**said, "source": source, "extra": dict(case.extra)}


def _case(said: Mapping[str, Any]) -> Case:
    plain = Case(**{**said, "instructions": tuple(said["instructions"]), "captions": tuple(said["captions"])})
    return replace(
        plain,
        source=None if said["source"] is None else Path(said["source"]),
        **{name: tuple(map(Path, said[name])) for name in PATHS},
    )


def _is_left(path: Path) -> bool:
    """Whether a file may stem from a run that was killed while it began."""
    return path.name in {"lock", CASES} or (path.name.startswith(".") and ".part" in path.name)


def _replaced(path: Path, text: str) -> None:
    with appearing(path) as aside:
        aside.write_text(text, encoding="utf-8")

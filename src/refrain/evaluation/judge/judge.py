"""A judge: asked a question, in as many repeats as wanted, it gives every axis a mean and a spread, or says why not.

Answers that cannot count are asked for again a stated number of times, each time with what was wrong; after that there
is no score. What a transcript holds is not asked again.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import mean, stdev
from typing import Any, Literal, NoReturn

from refrain.errors import BadInput
from refrain.evaluation.scorers.scorer import Unscored

from . import answer
from .question import Form, Question, answer_form, code_of, messages
from .transcript import Transcript
from .wire import Endpoint, Reply, Unanswered, post

LADDER: tuple[Form, ...] = ("schema", "json", "text")
UNKNOWN = (400, 404, 415, 422, 501)  # what endpoints say of a form of answer that they do not know
FILTERED = re.compile(r"content[ _-]?(filter|policy|management)|safety", re.IGNORECASE)  # of one picture, not of all


@dataclass(frozen=True)
class Settings:
    """How a judge is asked.

    repeats: answers to one question, whose mean counts. asks: for one answer, until it can count. temperature, longest:
    of the model; None leaves it the endpoint's own. longest is in tokens. form: how an answer is asked for; auto tries
    a schema, then JSON, then text.
    """

    repeats: int = 1
    asks: int = 3
    temperature: float | None = 0.0
    longest: int | None = 1024
    form: Literal["auto", "schema", "json", "text"] = "auto"

    def __post_init__(self) -> None:
        if self.repeats < 1 or self.asks < 1:
            raise BadInput("A judge answers once or more, and is asked once or more for each answer.")

    @property
    def parameters(self) -> dict[str, Any]:
        """What a request's key holds of it: what can change an answer."""
        return {name: value for name, value in asdict(self).items() if name not in ("repeats", "asks")}


@dataclass(frozen=True)
class Judgement:
    """What a judge said of one question: for every axis the mean of its repeats and, from two on, their spread."""

    scores: Mapping[str, float]
    spread: Mapping[str, float]


class Judge:
    """A model behind an endpoint, or a transcript of one. workers: requests under way at a time."""

    def __init__(
        self,
        model: str,
        transcript: Transcript,
        endpoint: Endpoint | None = None,
        settings: Settings = Settings(),
        workers: int = 4,
    ) -> None:
        self.model, self.settings, self.workers = model, settings, workers
        self._transcript, self._endpoint = transcript, endpoint
        self._forms: list[Form] = list(LADDER) if settings.form == "auto" else [settings.form]
        self._answered, self._limit = False, "max_tokens"
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The model and every setting that is not the usual one, as scorers' ids carry it: `gpt-4o+repeats3`."""
        usual = asdict(Settings())
        apart = {k: v for k, v in asdict(self.settings).items() if v != usual[k] and k != "asks"}
        return "+".join([self.model.replace("/", "_"), *(f"{name}{value}" for name, value in apart.items())])

    @property
    def told(self) -> str:
        """How it is asked, in words: all that can change its answers."""
        return ", ".join(f"{name} {value}" for name, value in asdict(self.settings).items() if name != "asks")

    def ask(self, questions: Sequence[Question], case: str = "", turn: int = 1) -> list[Judgement]:
        """The judgement of every question. Raises Unscored where a repeat of one of them has no answer that counts.

        Raises BadInput where the endpoint has never answered: then something is wrong with the address or the key.
        """
        jobs = [(question, repeat) for question in questions for repeat in range(self.settings.repeats)]

        def one(job: tuple[Question, int]) -> dict[str, float]:
            return self._once(*job, case, turn)

        if self.workers > 1 and len(jobs) > 1 and self._endpoint:
            with ThreadPoolExecutor(self.workers) as pool:
                said = list(pool.map(one, jobs))
        else:
            said = list(map(one, jobs))
        n = self.settings.repeats
        return [_together(said[k * n : (k + 1) * n]) for k in range(len(questions))]

    def _once(self, question: Question, repeat: int, case: str, turn: int) -> dict[str, float]:
        """The scores of one repeat, from the transcript or the endpoint. Raises Unscored."""
        key = question.key(self.model, self.settings.parameters, repeat)
        held = self._transcript.scores(key)
        if held is not None:
            return held
        if self._endpoint is None or self._transcript.replay:
            problem = self._transcript.problem(key)
            raise Unscored(f"the judge: {problem}" if problem else "the transcript holds no answer to this question")
        code = code_of(key)
        talk, problem = messages(question, code), ""
        about = {
            "key": key, "question": question.key(self.model, self.settings.parameters, -1), "model": self.model,
            "protocol": question.protocol, "parameters": self.settings.parameters, "repeat": repeat, "case": case,
            "turn": turn,
        }  # fmt: skip
        for attempt in range(1, self.settings.asks + 1):
            try:
                reply, form = self._reply(talk, question)
            except Unanswered as error:
                self._silent(about, attempt, str(error))
            told = {**about, "attempt": attempt, "form": form, **_came(reply)}
            try:
                found = answer.scores(reply.said, code, question.axes)
            except answer.Unusable as error:
                problem = str(error)
                self._transcript.add({**told, "scores": None, "problem": problem})
                again = f"Your last answer cannot count: {error.told}. Answer anew, in the form that was asked for."
            else:
                self._transcript.add({**told, "scores": found, "problem": None})
                return found
            talk = [*messages(question, code), {"role": "user", "content": again}]
        raise Unscored(f"the judge: {problem}")

    def _silent(self, about: Mapping[str, Any], attempt: int, problem: str) -> NoReturn:
        """Note that nothing came back. Raises Unscored, or BadInput where nothing ever came."""
        assert self._endpoint is not None
        if not self._answered:
            raise BadInput(f"The judge at {self._endpoint.url} does not answer: {problem}; see to address and network.")
        nothing = {"time": _now(), "form": None, "status": None, "said": None, "scores": None, "problem": problem}
        self._transcript.add({**about, "attempt": attempt, **nothing})
        raise Unscored(problem)

    def _reply(self, talk: Sequence[Mapping[str, Any]], question: Question) -> tuple[Reply, Form]:
        """An answer of status 200 and how it was asked for; goes down the ladder where a form is not known.

        Raises Unanswered, and BadInput for a request that this endpoint never takes.
        """
        assert self._endpoint is not None
        forms, reply = list(self._forms), None
        while forms:
            body = {"model": self.model, "messages": talk, **answer_form(forms[0], question.axes)}
            if self.settings.temperature is not None:
                body["temperature"] = self.settings.temperature
            if self.settings.longest is not None:
                body[self._limit] = self.settings.longest
            reply = post(self._endpoint, body)
            if reply.status == 200:
                with self._lock:
                    self._answered, self._forms = True, self._forms if self._answered else forms
                return reply, forms[0]
            if FILTERED.search(reply.complaint):
                self._answered = True  # it looked, and would not say
                break
            if "max_completion_tokens" in reply.complaint and self._limit == "max_tokens":
                self._limit = "max_completion_tokens"
            elif reply.status in UNKNOWN and len(forms) > 1:
                forms = forms[1:]
            else:
                break
        assert reply is not None
        if self._answered and reply.status not in (401, 403):
            raise Unanswered(f"the judge gave status {reply.status}: {reply.complaint}")
        raise BadInput(
            f"The judge {self.model} at {self._endpoint.url} refuses requests (status {reply.status}: "
            f"{reply.complaint}); see to the address, the model's name, the key and the parameters."
        )


def _came(reply: Reply) -> dict[str, Any]:
    """What a record keeps of a reply."""
    return {
        "time": _now(),
        "seconds": round(reply.seconds, 3),
        "status": reply.status,
        "tries": reply.tries,
        "reported": reply.said.get("model"),
        "fingerprint": reply.said.get("system_fingerprint"),
        "usage": reply.said.get("usage"),
        "reason": answer.reason(reply.said),
        "said": reply.said.get("choices"),
    }


def _together(said: Sequence[Mapping[str, float]]) -> Judgement:
    means = {name: mean(one[name] for one in said) for name in said[0]}
    apart = {name: stdev(one[name] for one in said) for name in said[0]} if len(said) > 1 else {}
    return Judgement(means, apart)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

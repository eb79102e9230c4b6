"""The exam of sessions: held-out rendered sessions, asked turn by turn, judged exactly, until the first failure.

In the shape of MSE-Bench (VINCIE, arXiv 2506.10941): a turn counts as a success only if all turns before it were. Its
sessions are drawn from fixed seeds, and `digest` names the whole of it; it stands beside every figure.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from refrain.data.sessions import RenderedSession, RenderedTurn, draw_session
from refrain.errors import BadInput, RefrainError
from refrain.evaluation.frames import as_bytes
from refrain.evaluation.sessions import judge as session_judge
from refrain.evaluation.sessions.judge import judge, stayed, way
from refrain.evaluation.shade import shade
from refrain.evaluation.statistics import estimate, mean_of, wilson

if TYPE_CHECKING:
    from refrain.editing.editor import Editor
    from refrain.media import Clip

EDITION = 1
FIRST = 900_000_000  # seed of the first session of the exam
PRACTICE = 890_000_000  # of the first by which settings are chosen; what trains must draw below this
SIZE, LENGTH = (128, 128), 1  # of a picture; clips are asked for
FPS = 12

Masks = tuple[np.ndarray | None, np.ndarray | None]
"""Where a model says that it edits, and what that will cover: float [T, Y, X] in 0..1, None where it says nothing."""


@dataclass(frozen=True)
class Reply:
    """What came of one turn: frames uint8 [T, Y, X, 3], and masks where they were predicted."""

    frames: np.ndarray
    masks: Masks = (None, None)


Ask = Callable[[RenderedTurn], Reply]  # answers the turns of one session, in their order
Begin = Callable[[RenderedSession], Ask]


@dataclass(frozen=True)
class Judged:
    """One turn and what the judge found; NaN where there is nothing to measure.

    rest: PSNR against the picture before the turn; whole: against the source, where no turn changed anything so far.
    now, then: IoU of the predicted masks. refused: why the model gave no answer. way: of the way from the true picture
    before to the true answer, how much was gone (`judge.way`).
    """

    turn: int
    kind: str
    instruction: str
    done: bool
    kept: bool
    seen_as: str
    residue: float = nan
    rest: float = nan
    drift: float = nan
    whole: float = nan
    now: float = nan
    then: float = nan
    refused: str = ""
    way: float = nan

    @property
    def right(self) -> bool:
        """Whether the turn succeeded."""
        return self.done and self.kept


def sessions(
    each: int, turns: int, size: tuple[int, int] = SIZE, length: int = LENGTH, first: int = FIRST
) -> Iterator[RenderedSession]:
    """`each` sessions, those of the exam unless another seed is `first`."""
    for seed in range(first, first + each):
        yield draw_session(seed, turns, size, length)


def practice(number: int, each: int) -> int:
    """The seed of the `number`-th practice session, to choose settings by. Raises BadInput where `each` reach too far.

    A setting that was chosen on the exam's own questions would make its figures look better than they are.
    """
    first = PRACTICE + number
    if number < 0 or first + each > FIRST:
        raise BadInput(f"There are practice sessions 0 to {FIRST - PRACTICE - 1:,}; {each} from {number} are not.")
    return first


def digest(questions: Iterable[RenderedSession]) -> str:
    """A hash of questions, true answers and the judge's thresholds: sixteen hexadecimal digits, alike on all machines.

    Scene graphs and words count to the letter, pictures by their `shade`.
    """
    rules = (session_judge.NEARER, session_judge.RESIDUE, session_judge.REST, session_judge.DRIFT)
    total = hashlib.sha256(f"{EDITION} {session_judge.EDITION} {rules}".encode())
    for one in questions:
        total.update(f"{one.seed} {one.source.size} {one.source.length} {one.source.graph}".encode())
        total.update(shade(one.frames))
        for turn in one.turns:
            total.update(f"{turn.instruction} {turn.after.graph}".encode() + shade(turn.frames))
    return total.hexdigest()[:16]


def sit(begin: Begin, session: RenderedSession, through: bool = False) -> list[Judged]:
    """Ask one session turn by turn and judge; stop at the first failure, unless it is asked `through` to the end."""
    found: list[Judged] = []
    ask, previous = begin(session), session.frames
    untouched = np.ones(session.frames.shape[:3], bool)
    for number, turn in enumerate(session.turns, 1):
        try:
            reply = ask(turn)
        except RefrainError as error:
            found.append(Judged(number, turn.kind, turn.instruction, False, False, "(refused)", refused=str(error)))
            break
        untouched &= ~turn.changed
        verdict = judge(reply.frames, previous, turn)
        found.append(
            Judged(
                number, turn.kind, turn.instruction, verdict.done, verdict.kept, verdict.seen_as, verdict.residue,
                verdict.rest, verdict.drift, stayed(reply.frames, session.frames, untouched)[0],
                overlap(reply.masks[0], turn.mask_now), overlap(reply.masks[1], turn.mask_next),
                way=way(reply.frames, turn.frames, turn.before.frames, turn.changed),
            )
        )  # fmt: skip
        previous = reply.frames
        if not (verdict.right or through):
            break
    return found


def overlap(predicted: np.ndarray | None, true: np.ndarray) -> float:
    """Intersection over union of two masks [T, Y, X] in 0..1, cut at one half; 1 where both are empty; NaN for None."""
    if predicted is None:
        return nan
    one, other = predicted > 0.5, true > 0.5
    union = float((one | other).sum())
    return 1.0 if union == 0 else float((one & other).sum()) / union


# -- who answers -------------------------------------------------------------------------------------------------------


def truth(session: RenderedSession) -> Ask:
    """Answers with the true target and the true masks: what the judge makes of a perfect model."""
    return lambda turn: Reply(turn.frames, (turn.mask_now, turn.mask_next))


def unchanged(session: RenderedSession) -> Ask:
    """Answers every turn with the source."""
    return lambda turn: Reply(session.frames)


def in_session(editor: "Editor", folder: Path, choices: dict[str, Any]) -> Begin:
    """Answers of a model in a `Session`, kept in folders of their own in `folder`. choices: as of `Session.ask`."""
    from refrain.editing.chain import picture
    from refrain.editing.session.session import Session

    def begin(session: RenderedSession) -> Ask:
        held = Session.create(folder / str(session.seed), clip_of(session), editor, min(session.source.size))

        def ask(turn: RenderedTurn) -> Reply:
            made = held.ask(turn.instruction, **choices)
            drawn = made.state().masks
            here, there = (
                picture(drawn[task].to(editor.device), editor)[:, 0].numpy() if task in drawn else None
                for task in ("here", "there")
            )
            return Reply(as_bytes(made.clip.frames), (here, there))

        return ask

    return begin


def alone(editor: "Editor", choices: dict[str, Any]) -> Begin:
    """Answers of a model that knows only the last answer, and whose own picture counts: nothing is put back."""
    from refrain.editing.request import Edit

    def begin(session: RenderedSession) -> Ask:
        clip = clip_of(session)

        def ask(turn: RenderedTurn) -> Reply:
            nonlocal clip
            edit = Edit(turn.instruction, clip, short_side=min(session.source.size), preserve=False, **choices)
            clip = editor.edit(edit).clip
            return Reply(as_bytes(clip.frames))

        return ask

    return begin


def clip_of(session: RenderedSession) -> "Clip":
    """The source as a picture, or as a clip, whose planes are its own RGB."""
    return picture_of(session.frames)


def picture_of(frames: np.ndarray) -> "Clip":
    """Frames uint8 [T, Y, X, 3] as a clip, or one as a picture, whose planes are their own RGB."""
    import torch

    from refrain.media import Clip
    from refrain.media.format import PixelFormat

    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1  # [T, 3, Y, X]
    clip = Clip.of(pixels, FPS, PixelFormat.named("gbrp", "rgb", True))
    return replace(clip, still=len(frames) == 1)


# -- what is told ------------------------------------------------------------------------------------------------------


_NONE = "– | – | – | –"


def report(answers: Sequence[Sequence[Judged]], turns: int) -> str:
    """Markdown: cumulative success and graded figures by turn and by kind of turn, of sessions of `turns` turns.

    Raises BadInput where there are no answers.
    """
    if not answers:
        raise BadInput("No session was asked; ask one or more.")
    lines = [
        "| turn | sessions | success so far | 95 % | asked | way | 95 % | rest dB | whole dB | IoU now | IoU then |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for number in range(1, turns + 1):
        right = sum(reached(one, number) for one in answers)
        low, high = wilson(right, len(answers))
        asked = [turn for one in answers for turn in one if turn.turn == number]
        cells = " | ".join(_mean(values) for values in zip(*((t.rest, t.whole, t.now, t.then) for t in asked)))
        share = f"{right / len(answers):.3f} | {low:.3f} to {high:.3f} | {len(asked)}"
        lines.append(f"| {number} | {len(answers)} | {share} | {_way(answers, turn=number)} | {cells or _NONE} |")
    lines += ["", "| kind | asked | right | done | kept | way | 95 % | taken for |", f"|{' --- |' * 8}"]
    every = [turn for one in answers for turn in one]
    for kind in sorted({turn.kind for turn in every}):
        of_kind = [turn for turn in every if turn.kind == kind]
        lines.append(f"| {kind} | {_kind(of_kind)} | {_way(answers, kind=kind)} | {_taken(of_kind)} |")
    lines.append(f"| all | {_kind(every)} | {_way(answers)} | {_taken(every)} |")
    refused = sorted({turn.refused for turn in every if turn.refused})
    return "\n".join([*lines, *(f"\nrefused: {why}" for why in refused[:5])])


def reached(session: Sequence[Judged], turn: int) -> bool:
    """Whether this turn and all before it succeeded."""
    return len(session) >= turn and all(one.right for one in session[:turn])


def _kind(turns: Sequence[Judged]) -> str:
    shares = (np.mean([getattr(turn, name) for turn in turns]) for name in ("right", "done", "kept"))
    return " | ".join([str(len(turns)), *(f"{share:.2f}" for share in shares)])


def _taken(turns: Sequence[Judged]) -> str:
    """What wrong answers are most often like."""
    wrong = [turn.seen_as for turn in turns if turn.seen_as != "done"]
    return ", ".join(sorted(set(wrong), key=lambda name: (-wrong.count(name), name))[:3])


def _way(answers: Sequence[Sequence[Judged]], **facts: object) -> str:
    """The mean way of the turns of which these facts are true."""
    those = [
        (turn.way, str(number))
        for number, one in enumerate(answers)
        for turn in one
        if all(getattr(turn, name) == value for name, value in facts.items())
    ]
    return way_told([way for way, _ in those], [session for _, session in those])


def way_told(ways: Sequence[float], sessions: Sequence[str]) -> str:
    """Two cells of a table: the mean of ways, and its 95 % interval, which draws whole sessions.

    A picture that is farther off than -1 counts as -1, so that a few that are ruined do not hide all the others.
    """
    found = estimate([max(way, -1.0) if way == way else nan for way in ways], sessions)
    told = "–" if found.mean != found.mean else f"{found.mean:.3f}"
    return f"{told} | " + ("–" if found.low != found.low else f"{found.low:.3f} to {found.high:.3f}")


def _mean(values: Sequence[float]) -> str:
    mean, half, n = mean_of(min(value, 100.0) for value in values)
    return "–" if n == 0 else f"{mean:.2f}" + (f" ± {half:.2f}" if isfinite(half) else "")

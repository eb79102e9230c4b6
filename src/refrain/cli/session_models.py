"""Which model a turn of a session is asked of, and whether it can answer; told before any weights are read."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from refrain.cli.options import Number, dtype_of

if TYPE_CHECKING:
    from refrain.attention import Spec
    from refrain.editing.editor import Editor
    from refrain.editing.session.session import Session
    from refrain.editing.session.turn import Turn
    from refrain.models.outline import Outline


@dataclass(frozen=True)
class Asked:
    """The turn that is edited, the model that is asked, its outline, and what is to be said of that."""

    parent: "Turn"
    model: str
    outline: "Outline"
    notes: tuple[str, ...] = ()


def able(
    folder: Path, instruction: str, at: int | None, model: str | None, effects: bool = False, references: bool = False
) -> Asked:
    """Who is asked; refuses, before weights are read, what its card cannot do.

    Where no model is named it is the session's own. A session that began with the small model of turns asks the small
    model of effects what that one alone understands; who began with the latter is told who else would understand.
    """
    from refrain.editing.compose import require_references
    from refrain.editing.request import check_words, require_understood, understood
    from refrain.models.outline import INSIDE, Outline

    check_words(instruction)
    session, notes = opened(folder), tuple[str, ...]()
    parent = session.here if at is None else session.turn(at)
    name = model or model_of(session)
    outline, default = Outline.of(name), next(iter(INSIDE))

    def understands(one: Outline) -> bool:
        return understood(instruction, one.card, one.vocabulary)

    if model is None and name in INSIDE and not effects and not understands(outline):
        other = Outline.of(default)
        if understands(other):
            notes = (f'{name} does not understand "{instruction}"; asked of {default}, which does',)
            name, outline = default, other
    if not effects:
        require_understood(instruction, outline.card, outline.vocabulary)
    if references:
        require_references(outline.card)
    return Asked(parent, name, outline, notes)


def opened(folder: Path) -> "Session":
    """The session, which can do everything but ask."""
    from refrain.editing.session.session import Session

    return Session.open(folder)


def with_model(
    folder: Path, model: str, anew: bool, spec: "Spec", device: str, dtype: Number | None, offload: bool = False
) -> "Session":
    """The session with an editor."""
    from refrain.editing.session.session import Session

    return Session.open(folder, editor_of(model, spec, device, dtype, offload), anew)


def editor_of(
    name: str, spec: "Spec | None", device: str, dtype: Number | None, offload: bool = False
) -> "Editor":  # fmt: skip
    """A model, loaded."""
    from refrain.attention import Dense
    from refrain.editing.editor import Editor

    return Editor.from_pretrained(name, spec or Dense(), device, dtype_of(dtype), offload)


def model_of(session: "Session") -> str:
    """The model that a session began with."""
    return session.turns[0].record["editor"]["model"]

"""Rendered sessions: textured objects before a background, edited turn after turn, with exact answers and masks."""

from refrain.data.sessions.composition import Composition, composed_words, draw_composition
from refrain.data.sessions.session import RenderedSession, RenderedTurn, State, draw_session, shown
from refrain.data.sessions.wording import known_words, naming_words

__all__ = [
    "Composition",
    "RenderedSession",
    "RenderedTurn",
    "State",
    "composed_words",
    "draw_composition",
    "draw_session",
    "known_words",
    "naming_words",
    "shown",
]

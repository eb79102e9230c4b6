"""The room of data: rendered scenes, exact effects on them, and the words that ask for them."""

from refrain.data.example import Example, draw_edit
from refrain.data.scenes import Scene, render_scene
from refrain.data.words import KNOWN, understands, vocabulary, words_of

__all__ = ["KNOWN", "Example", "Scene", "draw_edit", "render_scene", "understands", "vocabulary", "words_of"]

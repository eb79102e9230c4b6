"""Sets of pairs made by this program: plates (rendered scenes or stretches of clips), and effects laid on them."""

from .asked import Asked
from .run import build

__all__ = ["Asked", "build"]

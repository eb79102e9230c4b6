"""Reading and writing real clips exactly: planes, times and sound as the file has them.

Names are fetched when first asked for: the child process that decodes imports this package and must not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clip import Clip
    from .format import PixelFormat, Tags
    from .limits import Limits
    from .output import check_output
    from .sound import Sound

__all__ = ["Clip", "Limits", "PixelFormat", "Sound", "Tags", "check_output"]

_FILES = {
    "Clip": "clip",
    "Limits": "limits",
    "PixelFormat": "format",
    "Sound": "sound",
    "Tags": "format",
    "check_output": "output",
}


def __getattr__(name: str) -> object:
    if name not in _FILES:
        raise AttributeError(f"module 'refrain.media' has no attribute {name!r}")
    return getattr(import_module(f".{_FILES[name]}", __name__), name)

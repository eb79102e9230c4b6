"""Refrain: change what was asked, refrain from the rest.

The public names, sorted; each is fetched from its home when it is first asked for, so that `import refrain` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from refrain.attention.spec import Dense, Flex, Isa
    from refrain.editing.editor import Editor
    from refrain.editing.request import Edit
    from refrain.editing.session.session import Session
    from refrain.errors import BadInput, BadWeights, RefrainError, Unsupported
    from refrain.media import Clip
    from refrain.models.install import install, uninstall

__version__ = "0.1.0"

__all__ = [
    "BadInput",
    "BadWeights",
    "Clip",
    "Dense",
    "Edit",
    "Editor",
    "Flex",
    "Isa",
    "RefrainError",
    "Session",
    "Unsupported",
    "install",
    "uninstall",
]

_HOMES = {
    "BadInput": "refrain.errors",
    "BadWeights": "refrain.errors",
    "Clip": "refrain.media",
    "Dense": "refrain.attention.spec",
    "Edit": "refrain.editing.request",
    "Editor": "refrain.editing.editor",
    "Flex": "refrain.attention.spec",
    "Isa": "refrain.attention.spec",
    "RefrainError": "refrain.errors",
    "Session": "refrain.editing.session.session",
    "Unsupported": "refrain.errors",
    "install": "refrain.models.install",
    "uninstall": "refrain.models.install",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'refrain' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

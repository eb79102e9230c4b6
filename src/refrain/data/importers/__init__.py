"""Other projects' forms of paired data, each read into `Pair`s, and tar shards, which are written too."""

from .recognised import open_any

__all__ = ["open_any"]

"""LoRAs of a Wan transformer: attach, merge, detach; read, write, export; wear some for the length of an edit.

peft owns the parameters, so that files, merging and other tools find what they expect; the walk through the blocks
(`models.wan.touch`) decides which tokens they touch.
"""

from .adapter import FEED_FORWARD, TARGETS, attach, bare, detach, merge
from .card import LoraCard
from .file import Lora, base_of, export, outline, read, save
from .shipped import shipped
from .wear import Worn, check_base, load, worn

__all__ = [
    "FEED_FORWARD",
    "TARGETS",
    "Lora",
    "LoraCard",
    "Worn",
    "attach",
    "bare",
    "base_of",
    "check_base",
    "detach",
    "export",
    "load",
    "merge",
    "outline",
    "read",
    "save",
    "shipped",
    "worn",
]

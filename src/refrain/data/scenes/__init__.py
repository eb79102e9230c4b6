"""Rendered scenes: moving pictures made from nothing, with the statistics of real video."""

from refrain.data.scenes.scene import Scene, render_scene

__all__ = ["Scene", "render_scene"]

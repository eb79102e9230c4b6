"""`refrain sample`: a clip of our own to try things on, rendered from a seed."""

from typing import TYPE_CHECKING, Annotated

import typer

from refrain.cli.options import Debug, Quiet, Seed, two_sides
from refrain.cli.progress import say
from refrain.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

FPS = 12


def sample(
    out: Annotated[str, typer.Option("-o", "--out", metavar="OUT", help="Where to write it.")] = "sample.mp4",
    seed: Seed = 3,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height.")] = "480x320",
    frames: Annotated[int, typer.Option(metavar="N", help="How many.")] = 33,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Render a sample clip: a painted place, things that move in it, a camera that looks at both.

    Examples:

      refrain sample -o clip.mp4

      refrain sample -o wide.mp4 --seed 7 --size 640x360 --frames 49
    """
    from refrain.data.scenes import render_scene
    from refrain.media import Clip, check_output

    check_output(out)
    if not 1 <= frames <= 2000:
        raise BadInput(f"--frames must be 1 to 2000, not {frames}.")
    if seed < 0:
        raise BadInput(f"The seed must be 0 or more, not {seed}.")
    clip = Clip.of(from_bytes(render_scene(seed, frames, two_sides(size)).frames), FPS)
    clip.write(out)
    say(f"wrote {out}", quiet)


def from_bytes(frames: "np.ndarray") -> "Tensor":
    """uint8 [T, Y, X, 3] -> [T, 3, Y, X] float32 in [-1, 1]."""
    import torch

    return torch.from_numpy(frames).permute(0, 3, 1, 2).float().div(127.5).sub(1)

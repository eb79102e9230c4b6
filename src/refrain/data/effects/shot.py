"""What an effect is laid on: a clip, or a window of one."""

from dataclasses import dataclass

import numpy as np

from refrain.errors import BadInput

BEAT = 24.0  # speeds of effects are written down for so many frames a second


@dataclass(frozen=True)
class Shot:
    """Frames of a clip, and what is known of them.

    frames:  uint8 [T, Y, X, 3], RGB.
    subject: float32 [T, Y, X] in 0..1, how much of every pixel the subject covers; None where nobody said.
    behind:  uint8 [T, Y, X, 3], the same clip without the subject, where that is known (rendered scenes know it).
    first:   number of the first of these frames in its clip.
    fps:     frames a second.
    """

    frames: np.ndarray
    subject: np.ndarray | None = None
    first: int = 0
    fps: float = BEAT
    behind: np.ndarray | None = None

    def now(self, i: int) -> float:
        """When frame i of the window is shown, in 24ths of a second since the clip began."""
        return (self.first + i) * BEAT / self.fps

    def mask(self, i: int) -> np.ndarray:
        """The subject's share of every pixel in frame i: float32 [Y, X]. Raises BadInput where nobody said."""
        if self.subject is None:
            raise BadInput("This effect needs to know the subject; give its mask.")
        return self.subject[i]

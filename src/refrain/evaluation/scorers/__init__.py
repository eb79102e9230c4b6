"""All scorers: those that need no weights (`SCORERS`: numpy and OpenCV only), and sets that load some (`SETS`).

A set has a name, by which `--scorers` asks for it, and a function that loads its weights and gives its scorers; it is
called only when asked for. To add one, write its file here and name it in `SETS`. A scorer's id names its protocol
after a slash, `strict` or `compat`, or the published one that it follows; one with weights names them in its id as
well, for scores are kept under it.
"""

from collections.abc import Callable, Mapping, Sequence

from . import change, form, motion, pixels, ssim, steadiness
from .scorer import Scorer

SCORERS = (
    pixels.TARGET, ssim.TARGET, ssim.MULTI, change.MATTE, change.PLACE, change.INSIDE, pixels.BACKGROUND,
    pixels.BACKGROUND_COMPAT, ssim.BACKGROUND, ssim.BACKGROUND_COMPAT, motion.SOURCE, motion.OWN, motion.RELATIVE,
    steadiness.CHANGE, steadiness.PUBLISHED, steadiness.LUMA, steadiness.DRIFT, steadiness.WANDER, change.IDLE,
    form.SIZE, form.LENGTH, form.SPEED, form.DURATION, pixels.SOURCE, ssim.SOURCE,
)  # fmt: skip
SETS: Mapping[str, Callable[[], Sequence[Scorer]]] = {}

__all__ = ["SCORERS", "SETS"]

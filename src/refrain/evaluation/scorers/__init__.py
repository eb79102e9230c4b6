"""Scorers that need no weights: numpy and OpenCV only."""

from . import change, form, motion, pixels, ssim, steadiness

SCORERS = (
    pixels.TARGET, ssim.TARGET, ssim.MULTI, change.MATTE, change.PLACE, change.INSIDE, pixels.BACKGROUND,
    pixels.BACKGROUND_COMPAT, ssim.BACKGROUND, ssim.BACKGROUND_COMPAT, motion.SOURCE, motion.OWN, motion.RELATIVE,
    steadiness.CHANGE, steadiness.PUBLISHED, steadiness.LUMA, steadiness.DRIFT, steadiness.WANDER, change.IDLE,
    form.SIZE, form.LENGTH, form.SPEED, form.DURATION, pixels.SOURCE, ssim.SOURCE,
)  # fmt: skip

__all__ = ["SCORERS"]

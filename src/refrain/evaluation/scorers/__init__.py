"""The scorers that need no weights but those that come with us are listed here, and `--scorers` knows them by name.

Those that need more are made by functions, each in its file, of what the user gives: `refrain.cli.measures` lists them.
A scorer's id names its protocol after a slash, `strict` or `compat`, or the published one that it follows; one with
weights or a judge names those in its id as well, for scores are kept under it.
"""

from . import change, effect, form, motion, pixels, ssim, steadiness

SCORERS = (
    pixels.TARGET, ssim.TARGET, ssim.MULTI, effect.NAMED, change.MATTE, change.PLACE, change.INSIDE, pixels.BACKGROUND,
    pixels.BACKGROUND_COMPAT, ssim.BACKGROUND, ssim.BACKGROUND_COMPAT, motion.SOURCE, motion.OWN, motion.RELATIVE,
    steadiness.CHANGE, steadiness.PUBLISHED, steadiness.LUMA, steadiness.DRIFT, steadiness.WANDER, change.IDLE,
    form.SIZE, form.LENGTH, form.SPEED, form.DURATION, pixels.SOURCE, ssim.SOURCE,
)  # fmt: skip

__all__ = ["SCORERS"]

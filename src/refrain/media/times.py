"""Presentation times: what a file says, made to increase, without moving what was right."""

from fractions import Fraction
from math import lcm


def moment(seconds: float) -> Fraction:
    """A time that was typed, to a microsecond: 0.1 is a tenth, and not the float nearest to it."""
    return Fraction(round(seconds * 1_000_000), 1_000_000)


def repaired(said: list[Fraction | None], step: Fraction) -> tuple[list[Fraction], int]:
    """Times that increase strictly, and how many had to be mended.

    said: one for every frame, in the order shown; None where the file is silent. step: the usual length of a frame.
    A time that is missing or not above the one before is put between its good neighbours, evenly; after the last good
    one, frames follow at `step`.
    """
    good: list[int] = []
    for n, time in enumerate(said):
        if time is not None and (not good or time > _at(said, good[-1])):
            good.append(n)
    if not good:
        return [n * step for n in range(len(said))], len(said)
    times = [_at(said, good[0]) - (good[0] - n) * step for n in range(good[0])]
    for this, after in zip(good, [*good[1:], len(said)]):
        begin = _at(said, this)
        gap = (_at(said, after) - begin) / (after - this) if after < len(said) else step
        times += [begin + k * gap for k in range(after - this)]
    return times, len(said) - len(good)


def snapped(times: list[Fraction], rate: Fraction, ticks: int) -> list[Fraction]:
    """Times that a coarse clock of `ticks` a second rounded away from an even rate, put back; others as they are."""
    even = [times[0] + n / rate for n in range(len(times))]
    return even if all(abs(a - b) <= Fraction(1, ticks) for a, b in zip(times, even)) else times


def _at(said: list[Fraction | None], n: int) -> Fraction:
    time = said[n]
    assert time is not None
    return time


def are_even(times: tuple[Fraction, ...], end: Fraction) -> bool:
    """Whether all frames, the last included, last equally long."""
    marks = [*times, end]
    return len({b - a for a, b in zip(marks, marks[1:])}) == 1


def clock(times: tuple[Fraction, ...], end: Fraction, most: int = 2**31 - 1) -> int | None:
    """The fewest ticks a second that hold every time exactly; None when that is more than `most`."""
    ticks = lcm(*(time.denominator for time in (*times, end)))
    return ticks if ticks <= most else None

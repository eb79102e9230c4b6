"""Published benchmarks: each file says how to obtain one, how it becomes cases, and how its scores are put together."""

from . import (
    editverse,
    fivebench,
    gedit,
    iceffect,
    imgedit,
    ivebench,
    loveu,
    magicbrush,
    msebench,
    openve,
    rendered,
    vbench,
    viebench,
)

BENCHMARKS = tuple(
    each.BENCHMARK
    for each in (
        editverse, ivebench, viebench, msebench, magicbrush, openve, fivebench, imgedit, gedit, loveu, vbench, iceffect,
        rendered,
    )
)  # fmt: skip

__all__ = ["BENCHMARKS"]

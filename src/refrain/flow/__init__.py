"""Flow matching: the path between noise and clean latents, and the ways to walk it.

`path` names the three quantities and turns one into another, `schedule` says which noise times are visited,
`solve` integrates a velocity over them, `guide` mixes the velocity with and without the words.
Everything here is a pure function of tensors; `t` is noise time, 0 clean and 1 noise.
"""

from refrain.flow.guide import guided
from refrain.flow.path import clean_from_velocity, noised, velocity_from_clean, velocity_target
from refrain.flow.schedule import draw_times, shifted, times, told_in_thousandths, wan_times
from refrain.flow.solve import SOLVERS, OnStep, Solver, Velocity, euler, heun, unipc

__all__ = [
    "SOLVERS",
    "OnStep",
    "Solver",
    "Velocity",
    "clean_from_velocity",
    "draw_times",
    "euler",
    "guided",
    "heun",
    "noised",
    "shifted",
    "times",
    "told_in_thousandths",
    "unipc",
    "velocity_from_clean",
    "velocity_target",
    "wan_times",
]

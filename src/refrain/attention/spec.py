"""The choice of attention: one small frozen record each, passed by the caller, never guessed."""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from refrain.errors import BadInput

from .tiles import Cut, checked

Routing = Literal["budget", "threshold", "sharpness"]
Kernel = Literal["auto", "reference", "gather", "flex", "triton"]


@dataclass(frozen=True)
class Dense:
    """Exact attention: one unmasked call for each group of segments that see the same segments."""

    def at(self, layer: int, t: float) -> "Dense":
        """The choice for one layer at noise time t: always this."""
        return self


@dataclass(frozen=True)
class Flex:
    """Exact attention in one compiled call of torch's `flex_attention`, which skips tiles that nobody sees.

    tile: as in `Isa`.
    """

    tile: Cut = None

    def __post_init__(self) -> None:
        checked(self.tile)

    def at(self, layer: int, t: float) -> "Flex":
        """The choice for one layer at noise time t: always this."""
        return self


@dataclass(frozen=True)
class Isa:
    """In-context sparse attention: for every tile of queries some tiles of keys are exact, the rest are their means.

    After LIVEditor (arXiv 2605.04569, Algorithm 1) and PISA (arXiv 2602.01077). A tile that is not exact enters the
    same softmax as one key, its mean, with weight log(length), and brings its mean value.

    keep:          the share of the visible key tiles that are exact, in each row of tiles: one number, or (target,
                   context) apart. Own, aligned and neighbouring tiles count, in this order; at least one tile,
                   unless 0.
    tile:          a box (t, y, x) of at most 64 tokens; a run of so many in raster order, as LIVEditor's code has it;
                   None takes the plan's, and where that has none the best box of each segment.
    order:         0: the rest is its means. 1: also a first-order term, one matrix per head and segment (after PISA).
    neighbours:    a tile itself and the up to 26 around it are exact first, whatever their mass. Off: on the heads
                   of a trained model the ranking by mass does better with the same budget (docs/calibrate.md).
    aligned:       the tile at the same place of each source, mask and answer is exact before others (heads that copy).
    routing:       who is exact: `budget`, the best by pooled mass, equally many a row; `threshold`, as few as hold
                   `mass` of it, at most `keep`; `sharpness`, LIVEditor's: the sharpest `dense_share` of the query tiles
                   see all, the rest has the budget.
    mass:          the share of pooled mass that `threshold` wants exact.
    dense_share:   LIVEditor's alpha_f: the share of query tiles that see every tile exactly, under `sharpness`.
    context:       LIVEditor's alpha_s: the share of context tiles (at least one) that a head pre-selects: under `full`
                   by the scores of the target's queries, else each segment by its own. Words are always selected.
    drop_context:  context tiles that were not pre-selected are not even means, they are gone (LIVEditor).
    dense_layers:  so many first layers are dense (Radial and Sol-Attn advise two).
    dense_time:    dense at noise times above this, where the layout is settled; clean tokens stand at time 0.
    coarse_gate:   `attend` takes a gate and adds gate * (coarse attention over tile means), LIVEditor's learned term.
    budgets:       `keep` for each layer and head instead, as `refrain calibrate` measures it.
    kernel:        `reference` (float64, slow), `gather` (PyTorch, any device, gradients), `flex` (compiled, no
                   gradients, order 0), `triton` (CUDA, heads of 64 or 128, gradients). `auto` takes `gather` on a CPU:
                   `flex` is faster there in float32, but slower in bfloat16, and is compiled for every new shape, five
                   to ten seconds of one core each. On CUDA `auto` takes `triton` where that is installed and fits,
                   else `flex` where that can be built and does what is asked, else `gather`.
    """

    keep: float | tuple[float, float] = 1 / 8
    tile: Cut = None
    order: Literal[0, 1] = 0
    neighbours: bool = False
    aligned: bool = True
    routing: Routing = "budget"
    mass: float = 0.95
    dense_share: float = 0.0
    context: float = 1.0
    drop_context: bool = False
    dense_layers: int = 0
    dense_time: float = 1.0
    coarse_gate: bool = False
    budgets: tuple[tuple[float, ...], ...] = ()
    kernel: Kernel = "auto"

    def __post_init__(self) -> None:
        checked(self.tile)
        keep = self.keep if isinstance(self.keep, tuple) else (self.keep,)
        if isinstance(self.keep, tuple) and len(keep) != 2:
            raise BadInput(f"keep is one share, or two: (target, context); not {self.keep}.")
        named = {"keep": keep, "mass": (self.mass,), "dense_share": (self.dense_share,)}
        for name, shares in (named | {"context": (self.context,), "dense_time": (self.dense_time,)}).items():
            if not all(map(_is_share, shares)):
                raise BadInput(f"{name} is a share of 0 to 1, not {getattr(self, name)}.")
        if not all(_is_share(share) for layer in self.budgets for share in layer):
            raise BadInput("budgets are shares of 0 to 1, for each layer and head.")
        if len({len(layer) for layer in self.budgets}) > 1 or () in self.budgets:
            raise BadInput("budgets hold one share for each head, equally many in every layer.")
        if self.order not in (0, 1):
            raise BadInput(f"order is 0 or 1, not {self.order}.")
        if self.dense_layers < 0:
            raise BadInput(f"dense_layers is a number of layers, 0 or more, not {self.dense_layers}.")
        if self.routing not in get_args(Routing):
            raise BadInput(f"routing is budget, threshold or sharpness, not {self.routing!r}.")
        if self.kernel not in get_args(Kernel):
            raise BadInput(f"kernel is auto, reference, gather, flex or triton, not {self.kernel!r}.")
        self._check_that_all_counts()

    def _check_that_all_counts(self) -> None:
        """Refuse what would be said in vain, or says two things at once."""
        if self.dense_share and self.routing != "sharpness":
            raise BadInput("dense_share belongs to the routing `sharpness`.")
        if self.mass != Isa.mass and self.routing != "threshold":
            raise BadInput("mass belongs to the routing `threshold`.")
        if self.budgets and self.keep != Isa.keep:
            raise BadInput("Give keep, or budgets for each layer and head instead; not both.")
        if self.drop_context and self.context == 1:
            raise BadInput("Nothing is dropped of a context that is selected whole: give `context`, a share below 1.")

    @staticmethod
    def published(coarse_gate: bool = False) -> "Isa":
        """LIVEditor's: alpha_s 1/8, alpha_f 1/2, alpha_ns 1/16, blocks of 64 (arXiv 2605.04569, Algorithm 1)."""
        return Isa(
            keep=1 / 16, tile=64, neighbours=False, aligned=False, routing="sharpness", dense_share=1 / 2,
            context=1 / 8, drop_context=True, coarse_gate=coarse_gate,
        )  # fmt: skip

    def at(self, layer: int, t: float) -> "Isa | Dense":
        """The choice for one layer at noise time t."""
        if layer < self.dense_layers or t > self.dense_time:
            return Dense()
        if not self.budgets:
            return self
        if layer >= len(self.budgets):
            raise BadInput(f"The budgets are for {len(self.budgets)} layers; layer {layer} has none.")
        return replace(self, budgets=(self.budgets[layer],))


def _is_share(x: float) -> bool:
    return math.isfinite(x) and 0 <= x <= 1


Spec = Dense | Flex | Isa

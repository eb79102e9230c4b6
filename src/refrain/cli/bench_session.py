"""What memory buys a session: turn after turn on one picture, with memory and without, and how far the answers differ.

Only the denoising of a turn is timed: reading, decoding and putting the source back cost the same in every turn.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refrain.attention import Dense
from refrain.editing.compose import Seen
from refrain.editing.solve import Solver
from refrain.editing.turns import Line, Question
from refrain.editing.walk import Walk
from refrain.errors import BadInput, Unsupported
from refrain.models import load
from refrain.models.embedded.new import LONGEST, new_transformer
from refrain.models.outline import EMBEDDED
from refrain.models.protocols import Card
from refrain.models.wan.denoiser import Expert, WanDenoiser

CHANNELS, PIXELS, TEXT, SAID = 48, 8, 192, "keep it as it is"


@dataclass(frozen=True)
class Course:
    """What is timed: so many turns at a size (rows, columns) in pixels.

    model: its name; None: a network of random numbers, of `width` and `layers`, in the embedded model's row.
    coarse: earlier pictures stand at half height and width alone; else at full size. steps: None: the model's own.
    """

    size: tuple[int, int]
    turns: int = 10
    steps: int | None = None
    model: str | None = None
    width: int = 256
    layers: int = 6
    coarse: bool = False
    device: str = "cpu"


@dataclass(frozen=True)
class Figure:
    """One turn. tokens: of its whole row. with_, without: the least seconds by the clock and of the processor, with
    memory and without (None: not measured); apart: the largest difference of the two answers.
    """

    turn: int
    tokens: int
    with_: tuple[float, float]
    without: tuple[float, float] | None
    apart: float | None


@dataclass(frozen=True, eq=False)
class Asker:
    """A denoiser with the states of some words, and of none, and the shape of a picture's latents."""

    denoiser: WanDenoiser
    card: Card
    words: Tensor
    unasked: Tensor
    shape: tuple[int, ...]
    walk: Walk

    def seen(self, full: Tensor) -> Seen:
        """A picture as later turns see it; the mean of its latents stands for what its half size would be coded as."""
        halved = self.card.coarse != (1, 1, 1)
        return Seen(full, F.avg_pool3d(full, self.card.coarse) if halved else None)


@torch.no_grad()
def measure(course: Course, repeats: int, without: bool, tell: Callable[[str], None]) -> list[Figure]:
    """All turns, `repeats` times over: first with memory, then the same rows without."""
    asker = asker_of(course)
    best: dict[tuple[int, bool], tuple[float, float]] = {}
    answers: dict[tuple[int, bool], Tensor] = {}
    questions: list[Question] = []
    for round_ in range(1, repeats + 1):
        asker.denoiser.forget()
        questions, line = [], None
        stood = asker.seen(torch.randn(asker.shape, generator=torch.Generator().manual_seed(0)).to(course.device))
        line = Line.begin(stood, asker.card)
        for turn in range(1, course.turns + 1):
            tell(f"turn {turn} with memory, round {round_} of {repeats}")
            questions.append(line.ask(asker.words, "picture", stood.full))
            answers[turn, True], spent = timed(asker, questions[-1], stood.full, memory=True)
            best[turn, True] = least(best.get((turn, True)), spent)
            stood = asker.seen(answers[turn, True])
            line = questions[-1].answered(stood)
        for turn in range(1, course.turns + 1) if without else ():
            tell(f"turn {turn} without memory, round {round_} of {repeats}")
            answers[turn, False], spent = timed(asker, questions[turn - 1], stood.full, memory=False)
            best[turn, False] = least(best.get((turn, False)), spent)
    return [
        Figure(
            turn,
            len(question.row.without_words()),
            best[turn, True],
            best.get((turn, False)),
            float((answers[turn, True] - answers[turn, False]).abs().max()) if without else None,
        )
        for turn, question in enumerate(questions, 1)
    ]


def timed(asker: Asker, question: Question, like: Tensor, memory: bool) -> tuple[Tensor, tuple[float, float]]:
    """The answer of a turn, and the seconds it took by the clock and of the processor."""
    solve = Solver(asker.denoiser, asker.card, asker.walk, Dense(), memory=memory)
    began, busy = time.perf_counter(), time.process_time()
    found = solve(question.row, asker.unasked, solve.noise(like), lambda done, of, x: None).cpu()
    return found, (time.perf_counter() - began, time.process_time() - busy)


def least(known: tuple[float, float] | None, spent: tuple[float, float]) -> tuple[float, float]:
    return spent if known is None else (min(known[0], spent[0]), min(known[1], spent[1]))


def asker_of(course: Course) -> Asker:
    """Raises Unsupported for a model that knows no turns, or whose rule remembers nothing."""
    rows, columns = course.size
    if course.model is None:
        card = blank_card(course)
        denoiser, pixels, channels = blank(course, card), PIXELS, CHANNELS
        words = torch.randn(2, LONGEST, TEXT, generator=torch.Generator().manual_seed(1))
    else:
        device = load.device(course.device)
        host = load.host(course.model, load.usual_dtype(device), device)
        if not isinstance(host.denoiser, WanDenoiser) or not host.card.turns or host.card.rule == "full":
            raise Unsupported(f"{course.model} remembers no turns; give a model that does, or leave --model out.")
        denoiser, card = host.denoiser, host.card
        words, pixels, channels = host.words.encode([SAID, ""]), host.codec.pixels_per_latent, host.codec.channels
    if rows % card.multiple or columns % card.multiple:
        raise BadInput(f"--size must be of multiples of {card.multiple} here, not {columns}x{rows}.")
    own = card.sampling
    walk = Walk(course.steps or own.steps, own.guidance, own.until, own.shift, own.solver, own.grid, 0)
    return Asker(denoiser, card, words[:1], words[1:], (1, channels, 1, rows // pixels, columns // pixels), walk)


def blank_card(course: Course) -> Card:
    """The embedded model's card, for pictures and as if it had been taught turns."""
    return replace(
        Card.load(EMBEDDED), rule="block_causal", turns="edited", kinds=("text", "source", "answer", "target"),
        coarse=(1, 2, 2) if course.coarse else (1, 1, 1), key_frames=0,
    )  # fmt: skip


def blank(course: Course, card: Card) -> WanDenoiser:
    """A network like the embedded model's, of random numbers."""
    if course.width < 64 or course.width % 64:
        raise BadInput(f"--width must be a multiple of 64, not {course.width}.")
    torch.manual_seed(0)
    made: Any = new_transformer(CHANNELS, TEXT, course.width, course.layers)
    net, clean = made
    nn.init.normal_(net.proj_out.weight, std=0.02)
    net.eval().requires_grad_(False).to(course.device)
    return WanDenoiser((Expert(net, clean.requires_grad_(False).to(course.device)),), card)

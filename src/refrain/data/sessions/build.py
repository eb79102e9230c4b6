"""A set of rendered sessions on disk. The same numbers give the same set; a killed build goes on where it was."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from refrain.data.sessions.session import RenderedSession, draw_session, shown
from refrain.data.sessions.store import SessionFiles, SessionStore, TurnFiles
from refrain.errors import BadInput
from refrain.media import Clip, PixelFormat

HELD_OUT = 890_000_000  # practice sessions begin with this seed, and the exam's after them; nothing may learn from them
EACH = 20  # one session in so many is for validation
FPS = 8


@dataclass(frozen=True)
class Asked:
    """So many sessions of so many turns, at rows x columns pixels, each of so many frames; number n has seed + n."""

    count: int
    turns: int = 5
    size: tuple[int, int] = (256, 256)
    frames: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 1 or not 1 <= self.turns <= 64 or self.frames < 1 or self.seed < 0:
            raise BadInput("A set has one session or more, each of 1 to 64 turns and one frame or more, and a seed.")
        if self.seed + self.count > HELD_OUT:
            raise BadInput(f"Seeds from {HELD_OUT} on are held out for the exam of sessions; give a lower --seed.")


def build(asked: Asked, out: Path, heard: Callable[[int, int], None]) -> int:
    """Render what is missing of a set into the folder `out`, and return how much that was. heard: done, of."""
    store = SessionStore.create(out)
    facts = {name: value for name, value in asdict(asked).items() if name not in ("count", "seed")}
    facts["size"] = list(asked.size)
    there = {one.id for one in store.sessions}
    for one in store.sessions[:1]:
        was = {name: one.facts.get(name) for name in facts}
        if was != facts:
            raise BadInput(f"{out} holds sessions made as {was}, not as {facts}; give the same, or another folder.")
    made = 0
    for n in range(asked.count):
        seed = asked.seed + n
        name = f"{seed:09d}"
        if name not in there:
            session = draw_session(seed, asked.turns, asked.size, asked.frames)
            split = "validation" if seed % EACH == EACH - 1 else "train"
            source, turns = _written(session, store.folder / "media" / name)
            store.add(SessionFiles(name, split, source, turns, {**facts, "seed": seed}))
            made += 1
        heard(n + 1, asked.count)
    return made


def _written(session: RenderedSession, folder: Path) -> tuple[Path, tuple[TurnFiles, ...]]:
    """The pictures of a session; what a kill left of them is written over."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = _picture(session.frames, folder / "source")
    turns: list[TurnFiles] = []
    for number, turn in enumerate(session.turns, 1):
        here, there = (_picture(shown(mask), folder / f"{number:02d}-{name}")
                       for name, mask in (("here", turn.mask_now), ("there", turn.mask_next)))  # fmt: skip
        turns.append(TurnFiles(turn.instruction, _picture(turn.frames, folder / f"{number:02d}"), here, there))
    return source, tuple(turns)


def _picture(frames: np.ndarray, path: Path) -> Path:
    """Frames uint8 [T, Y, X, 3] without loss: a PNG, or a video."""
    pixels = torch.as_tensor(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
    named = path.with_suffix(".png" if len(frames) == 1 else ".mkv")
    Clip.of(pixels, FPS, PixelFormat.named("gbrp")).write(named, lossless=True)
    return named

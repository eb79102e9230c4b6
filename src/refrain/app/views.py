"""What the browser is shown of a turn: a clip that every browser plays, a small picture, its matte, and its figures.

Everything here can be made again from the session, and is, where it is missing.
"""

import json
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from refrain.editing.session.session import Session
from refrain.editing.session.turn import Turn
from refrain.errors import BadInput
from refrain.media import Clip, PixelFormat, Tags
from refrain.media.write import appearing

WIDEST = 1280  # pixels of a side that a browser is shown
THUMB = 120  # rows of a small picture
GLIMPSE = 192  # pixels of a side of what is seen of an edit under way, at most
HEARD = {"aac", "mp3"}  # sound that browsers play
PLAYED = Tags(matrix=1, primaries=1, transfer=1)


@dataclass(frozen=True)
class Shown:
    """The figures of a turn: its true size, the size as shown, the start of every frame and the end of the last."""

    rows: int
    columns: int
    wide: int
    high: int
    times: tuple[float, ...]
    picture: bool
    sound: bool
    matte: bool

    @property
    def frames(self) -> int:
        return 1 if self.picture else len(self.times) - 1

    @property
    def ending(self) -> str:
        return ".png" if self.picture else ".mp4"


def shown(folder: Path, session: Session, turn: Turn) -> Shown:
    """The figures of a turn, whose pictures lie in `folder` afterwards, made where they were missing."""
    facts = folder / f"{turn.id:03d}.json"
    if facts.is_file():
        told = json.loads(facts.read_text(encoding="utf-8"))
        return Shown(**{**told, "times": tuple(told["times"])})
    folder.mkdir(exist_ok=True)
    clip = session.whole(turn)
    played = played_of(clip)
    rows, columns = clip.size
    matte = turn.matte
    made = Shown(
        rows, columns, round(played.size[1] * float(clip.pixel_aspect)), played.size[0],
        (*(float(time) for time in played.times), float(played.duration)), turn.is_picture,
        played.sound is not None, matte is not None,
    )  # fmt: skip
    played.write(folder / f"{turn.id:03d}{made.ending}", quality=20)
    thumb(clip).write(folder / f"{turn.id:03d}.jpg", quality=8)
    middle = len(played) // 2
    _still(played, middle).write(folder / f"{turn.id:03d}-still.jpg", quality=10)
    if matte is not None:
        changed = grey(matte, played)
        changed.write(folder / f"{turn.id:03d}-matte{made.ending}", quality=14)
        _still(changed, middle).write(folder / f"{turn.id:03d}-still-matte.jpg", quality=6)
    with appearing(facts) as aside:
        aside.write_text(json.dumps(asdict(made)), encoding="utf-8")
    return made


def played_of(clip: Clip) -> Clip:
    """A clip as browsers play it: eight bits, 4:2:0, even sides, its first frame at 0 s."""
    rows, columns = clip.size
    share = min(1.0, WIDEST / max(rows, columns))
    size = (max(2, round(rows * share / 2) * 2), max(2, round(columns * share / 2) * 2))
    zero, end = clip.times[0], clip.times[0] + clip.duration
    sound = clip.sound
    if sound is not None:
        heard = not clip.still and set(sound.codecs) <= HEARD
        sound = (sound.between(zero, end) if zero else sound) if heard else None
    if clip.still:
        return Clip.of(clip.at(size), 1, PixelFormat.named("gbrp"))
    told = replace(clip, times=tuple(time - zero for time in clip.times), sound=sound, origin=None)
    if size == (rows, columns) and clip.format.name == "yuv420p":
        return told
    form = PixelFormat.named("yuv420p", tags=PLAYED)
    planes = tuple(np.empty((len(clip), *each), np.uint8) for each in form.plane_sizes(size))
    for start, stop in clip.blocks():
        part = Clip.of(clip.between(start, stop).at(size), 1, form)
        for whole, piece in zip(planes, part.planes):
            whole[start:stop] = piece
    return replace(told, planes=planes, format=form)


def thumb(clip: Clip, number: int | None = None) -> Clip:
    """A frame of a clip, small: the middle one unless its number is given."""
    rows, columns = clip.size
    at = len(clip) // 2 if number is None else number
    size = (THUMB, max(2, round(THUMB * columns * float(clip.pixel_aspect) / rows / 2) * 2))
    return Clip.of(clip.between(at, at + 1).at(size), 1)


def small(frames: torch.Tensor) -> bytes:
    """The last of some frames [n, 3, Y, X] in [-1, 1] as a JPEG of at most 192 pixels a side."""
    rows, columns = frames.shape[-2:]
    share = min(1.0, GLIMPSE / max(rows, columns))
    size = (max(1, round(columns * share)), max(1, round(rows * share)))
    shown = frames[-1].add(1).mul(127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()  # [Y, X, 3]
    made, held = cv2.imencode(".jpg", cv2.resize(shown, size, interpolation=cv2.INTER_AREA)[:, :, ::-1])
    assert made
    return held.tobytes()


def expected(folder: Path, turn: Turn, mask: torch.Tensor) -> None:
    """Keep where a turn is expected to change, at any time: white where a mask [T, 1, Y, X] in 0..1 says so."""
    white = (mask.amax((0, 1)) > 0.5).byte().mul(255).numpy()  # [Y, X]
    made, held = cv2.imencode(".png", white)
    assert made
    with appearing(folder / f"{turn.id:03d}-expected.png") as aside:
        aside.write_bytes(held.tobytes())


def _still(clip: Clip, number: int) -> Clip:
    """One frame of a clip, silent."""
    return replace(clip.between(number, number + 1), sound=None)


def grey(matte: torch.Tensor, like: Clip) -> Clip:
    """A matte [T or 1, 1, y, x] as a grey clip of the size and times of `like`: white where something changed."""
    rows, columns = like.size
    levels = np.empty((len(like), rows, columns), np.uint8)  # [T, Y, X]
    for n in range(len(like)):
        frame = matte[min(n, len(matte) - 1), 0].numpy()
        large = cv2.resize(frame, (columns, rows), interpolation=cv2.INTER_LINEAR)
        levels[n] = np.round(16 + 219 * large.clip(0, 1))
    if like.still or len(like) == 1:
        rgb = torch.as_tensor(levels).float().sub(16).div(109.5).sub(1).clamp(-1, 1)[:, None].expand(-1, 3, -1, -1)
        return Clip.of(rgb, 1, PixelFormat.named("gbrp"))
    plain = np.full((len(like), -(-rows // 2), -(-columns // 2)), 128, np.uint8)
    form = PixelFormat.named("yuv420p", tags=PLAYED)
    return replace(like, planes=(levels, plain, plain), format=form, sound=None)


def taken(folder: Path, session: Session, number: int, what: str) -> Path:
    """A file to take home: the `clip` at its full size with its sound, the `matte`, the `mask` that bounded it, the
    picture `reference-1` that its words speak of, or the `record`.
    """
    turn = session.turn(number)
    if what == "mask":
        facts = turn.record.get("asked", {}).get("bound")
        if facts is None:
            raise BadInput("This turn was not kept to a part of the picture, so there is no mask.")
        return turn.folder / turn.file(facts)["file"]
    if what.startswith("reference-"):
        pictures, wanted = turn.record.get("asked", {}).get("references", []), int(what.removeprefix("reference-"))
        if not 1 <= wanted <= len(pictures):
            raise BadInput("The words of this turn speak of no such picture.")
        return turn.folder / turn.file(pictures[wanted - 1])["file"]
    if what == "record":
        path = folder / f"{number:03d}-record.json"
        with appearing(path) as aside:
            aside.write_text(json.dumps(record(session, turn), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path
    figures = shown(folder, session, turn)
    if what == "matte":
        if not figures.matte:
            raise BadInput("Nothing was changed here yet, so there is no matte; ask for something first.")
        return folder / f"{number:03d}-matte{figures.ending}"
    endings = (".png",) if figures.picture else (".mp4", ".mkv")
    for ending in endings:
        path = folder / f"{number:03d}-full{ending}"
        if path.is_file():
            return path
        try:
            session.export(turn, path)
        except BadInput:
            if ending == endings[-1]:  # some sound fits into Matroska only
                raise
            continue
        return path
    raise AssertionError("one of the two endings returns or raises")


def record(session: Session, turn: Turn) -> dict[str, Any]:
    """How a turn came about, from the source on."""
    line = session.line(turn)
    return {"instruction": "; then ".join(each.words for each in line[1:]), "turns": [each.record for each in line]}


def stub(facts: Shown) -> Clip:
    """A clip of a turn's size and times whose pixels take no room: enough to say what an edit of it costs."""
    plane = np.broadcast_to(np.uint8(0), (facts.frames, facts.rows, facts.columns))
    rate = Fraction(facts.times[-1] or 1).limit_denominator(1001) / facts.frames
    times = tuple(rate * n for n in range(facts.frames))
    return Clip((plane,) * 3, PixelFormat.named("yuv444p"), times, rate * facts.frames, still=facts.picture)

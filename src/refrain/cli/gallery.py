"""A sheet of all effects: for each its name and two moments of it."""

from pathlib import Path
from typing import TYPE_CHECKING

from refrain.cli.canvas import INK, PALE, Canvas
from refrain.cli.progress import Teller
from refrain.cli.subject import Named, named

if TYPE_CHECKING:
    import numpy as np

    from refrain.data.effects import Shot

HEIGHT, GAP, WORDS = 104, 4, 20
SCENES = 9_100_000  # rendered scenes of galleries: none of those that a recipe trains on


def drawn(
    clip: Path | None, mask: Path | None, said: Named, frames: int, columns: int, seed: int, teller: Teller
) -> Canvas:
    """Every effect on the clip, or each on a scene of its own."""
    import numpy as np

    from refrain.data.effects import EFFECTS

    shot = None if clip is None else _shot_of(clip, mask, said, frames, teller)
    names = sorted(EFFECTS)
    pairs: list[tuple[str, str, list[np.ndarray]]] = []
    for n, name in enumerate(names):
        teller.stage("rendering", n, len(names))
        here = shot or _scene(seed + 40 * n, frames)
        parameters = EFFECTS[name].draw(np.random.default_rng(seed + n))
        done = EFFECTS[name].apply(here, seed, parameters).frames
        told = ", ".join(str(value) for value in vars(parameters).values())
        pairs.append((name, told, [done[frames // 2], done[frames - 1]]))
    return _sheet(pairs, columns)


def _sheet(pairs: "list[tuple[str, str, list[np.ndarray]]]", columns: int) -> Canvas:
    height, width = pairs[0][2][0].shape[:2]
    cell, line = 2 * width + 3 * GAP + 8, height + WORDS + GAP
    rows = -(-len(pairs) // columns)
    canvas = Canvas(columns * cell + GAP, rows * line + 2 * GAP)
    for n, (name, told, moments) in enumerate(pairs):
        x, y = n % columns * cell + GAP, n // columns * line + GAP
        canvas.words(name, x + GAP, y + 10, 12, INK)
        canvas.words(told, x + GAP + 84, y + 10, 10, PALE)
        for k, frame in enumerate(moments):
            canvas.picture(frame, round(x + GAP + k * (width + GAP)), round(y + WORDS))
    return canvas


def _scene(seed: int, frames: int) -> "Shot":
    """A rendered scene with a subject of fair size."""
    from refrain.data.effects import Shot
    from refrain.data.scenes import render_scene

    size = (HEIGHT, round(HEIGHT * 16 / 9))
    for number in range(SCENES + seed, SCENES + seed + 100):
        if 0.05 < render_scene(number, 1, size).subject.mean() < 0.3:
            scene = render_scene(number, frames, size, behind=True)
            return Shot(scene.frames, scene.subject, behind=scene.behind)
    raise AssertionError(f"no scene from {seed} on has a subject")


def _shot_of(path: Path, mask: Path | None, said: Named, frames: int, teller: Teller) -> "Shot":
    """The first frames of a clip, small, with its subject: by words, from the user's mask, else guessed."""
    import numpy as np

    from refrain.data.composite import to_bytes
    from refrain.data.effects import Shot
    from refrain.data.subject import guess, small_size
    from refrain.editing.mask import read_mask
    from refrain.media import Clip

    whole = Clip.read(path)
    clip = whole.between(0, min(frames, len(whole)))
    rows, wide = clip.size
    size = (HEIGHT, max(8, round(HEIGHT * wide / rows)))
    small = to_bytes(clip.at(size))
    small = np.concatenate([small, np.repeat(small[-1:], frames - len(small), 0)])
    by_words = named(clip, mask, said, teller, quiet=False)
    if by_words is not None:
        subject = by_words(small[: len(clip)], 0)
    elif mask is None:
        subject = guess(to_bytes(clip.at(small_size(*clip.size)))).at(small[: len(clip)])
    else:
        import cv2

        given = read_mask(mask, whole)[: len(clip), 0].numpy()
        subject = np.stack([cv2.resize(one, size[::-1], interpolation=cv2.INTER_AREA) for one in given])
    subject = np.concatenate([subject, np.repeat(subject[-1:], frames - len(subject), 0)])
    return Shot(small, subject)

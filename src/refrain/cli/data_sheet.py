"""A sheet of pairs: a row each, with the source, two moments of the target, where they differ, and what is asked."""

from typing import TYPE_CHECKING

from refrain.cli.canvas import INK, PALE, Canvas
from refrain.cli.progress import Teller
from refrain.cli.sheet import GAP, HEIGHT, thumbs
from refrain.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from refrain.data.pair import Pair
    from refrain.data.store import Store

WORDS = 22


def drawn(store: "Store", count: int, seed: int, teller: Teller) -> Canvas:
    """So many pairs of a store, drawn by the seed, in their order."""
    import numpy as np

    pairs = store.pairs
    if not pairs:
        raise BadInput(f"{store.path} holds no pairs; there is nothing to draw.")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(pairs))[:count]).tolist()
    rows: list[list[np.ndarray]] = []
    for n, number in enumerate(chosen):
        teller.stage("reading", n, len(chosen))
        rows.append(_pictures(store, pairs[number]))
    width = max(sum(one.shape[1] + GAP for one in row) for row in rows)
    canvas = Canvas(width + 3 * GAP, len(rows) * (HEIGHT + WORDS + GAP) + 2 * GAP)
    for n, (number, row) in enumerate(zip(chosen, rows)):
        x, y = 2 * GAP, n * (HEIGHT + WORDS + GAP) + GAP
        pair = pairs[number]
        canvas.words(pair.instruction, x, y + 11, 12, INK)
        canvas.words(f"{pair.effect or pair.task}, {pair.id}"[:60], x + 0.68 * width, y + 11, 10, PALE)
        for one in row:
            canvas.picture(one, x, y + WORDS)
            x += one.shape[1] + GAP
    return canvas


def _pictures(store: "Store", pair: "Pair") -> "list[np.ndarray]":
    """Source, target at its middle and its end, and the difference at its middle: the mask where there is one."""
    import numpy as np

    from refrain.media import Clip

    source, target = store.clips(pair)
    middle, last = len(source) // 2, len(source) - 1
    before, after = thumbs(source, (middle,))[0], thumbs(target, (middle, last))
    if pair.mask is not None:
        matte = thumbs(Clip.read(pair.mask), (middle,))[0]
    else:
        apart = np.abs(after[0].astype(int) - before).max(-1, keepdims=True)
        matte = np.repeat(np.minimum(4 * apart, 255).astype(np.uint8), 3, -1)
    return [before, *after, matte]

"""Making a set of pairs on all cores, and going on with one that was left."""

import ctypes
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from shutil import rmtree

import cv2
import torch

from refrain.data.pair import Pair
from refrain.data.store import PAIRS, Store
from refrain.errors import BadInput

from .asked import Asked, begun
from .make import make
from .plate import Plate, plates_of

PLATES = "plates"
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
BEGUN = "asked.json"


def build(
    asked: Asked, folder: Path, workers: int = 1, say: Callable[[int, int], None] = lambda done, of: None
) -> tuple[Store, int]:
    """Make the pairs that are missing in `folder`; returns the store and how many were made now.

    A plate appears whole or not at all, so a run that was killed is gone on with by asking again; what is whole is not
    made again. Records are added in the order of the plates. One run at a time may write to a folder. `say` hears how
    many pairs are there, of how many. Raises BadInput.
    """
    plates = plates_of(asked)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / PAIRS).is_file() and not (folder / BEGUN).is_file():
        raise BadInput(f"{folder} holds other pairs; take a folder of its own for these.")
    begun(asked, folder / BEGUN)
    for left in (folder / PLATES).glob(".*.part"):
        rmtree(left, ignore_errors=True)
    store = Store.create(folder)
    known = {pair.id for pair in store}
    missing = [plate for plate in plates if not _is_whole(folder, plate, asked)]
    made = sum(len(asked.pairs_of(plate.number)) for plate in missing)
    unwritten, done = set(missing), asked.count - made
    say(done, asked.count)
    steps = iter(_made(missing, asked, folder / PLATES, workers))
    for plate in plates:
        if plate in unwritten:
            assert next(steps) == plate
            done += len(asked.pairs_of(plate.number))
            say(done, asked.count)
        new = [pair for pair in _pairs_of(folder, plate, asked) if pair.id not in known]
        if new:
            store.add(new)
    return store, made


def _made(missing: list[Plate], asked: Asked, folder: Path, workers: int) -> Iterator[Plate]:
    """Make plates and hand them back in their order; at most two for each worker are under way."""
    if workers == 1 or len(missing) < 2:
        for plate in missing:
            make(plate, asked, folder)
            yield plate
        return
    under_way: deque[tuple[Plate, Future[None]]] = deque()
    left = iter(missing)
    pool = ProcessPoolExecutor(min(workers, len(missing)), mp_context=get_context("spawn"), initializer=_painter)
    try:
        while True:
            while len(under_way) < 2 * workers and (plate := next(left, None)) is not None:
                under_way.append((plate, pool.submit(make, plate, asked, folder)))
            if not under_way:
                return
            plate, future = under_way.popleft()
            future.result()
            yield plate
    except BrokenProcessPool:
        raise BadInput(
            "A worker was ended by the system, most likely because the memory is full; give fewer --workers (each "
            "takes about a gigabyte at 832x480 and 81 frames) and run it again: what is made is kept."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def settled() -> None:
    """A worker computes on one thread, leaves Ctrl-C to its parent, and ends when its parent is gone."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _painter() -> None:
    """A worker that renders."""
    keep_freed()
    settled()


def keep_freed() -> None:
    """Have this process keep the memory of pictures and clips that are done with, for the next ones.

    glibc gives pieces as large as a picture back to the system and asks for them again, and the system clears each page
    anew: a third of the time that effects took. The most that is held at a time grows by a few hundredths. An older
    glibc takes no limit above 32 MB, and keeps pictures alone.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        for name, size in ((_TRIM_THRESHOLD, 1 << 30), (_MMAP_THRESHOLD, 32 << 20), (_MMAP_THRESHOLD, 1 << 30)):
            mallopt(name, size)


def _is_whole(folder: Path, plate: Plate, asked: Asked) -> bool:
    return len(_pairs_of(folder, plate, asked)) == len(asked.pairs_of(plate.number))


def _pairs_of(folder: Path, plate: Plate, asked: Asked) -> list[Pair]:
    """The pairs of a plate that is there, as many as are asked for."""
    own = folder / PLATES / plate.name
    if not (own / PAIRS).is_file():
        return []
    return list(Store.open(own).pairs[: len(asked.pairs_of(plate.number))])

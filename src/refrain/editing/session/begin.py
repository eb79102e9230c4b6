"""The folder of a new session: written aside and then renamed, so that it is there whole or not at all."""

import os
import re
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from refrain.editing.editor import Editor
from refrain.errors import BadInput
from refrain.media import Clip

from . import lock, log
from .media import copy_sound, write_clip
from .shelf import hashes, shelved, to_disk
from .state import State, save

_ASIDE = re.compile(r"\..+\.[0-9a-f]{8}\.session\.part")
_SECONDS = 60  # after which a folder that nobody has locked yet is not just being begun


def require_place(home: Path) -> None:
    """Raise BadInput where no session can be begun."""
    if home.exists() and not (home.is_dir() and not any(home.iterdir())):
        raise BadInput(f"{home} is there and not empty; a session needs a folder of its own, so give a new name.")
    if not home.absolute().parent.is_dir():
        raise BadInput(f"The folder {home.absolute().parent} does not exist; make it, or give another name.")


def begin(home: Path, source: Clip, state: State, editor: Editor, short_side: int | None, dummy: bool) -> None:
    """Write a session that holds its source and the first record. Raises OSError where the disk does."""
    with _aside(home) as folder:
        with shelved(folder, 0) as turn:
            save(state, turn)
            record = {
                "session": log.VERSION,
                "turn": 0,
                "parent": None,
                "at": log.now(),
                "source": None if source.origin is None else str(source.origin),
                "short_side": short_side,
                "dummy": dummy,
                "editor": editor.cause(),
                "clip": write_clip(source, turn, "clip"),
                "sound": None if source.sound is None else copy_sound(source.sound, turn),
                "files": hashes(turn),
            }
        log.add(folder, record, 0)
        to_disk(folder)


@contextmanager
def _aside(home: Path) -> Generator[Path]:
    """A hidden folder beside `home`, which is `home` when all went well, and otherwise gone.

    It is locked while it is written, so that the next one to begin beside it knows what a killed process left behind.
    """
    home = home.absolute()
    _sweep(home.parent)
    folder = home.with_name(f".{home.name}.{uuid4().hex[:8]}.session.part")
    try:
        folder.mkdir()
        with lock.held(folder):
            yield folder
        if home.is_dir():
            home.rmdir()
        os.replace(folder, home)
        to_disk(home.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove sessions that were being begun in `parent` by processes that died."""
    with suppress(OSError):  # a folder that may be written to may yet be hidden from us
        for folder in [each for each in parent.iterdir() if _ASIDE.fullmatch(each.name)]:
            with suppress(BadInput, OSError):  # it is being written, is somebody else's, or went just now
                if (folder / lock.NAME).exists() or time.time() - folder.stat().st_mtime > _SECONDS:
                    with lock.held(folder):
                        pass
                    shutil.rmtree(folder, ignore_errors=True)

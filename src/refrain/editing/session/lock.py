"""One writer at a time. The system holds the lock for a process, so that one that dies, however, lets it go."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from errno import EACCES, EAGAIN, EDEADLK
from os import getpid
from pathlib import Path
from typing import IO

from refrain.errors import BadInput

NAME = "lock"
BUSY = {EACCES, EAGAIN, EDEADLK}  # what systems say of a lock that another one holds
FAR = 1 << 30  # where the lock lies on Windows, which keeps others from reading what is locked


@contextmanager
def held(folder: Path, what: str = "session") -> Generator[None]:
    """While the body runs nobody else writes to the session, or `what` it is, in `folder`. BadInput where one does."""
    try:
        file = (folder / NAME).open("a+b")
    except FileNotFoundError:
        raise BadInput(f"The {what} {folder} is gone; put its folder back, or begin a new one.") from None
    except OSError as error:
        raise BadInput(f"The {what} {folder} cannot be written ({error.strerror}); see to its permissions.") from error
    with file:
        try:
            _take(file)
        except OSError as error:
            if error.errno not in BUSY:
                raise BadInput(f"{folder} cannot be locked ({error.strerror}); put it on a local disk.") from error
            file.seek(0)
            who = file.read(20).decode(errors="replace").strip() or "another one"
            raise BadInput(f"The {what} {folder} is being written by process {who}; wait until it is done.") from None
        try:
            file.truncate(0)
            file.write(b"%d\n" % getpid())
            file.flush()
            yield
        finally:
            file.truncate(0)
            _leave(file)


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> None:
        file.seek(FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _leave(file: IO[bytes]) -> None:
        file.seek(FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _leave(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

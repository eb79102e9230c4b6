"""How a page names a file that lies beside it."""

from os import fsencode
from os.path import relpath
from pathlib import Path
from urllib.parse import quote


def address(path: Path, folder: Path) -> str:
    """A path as an address relative to the page's folder; on another drive, as a file address."""
    try:
        return quote(fsencode(Path(relpath(path.resolve(), folder.resolve())).as_posix()))
    except ValueError:
        return path.resolve().as_uri()

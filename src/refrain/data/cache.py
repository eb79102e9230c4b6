"""Tensors on disk by the hash of what they were made from: an item is there whole or not at all.

Several processes may share a folder: each writes aside under a name of its own and renames, and whichever comes last
writes what the others wrote. Nothing is ever changed in place, so what is found may be used without asking.
"""

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from refrain.errors import BadInput

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def key_of(facts: Mapping[str, object]) -> str:
    """The key of an item: a hash of everything that it depends on."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class Cache:
    """A folder of safetensors files, each called by its key."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, key: str) -> Path:
        """Where the item of a key lies or would lie."""
        return self.folder / key[:2] / f"{key}.safetensors"

    def __contains__(self, key: str) -> bool:
        return self.path(key).is_file()

    def get(self, key: str) -> dict[str, Tensor] | None:
        """The tensors of a key, None where it has none. Raises BadInput for a damaged file."""
        path = self.path(key)
        try:
            return load(path.read_bytes())
        except FileNotFoundError:
            return None
        except (SafetensorError, OSError) as error:
            raise BadInput(f"{path} is damaged ({error}); delete it, and it will be made again.") from None

    def put(self, key: str, tensors: Mapping[str, Tensor]) -> None:
        """Write an item. Raises BadInput, and leaves nothing behind, where the disk is full or cannot be written."""
        path = self.path(key)
        aside = path.with_name(f".{key[:16]}.{uuid4().hex[:8]}.part")
        whole = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with aside.open("wb") as file:
                file.write(whole)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except OSError as error:
            with suppress(OSError):
                aside.unlink()
            if error.errno in FULL:
                raise BadInput(
                    f"The disk is full: {self.folder} has no room for {len(whole)} bytes more; free some or give a "
                    "folder elsewhere, and start again, for what is cached is kept."
                ) from None
            raise BadInput(f"{self.folder} cannot be written ({error.strerror}); give another folder.") from None

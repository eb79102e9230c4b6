"""WebDataset shards: tar files whose members are `000000.source.mp4`, `000000.target.mp4`, `000000.json`, and so on.

Members are never unpacked by their names: their bytes are copied into files named by what they hold, so a hostile
name reaches nothing, and a source that many pairs share lies there once.
"""

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any
from uuid import uuid4

from refrain.data.pair import PATHS, Pair
from refrain.errors import BadInput

_MEMBER = re.compile(r"(?P<key>[^.]+)\.(?P<part>source|target|mask|layer)\.(?P<ending>[a-z0-9]{1,5})")
_RECORD = re.compile(r"(?P<key>[^.]+)\.(?P<part>json|txt)")
SIZE = 1 << 30  # bytes of a shard, about
LONGEST = 1 << 24  # bytes of a record


def write_shards(pairs: Iterable[Pair], folder: Path, size: int = SIZE) -> list[Path]:
    """Write pairs into `00000.tar`, `00001.tar`, ... of about `size` bytes each; a shard appears when it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    left, number = iter(pairs), 0
    pair = next(left, None)
    while pair is not None:
        path = folder / f"{len(made):05d}.tar"
        aside = folder / f".{path.name}.{uuid4().hex[:8]}.part"
        try:
            with tarfile.open(aside, "w", format=tarfile.PAX_FORMAT) as shard:
                while pair is not None and (shard.offset < size or not shard.getmembers()):
                    _add(shard, pair, f"{number:06d}")
                    pair, number = next(left, None), number + 1
            os.replace(aside, path)
        except OSError as error:
            raise BadInput(f"{path} could not be written: {error.strerror or error} {error.filename or ''}") from None
        finally:
            with suppress(FileNotFoundError):
                aside.unlink()
        made.append(path)
    return made


def read_shards(path: Path, into: Path) -> Iterator[Pair]:
    """The pairs of a shard, or of all shards of a folder in the order of their names; their clips are put `into`.

    A sample without .json is named by its place, and asked for by its .txt. Raises BadInput.
    """
    shards = sorted(path.glob("*.tar")) if path.is_dir() else [path]
    if not shards:
        raise BadInput(f"{path} holds no .tar; give the folder of the shards.")
    into.mkdir(parents=True, exist_ok=True)
    for shard in shards:
        try:
            with tarfile.open(shard, "r|") as tar:
                yield from _pairs(tar, shard, into)
        except (tarfile.TarError, EOFError) as error:
            raise BadInput(f"{shard} is no whole tar file ({error}); get it anew.") from None


def _pairs(tar: tarfile.TarFile, shard: Path, into: Path) -> Iterator[Pair]:
    key, parts = "", dict[str, Any]()
    for member in tar:
        if member.isdir():
            continue
        name = _checked(member, shard)
        found = _MEMBER.fullmatch(PurePosixPath(name).name) or _RECORD.fullmatch(PurePosixPath(name).name)
        if found is None:
            raise BadInput(f"{shard}: {name} is no part of a pair (000000.source.mp4, .target.mp4, .json, .txt).")
        own = str(PurePosixPath(name).with_name(found["key"]))
        if own != key and parts:
            yield _pair(parts, f"{shard.stem}/{key}", shard)
            parts = {}
        key = own
        data = tar.extractfile(member)
        assert data is not None  # it is a regular file
        if found["part"] in PATHS:
            parts[found["part"]] = _kept(data, into, found["ending"])
        else:
            parts[found["part"]] = _text(data, f"{shard}: {name}")
    if parts:
        yield _pair(parts, f"{shard.stem}/{key}", shard)


def _checked(member: tarfile.TarInfo, shard: Path) -> str:
    """A member's name. Raises BadInput for links, devices, and names that leave the folder."""
    name = PurePosixPath(member.name)
    if not member.isfile():
        raise BadInput(f"{shard}: {member.name} is a link or a device, which no shard needs; it was not followed.")
    if name.is_absolute() or ".." in name.parts or "\\" in member.name or ":" in member.name:
        raise BadInput(f"{shard}: {member.name} would leave the folder; nothing more was read.")
    return member.name


def _pair(parts: dict[str, Any], place: str, shard: Path) -> Pair:
    where = f"{shard}, sample {place.rpartition('/')[2]}"
    said = {"id": place, "instruction": parts.get("txt", "").strip()}
    if "json" in parts:
        try:
            told = json.loads(parts["json"])
        except json.JSONDecodeError as error:
            raise BadInput(f"{where}: its .json is not readable ({error}).") from None
        if not isinstance(told, dict):
            raise BadInput(f"{where}: its .json is not a JSON object.")
        said |= told
    files = {name: str(parts[name].absolute()) for name in PATHS if name in parts}
    said.setdefault("parent", Path(files["source"]).stem if "source" in files else place)
    try:
        return Pair.read(json.dumps({**{k: v for k, v in said.items() if k not in PATHS}, **files}), Path("/"))
    except BadInput as error:
        raise BadInput(f"{where}: {error}.") from None


def _kept(data: IO[bytes], into: Path, ending: str) -> Path:
    """Copy bytes into a file called by their hash."""
    aside = into / f".{uuid4().hex}.part"
    whole = hashlib.sha256()
    try:
        with aside.open("wb") as file:
            while block := data.read(1 << 20):
                whole.update(block)
                file.write(block)
        path = into / f"{whole.hexdigest()[:32]}.{ending}"
        os.replace(aside, path)
    except OSError as error:
        raise BadInput(f"{into} could not be written: {error.strerror}.") from None
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()
    return path


def _text(data: IO[bytes], where: str) -> str:
    try:
        return data.read(LONGEST).decode("utf-8")
    except UnicodeDecodeError:
        raise BadInput(f"{where} is not UTF-8 text.") from None


def _add(shard: tarfile.TarFile, pair: Pair, key: str) -> None:
    """A pair's clips, then its record without their paths. Nothing of this machine is written: no owner, no time."""
    for name in PATHS:
        path: Path | None = getattr(pair, name)
        if path is not None:
            head = tarfile.TarInfo(f"{key}.{name}{path.suffix.lower()}")
            head.size = path.stat().st_size
            with path.open("rb") as file:
                shard.addfile(head, file)
    record = {k: v for k, v in json.loads(pair.written(Path())).items() if k not in PATHS}
    text = json.dumps(record, ensure_ascii=False).encode()
    head = tarfile.TarInfo(f"{key}.json")
    head.size = len(text)
    shard.addfile(head, io.BytesIO(text))

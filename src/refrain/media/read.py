"""Reading a clip: the file is judged, a process of its own decodes it, and the planes it wrote are mapped."""

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import refrain.errors as errors
from refrain.errors import BadInput

from . import scratch
from .clip import Clip
from .format import PixelFormat, Tags
from .limits import Limits
from .sniff import sniffed
from .sound import Sound
from .times import moment

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # "http:/" too: a Path has swallowed the second slash
_ADDRESS = re.compile(r" @ (0x)?[0-9a-fA-F]+")
MOST_SAID = 1 << 16  # bytes of a decoder's complaints that are kept
_CHILD = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from refrain.media.decode import main; main()"


def read(path: str | Path, start: float | None, stop: float | None, limits: Limits) -> Clip:
    """The clip in a file; see `Clip.read`."""
    path = checked(path, limits)
    kind = sniffed(path)
    begin, end = _typed(start), _typed(stop)
    with tempfile.TemporaryDirectory(prefix="refrain-", ignore_cleanup_errors=True) as folder:
        request = {
            "path": str(path.absolute()),
            "kind": kind,
            "start": None if begin is None else str(begin),
            "stop": None if end is None else str(end),
            "limits": asdict(limits),
            "folder": folder,
        }
        answer = _asked(request, path, limits)
        return _clip(answer, path, kind, Path(folder))


def checked(path: str | Path, limits: Limits) -> Path:
    """A path that is a local, readable file of bearable size; anything else is one sentence."""
    if "\0" in str(path):
        raise BadInput("The path holds a zero byte; give the name of a file.")
    file = Path(path)
    if _URL.match(str(path)) and not file.exists():
        raise BadInput(f"{path} is an address on a network; download it first and give the file.")
    if file.is_dir():
        raise BadInput(f"{path} is a folder; give a video or a picture in it.")
    if not file.exists():
        raise BadInput(f"{path} does not exist; check its name.")
    if not file.is_file():
        raise BadInput(f"{path} is no ordinary file; give a video or a picture.")
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise BadInput(f"{path} cannot be opened: {error.strerror}.") from error
    if file.stat().st_size > limits.file:
        raise BadInput(f"{path} is larger than {limits.file >> 30} GiB; cut it first.")
    return file


def _asked(request: dict[str, Any], path: Path, limits: Limits) -> dict[str, Any]:
    """The decoding process's answer; its refusals, its silence and its death are sentences."""
    command = [sys.executable, "-c", _CHILD, json.dumps(sys.path)]
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(  # noqa: S603 — our own interpreter, our own code
                command,
                input=json.dumps(request).encode(),
                stdout=subprocess.PIPE,
                stderr=said,
                timeout=limits.wait,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise BadInput(f"{path} was not decoded within {limits.wait:g} s; cut it or convert it first.") from late
        said.seek(0)
        heard = said.read(MOST_SAID).decode(errors="replace").strip().splitlines()
        complaints = [line for line in heard if "not on whitelist" not in line]  # sound is copied, never decoded
    if done.returncode != 0 or not done.stdout:
        last = complaints[-1] if complaints else f"status {done.returncode}"
        raise BadInput(f"Decoding {path} came to a bad end ({last}); the file is probably damaged, convert it first.")
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise getattr(errors, answer["refused"])(answer["sentence"])
    if complaints:
        first = _ADDRESS.sub("", complaints[0]).strip()
        answer["notes"].append(f'The file may be damaged, look at it: the decoder complained, first of "{first}".')
    return answer


def _clip(answer: dict[str, Any], path: Path, kind: str, folder: Path) -> Clip:
    form = _format(answer["format"])
    times = tuple(Fraction(time) for time in answer["times"])
    end = Fraction(answer["end"])
    sizes = form.plane_sizes(tuple(answer["size"]))
    planes = tuple(scratch.adopt(folder / str(n), (len(times), *size), form.sample) for n, size in enumerate(sizes))
    sound = None
    if answer["tracks"]:
        sound = Sound(path.absolute(), kind, tuple(answer["tracks"]), tuple(answer["codecs"]))
    if answer["part"] and sound is not None:
        sound = sound.between(times[0] if answer["later"] else None, end)
    zero = times[0] if answer["later"] else Fraction(0)
    return Clip(
        planes,
        form,
        tuple(time - zero for time in times),
        end - times[0],
        sound,
        path,
        answer["still"],
        tuple(answer["notes"]),
        Fraction(answer["pixel_aspect"]),
    )


def _format(said: dict[str, Any]) -> PixelFormat:
    return PixelFormat(
        said["name"], said["depth"], tuple(said["chroma"]), said["matrix"], said["full"], tuple(said["siting"]),
        Tags(**said["tags"]),
    )  # fmt: skip


def _typed(seconds: float | None) -> Fraction | None:
    if seconds is None:
        return None
    if not -1e9 < seconds < 1e9:
        raise BadInput(f"A time must be a number of seconds, not {seconds}.")
    return moment(seconds)

"""The most memory that a process ever held, measured in a child of its own so that nothing else is counted."""

import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from refrain.errors import RefrainError, Unsupported

T = TypeVar("T")


def peak_bytes() -> int:
    """The most memory that this process has had in use at once."""
    if sys.platform == "win32":
        return _peak_of_windows()
    if sys.platform == "linux":  # getrusage would count the parent too, whose pages a new process begins with
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # macOS counts bytes, others kilobytes


def _peak_of_windows() -> int:
    import ctypes

    class Counters(ctypes.Structure):
        _fields_ = (
            ("cb", ctypes.c_uint32),
            ("faults", ctypes.c_uint32),
            *((name, ctypes.c_size_t) for name in ("peak", "now", "a", "b", "c", "d", "pagefile", "peak_pagefile")),
        )

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    windows: Any = ctypes.windll  # type: ignore[attr-defined]  # there on Windows alone
    windows.kernel32.GetCurrentProcess.restype = ctypes.c_void_p
    process = ctypes.c_void_p(windows.kernel32.GetCurrentProcess())
    windows.psapi.GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb)
    return int(counters.peak)


def in_a_child(work: Callable[..., T], *given: object) -> T:
    """Do `work` in a fresh process and return what it returns. What a user can mend comes back as it was raised."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(theirs, work, given), daemon=True)
    child.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        raise Unsupported(
            "A measurement ended without a word; most likely the memory of this machine is full."
        ) from None
    finally:
        child.join()
    if isinstance(found, RefrainError):
        raise found
    return found


def _work(pipe: Connection, work: Callable[..., object], given: tuple[object, ...]) -> None:
    try:
        pipe.send(work(*given))
    except RefrainError as error:
        pipe.send(error)

"""What was done on the page, as one would write it: a command line, Python; and what an edit will cost, in words."""

import shlex
from typing import Any

from refrain.editing.estimate import Estimate
from refrain.editing.session.turn import Turn


def command(turn: Turn, box: tuple[int, int, int, int] | None = None) -> str:
    """The commands that do again what a turn did."""
    asked, made = turn.record.get("asked"), turn.record.get("made", {})
    if asked is None:
        return "refrain session new mine CLIP"
    line = ["refrain", "session", "ask", "mine", asked["words"], "--at", str(turn.parent)]
    for name in ("seed", "steps", "guidance"):
        if asked[name] is not None:
            line += [f"--{name}", f"{asked[name]:g}" if isinstance(asked[name], float) else str(asked[name])]
    if box is not None:
        line += ["--box", ",".join(map(str, box))]
    elif asked["bound"] is not None:
        line += ["--mask", asked["bound"]["file"]]
    kind = attention(made.get("attention", ""))
    line += ["--attention", kind] if kind != "dense" else []
    line += ["--offload"] if made.get("offload") else []
    return shlex.join(line)


def python(turn: Turn, box: tuple[int, int, int, int] | None = None) -> str:
    """The same in Python."""
    asked = turn.record.get("asked")
    opening = "from refrain import Clip, Editor, Session\n\neditor = Editor.from_pretrained()\n"
    if asked is None:
        return opening + 'session = Session.create("mine", Clip.read("CLIP"), editor)\n'
    given = "".join(f", {name}={asked[name]!r}" for name in ("seed", "steps", "guidance") if asked[name] is not None)
    region = ""
    if box is not None:
        region = f'bound = read_box("{",".join(map(str, box))}", session.here.clip)\n'
    elif asked["bound"] is not None:
        region = f'bound = read_mask("{asked["bound"]["file"]}", session.here.clip)\n'
    if region:
        name = "read_box" if box is not None else "read_mask"
        opening = opening.replace("Session\n", f"Session\nfrom refrain.editing.mask import {name}\n", 1)
        given += ", bound=bound"
    return (
        f'{opening}session = Session.open("mine", editor)\n{region}'
        f"turn = session.ask({asked['words']!r}, at={turn.parent}{given})\n"
        'session.export(turn, "out.mp4")\n'
    )


def attention(told: str) -> str:
    """What a record says of attention, as `--attention` says it: dense, flex, isa, isa:published."""
    kind = told.partition("(")[0].lower()
    return kind if kind in {"dense", "flex", "isa"} else "dense"


def cost(foreseen: Estimate, share: float, remembered: bool = True) -> str:
    """What an edit will cost. share: how much longer this machine took than foreseen, so far."""
    panes = len(foreseen.panes)
    parts = [
        f"about {duration(foreseen.seconds * share)}",
        f"{foreseen.calls * panes} calls of the network" + (f" in {panes} windows" if panes > 1 else ""),
        f"{gigabytes(foreseen.peak_bytes)} of memory in all",
    ]
    if remembered and foreseen.memory_bytes:
        parts.append(f"{gigabytes(foreseen.memory_bytes)} of it to remember the clip")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def gigabytes(count: float) -> str:
    """Bytes in GB or MB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def facts(told: dict[str, Any]) -> str:
    """Seed and sampling of a turn in a few words, for its place in the history."""
    seed = told.get("seed")
    return "" if seed is None else f"seed {seed}"

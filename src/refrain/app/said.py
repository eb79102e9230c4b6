"""What was done on the page, as one would write it: a command line, Python; and what an edit will cost, in words."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from refrain.editing.estimate import Estimate
from refrain.editing.session.turn import Turn


def commands(line: Sequence[Turn]) -> str:
    """The commands that do again what led to a turn. line: the turns from the source to it."""
    source = line[0].record["source"] or "CLIP"
    if len(line) == 2:
        return shlex.join(["refrain", "edit", source, line[1].words, "-o", "out.mp4", *_options(line[1])])
    told = [shlex.join(["refrain", "session", "new", "mine", source])]
    told += [shlex.join(["refrain", "session", "ask", "mine", turn.words, *_options(turn)]) for turn in line[1:]]
    return "\n".join(told)


def _options(turn: Turn) -> list[str]:
    asked, made = turn.record["asked"], turn.record.get("made", {})
    told: list[str] = []
    for name in ("seed", "steps", "guidance"):
        if asked[name] is not None:
            told += [f"--{name}", f"{asked[name]:g}" if isinstance(asked[name], float) else str(asked[name])]
    told += [part for use in asked["effects"] for part in ("--effect", _effect(use))]
    told += [part for file in references(turn) for part in ("--reference", file)]
    told += ["--mask", f"mask-{turn.id}.png"] if asked["bound"] is not None else []
    kind = attention(made.get("attention", ""))
    told += ["--attention", kind] if kind != "dense" else []
    return told + (["--offload"] if made.get("offload") else [])


def _effect(use: Mapping[str, Any]) -> str:
    """A use of an Effect-LoRA as `--effect` takes it."""
    weight = "" if use["weight"] == 1 else f":{use['weight']:g}"
    box = "" if use["box"] is None else "@" + ",".join(f"{side:g}" for side in use["box"])
    span = "" if use["span"] is None else "@{:g}s-{:g}s".format(*use["span"])
    return f"{use['path']}{weight}{box}{span}"


def effects(turn: Turn) -> str:
    """The names of the Effect-LoRAs of a turn."""
    return ", ".join(PurePath(use["path"]).stem for use in turn.record.get("asked", {}).get("effects", ()))


def references(turn: Turn) -> list[str]:
    """Under what names the pictures that a turn's words speak of are taken home."""
    files = [PurePath(one["file"]) for one in turn.record.get("asked", {}).get("references", ()) if "file" in one]
    return [f"reference-{n}-{turn.id}{file.suffix}" for n, file in enumerate(files, 1)]


def python(line: Sequence[Turn]) -> str:
    """The same in Python."""
    names = ["Clip", "Editor", *{attention(turn.record.get("made", {}).get("attention", "")) for turn in line[1:]}]
    kinds = [name.capitalize() for name in names[2:] if name != "dense"]
    masked = any(turn.record["asked"]["bound"] is not None for turn in line[1:])
    told = [f"from refrain import {', '.join([*names[:2], *kinds, 'Session'])}"]
    told += ["from refrain.editing.mask import read_mask"] if masked else []
    worn = any(turn.record["asked"]["effects"] for turn in line[1:])
    told += ["from refrain.editing.request import EffectUse"] if worn else []
    how = f"attention={kinds[0]}()" if kinds else ""
    source = line[0].record["source"] or "CLIP"
    told += [
        "",
        f"clip = Clip.read({source!r})",
        f"session = Session.create('mine', clip, Editor.from_pretrained({how}))",
    ]
    for turn in line[1:]:
        asked = turn.record["asked"]
        given = [f"{name}={asked[name]!r}" for name in ("seed", "steps", "guidance") if asked[name] is not None]
        given += [f"bound=read_mask('mask-{turn.id}.png', clip)"] if asked["bound"] is not None else []
        pictures = [f"Clip.read({file!r})" for file in references(turn)]
        given += [f"references=({', '.join(pictures)},)"] if pictures else []
        uses = [_use(use) for use in asked["effects"]]
        given += [f"effects=({', '.join(uses)},)"] if uses else []
        told.append(f"session.ask({', '.join([repr(turn.words), *given])})")
    return "\n".join([*told, "session.export(None, 'out.mp4')"])


def _use(use: Mapping[str, Any]) -> str:
    """A use of an Effect-LoRA in Python."""
    more = [f"{name}={use[name]!r}" for name in ("weight", "box", "span", "words") if use[name] not in (None, 1.0)]
    return f"EffectUse({', '.join([repr(use['path']), *more])})"


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
    if remembered and foreseen.memory_bytes >= 1e6:
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

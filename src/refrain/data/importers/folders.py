"""Pairs told by their names alone: `x.mp4` with `x.txt` beside it, and the source of the same name in another folder.

That is how ai-toolkit keeps them; its own control folder stands in a configuration, so here it is looked for beside the
clips, or given.
"""

from collections.abc import Iterator
from pathlib import Path

from refrain.data.pair import Pair
from refrain.errors import BadInput

from .rows import Namer

ENDINGS = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif", ".png", ".jpg", ".jpeg", ".webp", ".bmp"}
CONTROLS = ("control", "controls", "source", "sources", "reference", "references")
TARGETS = ("target", "targets", "edited")


def read_folders(path: Path, control: Path | None = None) -> Iterator[Pair]:
    """The pairs of a folder: edited clips with their words beside them, or below in `target/`.

    control: the folder of sources; left open, it is one below called control, source or reference. Raises BadInput.
    """
    sources = control or control_of(path)
    if sources is None:
        raise BadInput(f"{path} has no folder of sources ({', '.join(CONTROLS)}); put them there, of the same names.")
    below = [path / name for name in TARGETS if (path / name).is_dir()]
    yield from matched(below[0] if below else path, sources, path, "ai-toolkit")


def control_of(path: Path) -> Path | None:
    """The folder of sources below a folder, if there is one."""
    return next((path / name for name in CONTROLS if (path / name).is_dir()), None)


def matched(targets: Path, sources: Path, root: Path, provenance: str, ending: str = ".txt") -> Iterator[Pair]:
    """Pairs of clips of the same name in two folders, with words in `name.txt` beside the target. Raises BadInput."""
    for folder in (targets, sources):
        if not folder.is_dir():
            raise BadInput(f"{folder} is no folder; mend its name.")
    held: dict[str, Path] = {}
    for clip in clips_in(sources):
        if clip.stem in held:
            raise BadInput(f"{clip} and {held[clip.stem].name} have one name; which is the source cannot be known.")
        held[clip.stem] = clip
    namer, found = Namer(root, provenance), clips_in(targets)
    if not found:
        raise BadInput(f"{targets} holds no clips ({', '.join(sorted(ENDINGS))}); give the folder that does.")
    for clip in found:
        words = clip.with_suffix(ending)
        if not words.is_file():
            raise BadInput(f"{clip} has no {words.name} beside it; write there what was asked.")
        if clip.stem not in held:
            raise BadInput(f"{clip} has no source of the same name in {sources}; put it there or take the clip away.")
        try:
            said = words.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise BadInput(f"{words} is not UTF-8 text; save it as UTF-8.") from None
        yield namer.pair(held[clip.stem], clip, said)


def clips_in(folder: Path) -> list[Path]:
    """Videos and pictures in a folder, sorted by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())

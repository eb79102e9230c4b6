"""LOVEU-TGVE 2023 (Wu et al., arXiv 2310.16003): 76 clips with four target captions each.

One YAML file a clip, in a fixed plain form, which `settings` reads without a YAML library and refuses anything else.
A clip is its folder of frames, or an .mp4 of that name where there is none. The targets are captions, not instructions;
InsV2V's `edit_prompt_dict` (one JSON object: clip -> edit_style, …) words them as instructions. The licences of the
clips are those of DAVIS, Videvo and YouTube.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from refrain.errors import BadInput
from refrain.evaluation.case import Benchmark, Case, collected

from .entries import Entry, inside, read_json

KINDS = ("style", "object", "background", "multiple")
LINE = re.compile(r"(?P<indent> *)(?P<key>[a-z][a-z0-9_]*):(?: +(?P<value>.*\S))? *")
STRANGE = re.compile(r"[&*!|>%@`{}\[\]\t#]|.*: |.*:$|.* #")  # what no plain value begins with or holds


def read(path: Path) -> tuple[Case, ...]:
    """The cases of a folder of such YAML files, at any depth; instructions are the target captions.

    Where `edit_prompt_dict.json` lies in the folder, it words them. Raises BadInput.
    """
    words = path / "edit_prompt_dict.json"
    return read_with(path, words if words.is_file() else None)


def read_with(path: Path, words: Path | None) -> tuple[Case, ...]:
    """The cases of a folder, worded as instructions by a JSON file where one is given. Raises BadInput."""
    files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    told = read_json(words) if words else None
    if told is not None and not isinstance(told, dict):
        raise BadInput(f"{words} is no object of clips; give InsV2V's edit_prompt_dict.")
    return collected((case for file in files for case in _cases(file, path, words, told)), path)


def _cases(file: Path, root: Path, words: Path | None, told: Mapping[str, Any] | None) -> Iterator[Case]:
    said = settings(file)
    train, targets = said.get("train_data"), said.get("validation_data")
    if not isinstance(train, dict) or not isinstance(targets, dict) or not isinstance(targets.get("prompts"), dict):
        raise BadInput(f"{file} has no train_data and validation_data with prompts; fetch it anew.")
    source, captions = Entry(file, "train_data", train), Entry(file, "prompts", targets["prompts"])
    if told is not None and not isinstance(told.get(file.stem), dict):
        raise BadInput(f"{words} has no entry {file.stem}; add it, or read the clips without it.")
    asked = Entry(words or file, file.stem, told[file.stem]) if told is not None else None
    frames = inside(root, source.text("video_path").removeprefix("./"), f"{source.where}, video_path")
    video = frames.with_name(frames.name + ".mp4")
    for kind in KINDS:
        caption = captions.text(kind)
        yield Case(
            id=f"{file.stem} {kind}",
            source=video if video.exists() and not frames.exists() else frames,
            instructions=(asked.text(f"edit_{kind}") if asked else caption,),
            category=kind,
            parent=file.stem,
            captions=(caption,),
            extra={
                "source_prompt": source.text("prompt"),
                "num_frames": _whole(source, "num_frames"),
                "height": _whole(source, "height"),
                "width": _whole(source, "width"),
                "worded": "instruction" if asked else "caption",
            },
        )


def _whole(entry: Entry, name: str) -> int:
    if not entry.text(name).isdecimal():
        raise entry.wrong(name, "a whole number")
    return int(entry.text(name))


def settings(file: Path) -> dict[str, Any]:
    """What a file of the challenge says: mappings by two spaces, lists of "- item", texts on one line or more.

    Values stay texts. Raises BadInput, with the line, for every other form of YAML.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (UnicodeDecodeError, OSError):
        raise BadInput(f"{file} is not readable UTF-8 text; fetch it anew.") from None
    found: dict[str, Any] = {}
    open_: list[tuple[int, dict[str, Any]]] = [(0, found)]  # mappings that stand open, with their indents
    last: tuple[dict[str, Any], str] | None = None  # where a continued line or a list's item goes
    for number, line in enumerate(lines, 1):
        where = f"{file} line {number}"
        if not line.strip():
            continue
        match = LINE.fullmatch(line)
        indent = len(line) - len(line.lstrip(" "))
        if match is None or (last and last[0].get(last[1]) and indent > open_[-1][0]):
            _continue(line, indent, open_[-1][0], last, where)
            continue
        while indent < open_[-1][0]:
            open_.pop()
        if indent > open_[-1][0]:
            open_.append((indent, _mapping(last, indent - open_[-1][0], where)))
        here, key = open_[-1][1], match["key"]
        if indent != open_[-1][0] or key in here:
            raise BadInput(f"{where}: {key} stands twice or between two levels; fetch the file anew.")
        here[key] = _plain(match["value"] or "", where)
        last = (here, key)
    return found


def _mapping(last: tuple[dict[str, Any], str] | None, deeper: int, where: str) -> dict[str, Any]:
    """The mapping that begins below the key before."""
    if last is None or last[0][last[1]] != "" or deeper != 2:
        raise BadInput(f"{where} is deeper than a key before it allows; fetch the file anew.")
    last[0][last[1]] = {}
    return last[0][last[1]]


def _continue(line: str, indent: int, level: int, last: tuple[dict[str, Any], str] | None, where: str) -> None:
    """Add an item to the list, or words to the text, of the key before."""
    if last is None:
        raise BadInput(f"{where} is no `key: value`; this reads only the plain files of the challenge.")
    here, key = last
    if line.lstrip().startswith("- ") and indent == level and not isinstance(here[key], dict):
        if here[key] == "":
            here[key] = []
        if isinstance(here[key], list):
            here[key].append(_plain(line.lstrip()[2:].strip(), where))
            return
    if isinstance(here[key], str) and here[key] and indent > level:
        here[key] += " " + _plain(line.strip(), where)
        return
    raise BadInput(f"{where} is neither `key: value`, an item nor a text going on; fetch the file anew.")


def _plain(value: str, where: str) -> str:
    """A plain value, or one in single quotes. Raises BadInput for other forms."""
    if value.startswith("'"):
        if len(value) < 2 or not value.endswith("'") or "'" in value[1:-1].replace("''", ""):
            raise BadInput(f"{where}: its quotes do not close; fetch the file anew.")
        return value[1:-1].replace("''", "'").strip()
    if value.startswith('"') or (value and STRANGE.match(value)):
        raise BadInput(f"{where}: {value[:40]!r} is no plain value; this reads only the plain files of the challenge.")
    return value


BENCHMARK = Benchmark(
    id="loveu",
    title="LOVEU-TGVE 2023",
    kind="video",
    obtain="github.com/showlab/loveu-tgve-2023 (configs) and its link to the frames",
    licence="Apache-2.0 (configs); clips under their own",
    source="arXiv 2310.16003",
    read=read,
    answer=lambda case, turn: f"{case.parent}/{case.category}.mp4",
)

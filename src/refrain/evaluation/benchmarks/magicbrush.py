"""MagicBrush, multi-turn (Zhang et al., arXiv 2306.10012): sessions of one to three turns with true answers and masks.

`edit_sessions.json`: object id -> list of turns (`input`, `mask`, `output`, `instruction`); pictures lie in
`images/<id>/`. A mask is clear (alpha) where its turn edits, as DALL-E 2 takes masks, or white in black and white; one
in colours without alpha counts as none. The test split is a password-protected archive that must not be passed
on; its words and pictures stay out of every report. `local_captions.json` or `global_captions.json`: object id -> file
name -> caption.
"""

from pathlib import Path

from refrain.errors import BadInput
from refrain.evaluation.case import Benchmark, Case, collected

from .entries import Entry, inside, read_json, table


def read(path: Path) -> tuple[Case, ...]:
    """The sessions of `edit_sessions.json` or of the folder that holds it. Raises BadInput."""
    file = table(path, "edit_sessions.json")
    whole = read_json(file)
    if not isinstance(whole, dict):
        raise BadInput(f"{file} is no object of sessions; give MagicBrush's edit_sessions.json.")
    captions = next((f for f in (file.parent / f"{x}_captions.json" for x in ("local", "global")) if f.is_file()), None)
    told = read_json(captions) if captions else {}
    return collected((_case(file, key, turns, told) for key, turns in whole.items()), file)


def _case(file: Path, key: str, turns: object, captions: dict[str, dict[str, str]]) -> Case:
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
        raise BadInput(f"{file}, entry {key} has no list of turns; fetch it anew or drop it.")
    said = [Entry(file, f"{key} turn {n}", turn) for n, turn in enumerate(turns, 1)]
    folder = inside(file.parent / "images", key, f"{file}, entry {key}")
    for before, after in zip(said, said[1:]):
        if after.text("input") != before.text("output"):
            raise BadInput(
                f"{after.where} begins with {after.text('input')}, not with {before.text('output')}; mend it."
            )
    outputs = [turn.text("output") for turn in said]
    known = captions.get(key, {})
    return Case(
        id=key,
        source=said[0].path("input", folder),
        instructions=tuple(turn.text("instruction") for turn in said),
        category=f"{len(said)} turns" if len(said) > 1 else "1 turn",
        parent=key,
        captions=tuple(known[name] for name in outputs) if all(name in known for name in outputs) else (),
        masks=tuple(turn.path("mask", folder) for turn in said if "mask" in turn.said),
        truth=tuple(turn.path("output", folder) for turn in said),
    )


def answer(case: Case, turn: int) -> str:
    """Where the chained answer lies: the first turn has a name of its own. Independent ones are `<id>_inde_<k>.png`."""
    return f"{case.id}/{case.id}_1.png" if turn == 1 else f"{case.id}/{case.id}_iter_{turn}.png"


BENCHMARK = Benchmark(
    id="magicbrush",
    title="MagicBrush multi-turn",
    kind="picture",
    obtain="hf download --repo-type dataset osunlp/MagicBrush; the test split is an archive on its project page",
    licence="CC-BY-4.0 as far as known; the test archive may not be passed on",
    source="arXiv 2306.10012, github.com/OSU-NLP-Group/MagicBrush",
    read=read,
    answer=answer,
    compat=("answers of another size are brought to the true one's, which is the source's",),
    edited={"strict": 127, "compat": 127},
    resized=True,
)

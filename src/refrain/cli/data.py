"""`refrain data`: sets of pairs to learn from: made, checked, brought in, carried away, looked at."""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refrain.cli.options import Debug, Quiet, Seed, two_sides
from refrain.cli.progress import say, told
from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.data.pair import Pair

app = typer.Typer(help="Pairs to learn from: a source, a target, and the words that ask for it.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of pairs, or its pairs.jsonl.")]


@app.command("pairs")
def pairs(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of the pairs; made where there is none.")],
    clips: Annotated[
        list[Path] | None, typer.Argument(metavar="[CLIP]...", help="Lay effects on these; none: rendered scenes.")
    ] = None,
    count: Annotated[int, typer.Option(metavar="N", help="How many pairs the folder is to hold.")] = 100,
    each: Annotated[int, typer.Option(metavar="K", help="Effects laid on one source.")] = 4,
    effect: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this effect; again for more. None: all.")
    ] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height, both even.")] = "832x480",
    frames: Annotated[int, typer.Option(metavar="N", help="Frames of every clip.")] = 81,
    fps: Annotated[float, typer.Option(metavar="N", help="Frames a second.")] = 16,
    seed: Seed = 0,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Processes; one a core unless given.")] = None,
    targets: Annotated[bool, typer.Option("--targets", help="Write whole targets, not what they add.")] = False,
    masks: Annotated[bool, typer.Option("--masks", help="Also write where the target differs.")] = False,
    licence: Annotated[str | None, typer.Option(metavar="TEXT", help="The licence of the clips.")] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Render a set of pairs: sources, what effects add to them, words, masks. The same options give the same set.

    Run it again to go on after a stop, or with a larger --count for more. The subject of a clip comes from a mask
    beside it (walk.mask.mp4 or .png beside walk.mp4); without one it is guessed.

    Examples:

      refrain data pairs set --count 1000

      refrain data pairs fire --count 20 --effect fire --size 480x320 --frames 33

      refrain data pairs mine walk.mp4 dance.mp4 --each 8 --count 16 --licence CC-BY-4.0
    """
    from refrain.data.build import Asked, build

    if workers is not None and workers < 1:
        raise BadInput(f"--workers must be 1 or more, not {workers}.")
    if licence is not None and not clips:
        raise BadInput("--licence is of clips; rendered scenes need none.")
    asked = Asked(
        count, each, tuple(effect or ()), two_sides(size), frames, fps, seed, tuple(clips or ()), licence, targets,
        masks,
    )  # fmt: skip
    began, first = time.monotonic(), -1
    with told(quiet) as teller:

        def heard(done: int, of: int) -> None:
            nonlocal first
            first = done if first < 0 else first
            speed = (done - first) / max(time.monotonic() - began, 1e-6)
            teller.stage("pairs", done, of, f"({speed:.2f} a second)" if done > first else "")

        _, made = build(asked, out, workers or _cores(), heard)
    spent = max(time.monotonic() - began, 1e-6)
    say(f"{out} holds {count} pairs; {made} were made now, {made / spent:.2f} a second", quiet)


@app.command("sessions")
def sessions(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of the sessions; made where there is none.")],
    count: Annotated[int, typer.Option(metavar="N", help="How many sessions the folder is to hold.")] = 100,
    turns: Annotated[int, typer.Option(metavar="N", help="Turns of every session.")] = 5,
    size: Annotated[int, typer.Option(metavar="PIXELS", help="Both sides of every picture.")] = 256,
    frames: Annotated[int, typer.Option(metavar="N", help="Frames of every clip; 1: pictures.")] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the first session; each has the next.")] = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Render a set of sessions: scenes that are edited turn after turn, with words, answers and masks.

    Run it again to go on after a stop, or with a larger --count for more. The same options give the same set.

    Examples:

      refrain data sessions sessions --count 1000

      refrain data sessions small --count 50 --turns 3 --size 128
    """
    from refrain.data.sessions.build import Asked, build

    asked = Asked(count, turns, (size, size), frames, seed)
    with told(quiet) as teller:
        made = build(asked, out, lambda done, of: teller.stage("sessions", done, of))
    say(f"{out} holds {count} sessions; {made} were made now", quiet)


@app.command("check")
def check(folder: Folder, debug: Debug = False) -> None:
    """Open every clip of every pair, and tell each fault with its line.

    Examples:

      refrain data check set
    """
    from refrain.data.store import MOST_TOLD, Store

    store = Store.open(folder)
    faults = store.check()
    if faults:
        print("\n".join(faults))
        many = f"{MOST_TOLD} faults or more" if len(faults) == MOST_TOLD else f"faults: {len(faults)}"
        raise BadInput(f"{folder} has {many}; each is told above.")
    splits = [f"{len(store.of(split))} {split}" for split in ("train", "validation", "test")]
    print(f"{folder}: {len(store.pairs)} pairs ({', '.join(splits)}), no faults")


@app.command("import")
def import_(
    given: Annotated[Path, typer.Argument(metavar="ANY", help="A table, a folder of clips, or tar shards.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of the pairs; made where there is none.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy the clips into OUT as well.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Bring pairs of another form in, told by looking: DiffSynth, VideoX-Fun, musubi-tuner, LTX, ai-toolkit, shards.

    The clips stay where they are, unless they lie in shards or --copy is given.

    Examples:

      refrain data import dataset/metadata.csv set

      refrain data import shards/ set
    """
    from refrain.data.importers import open_any
    from refrain.data.store import PAIRS, Store
    from refrain.media.write import appearing

    if (out / PAIRS).exists():
        raise BadInput(f"{out} holds pairs already; take a new folder.")
    found = open_any(given, out / "clips")
    out.mkdir(parents=True, exist_ok=True)
    with appearing(out / PAIRS) as aside:
        with aside.open("w", encoding="utf-8") as file:
            for pair in _copied(found, out / "clips") if copy else found:
                file.write(pair.written(out) + "\n")
        count = len(Store.open(aside).pairs)
    say(f"wrote {out / PAIRS}: {count} pairs", quiet)


@app.command("export")
def export(
    folder: Folder,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="One file, set.tar, or a folder of shards.")],
    size: Annotated[float, typer.Option(metavar="GB", help="Gigabytes of a shard, about.")] = 1.0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write pairs and their clips as tar shards, which WebDataset and refrain data import read.

    Examples:

      refrain data export set set.tar

      refrain data export set shards/ --size 2
    """
    from tempfile import TemporaryDirectory

    from refrain.cli.outputs import check_free
    from refrain.data.importers.shards import write_shards
    from refrain.data.store import Store

    if not size > 0:
        raise BadInput(f"--size must be above 0, not {size:g}.")
    found = Store.open(folder).pairs
    if not found:
        raise BadInput(f"{folder} holds no pairs; there is nothing to write.")
    if out.suffix.lower() == ".tar":
        check_free(out)
        with TemporaryDirectory(prefix=f".{out.stem}.", dir=out.parent) as aside:
            os.replace(write_shards(found, Path(aside), 1 << 62)[0], out)
        made = [out]
    else:
        if out.is_dir() and any(out.glob("*.tar")):
            raise BadInput(f"{out} holds shards already; take a new folder.")
        made = write_shards(found, out, round(size * 1e9))
    say(f"wrote {len(found)} pairs into {', '.join(map(str, made[:4]))}{', ...' if len(made) > 4 else ''}", quiet)


@app.command("show")
def show(
    folder: Folder,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The PNG.")] = Path("sheet.png"),
    count: Annotated[int, typer.Option(metavar="N", help="So many pairs, drawn.")] = 6,
    seed: Seed = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw some pairs on one sheet: the source, two moments of the target, where they differ, and the words.

    Examples:

      refrain data show set -o sheet.png
    """
    from refrain.cli.data_sheet import drawn
    from refrain.cli.outputs import check_free
    from refrain.data.store import Store

    check_free(out)
    if count < 1 or seed < 0:
        raise BadInput("--count must be 1 or more, and the seed 0 or more.")
    with told(quiet) as teller:
        drawn(Store.open(folder), count, seed, teller).save(out)
    say(f"wrote {out}", quiet)


def _copied(found: "Iterable[Pair]", into: Path) -> "Iterator[Pair]":
    """The pairs with their clips copied into a folder, each called by the hash of its bytes."""
    import shutil

    from refrain.data.build.asked import hash_of
    from refrain.data.pair import PATHS
    from refrain.media.write import appearing

    into.mkdir(parents=True, exist_ok=True)
    for pair in found:
        held: dict[str, Path] = {}
        for name in PATHS:
            path: Path | None = getattr(pair, name)
            if path is None:
                continue
            held[name] = into / f"{hash_of(path)[:32]}{path.suffix.lower()}"
            if not held[name].is_file():
                with appearing(held[name]) as aside:
                    shutil.copyfile(path, aside)
        yield replace(pair, **held)  # pyright: ignore[reportArgumentType]


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""Laws of the importers: every form is told by looking, each row becomes its pair, and nothing leaves its folder."""

import io
import json
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.pairs import bare
from refrain.data.importers import open_any
from refrain.data.importers.shards import read_shards, write_shards
from refrain.data.pair import Pair
from refrain.data.store import Store
from refrain.errors import BadInput

ROWS = ("snow, please", 'say "fog"')


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def columns(source: str, target: str, words: str) -> list[dict[str, str]]:
    return [{source: f"in/{n}.mp4", target: f"out/{n}.mp4", words: said} for n, said in enumerate(ROWS)]


def as_csv(rows: list[dict[str, str]]) -> str:
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row.values()) for row in rows]
    return "\n".join([",".join(rows[0]), *quoted]) + "\n"


def as_jsonl(rows: list[dict[str, str]]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def folders(root: Path, targets: str, sources: str, ending: str = "txt") -> None:
    for n, said in enumerate(ROWS):
        write(root / targets / f"{n}.mp4")
        write(root / sources / f"{n}.webm")
        write(root / targets / f"{n}.{ending}", said + "\n")


MUSUBI = '[general]\ncaption_extension = ".cap"\n[[datasets]]\nvideo_directory = "out"\ncontrol_directory = "in"\n'
FORMS: dict[str, Callable[[Path], object]] = {
    "diffsynth": lambda root: write(root / "metadata.csv", as_csv(columns("vace_video", "video", "prompt"))),
    "kiwi": lambda root: write(root / "metadata.csv", as_csv(columns("source", "target", "prompt"))),
    "videox": lambda root: write(root / "all.json", json.dumps(columns("control_file_path", "file_path", "text"))),
    "ltx": lambda root: write(root / "dataset.json", json.dumps(columns("reference_video", "video", "caption"))),
    "ltx jsonl": lambda root: write(root / "a.jsonl", as_jsonl(columns("reference_path", "media_path", "caption"))),
    "musubi list": lambda root: write(root / "a.jsonl", as_jsonl(columns("control_path", "video_path", "caption"))),
    "musubi": lambda root: (write(root / "set.toml", MUSUBI), folders(root, "out", "in", "cap")),
    "ai-toolkit": lambda root: folders(root, "target", "control"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_told_by_looking(tmp_path: Path, form: str) -> None:
    FORMS[form](tmp_path)
    found = list(open_any(tmp_path))
    assert [each.instruction for each in found] == list(ROWS)
    for n, each in enumerate(found):
        target, source = ("target", "control") if form == "ai-toolkit" else ("out", "in")
        assert each.target == tmp_path / target / f"{n}.mp4"
        assert (each.source.parent, each.source.stem) == (tmp_path / source, str(n))
        assert each.parent == each.source.relative_to(tmp_path).as_posix()
    Store.create(tmp_path / "ours").add(found)
    assert list(Store.open(tmp_path / "ours")) == found  # the paths lead back to where the clips are
    assert list(open_any(tmp_path / "ours")) == found


def test_pairs_of_one_source_have_one_parent_and_one_target_twice_two_ids(tmp_path: Path) -> None:
    rows = columns("source", "target", "prompt")
    for row in rows:
        row["source"], row["target"] = "a.mp4", "b.mp4"
    one, two = open_any(write(tmp_path / "metadata.csv", as_csv(rows)))
    assert one.parent == two.parent and one.id != two.id


def test_a_mask_column_is_a_mask(tmp_path: Path) -> None:
    rows = [{**row, "mask": "m.png"} for row in columns("source", "target", "prompt")]
    assert next(open_any(write(tmp_path / "metadata.csv", as_csv(rows)))).mask == tmp_path / "m.png"


WRONG: dict[str, tuple[str, str, str]] = {
    "no source": ("metadata.csv", "target,prompt\na.mp4,x\n", "row 1 has no source"),
    "an empty cell": ("metadata.csv", "source,target,prompt\na,b,c\na,,c\n", "row 2 has no target"),
    "strange columns": ("metadata.csv", "a,b\n1,2\n", "columns a, b"),
    "no rows": ("metadata.csv", "source,target,prompt\n", "is empty"),
    "broken json": ("dataset.json", "[{", "not readable JSON"),
    "no list": ("dataset.json", "{}", "not a list of rows"),
    "no object": ("dataset.json", "[3]", "row 1 is not a JSON object"),
    "a number": ("all.json", '[{"file_path": "a", "text": 3, "control_file_path": "b"}]', "its text is 3"),
    "broken toml": ("a.toml", "[[", "not readable TOML"),
    "toml without sets": ("a.toml", "[general]\n", r"no \[\[datasets\]\]"),
    "sets of numbers": ("a.toml", "datasets = [3]\n", "is no table"),
    "one folder": ("a.toml", '[[datasets]]\nvideo_directory = "x"\n', "has no pairs: it needs"),
    "folders of numbers": ("a.toml", "[[datasets]]\nvideo_directory = 3\n", "its video_directory is no text"),
    "no such folder": ("a.toml", MUSUBI, "is no folder"),
    "no such list": ("a.toml", '[[datasets]]\nvideo_jsonl_file = "x"\n', "does not exist"),
    "a book": ("a.txt", "text", "in no form that is known"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_set_of_pairs_is_refused(tmp_path: Path, wrong: str) -> None:
    name, text, sentence = WRONG[wrong]
    with pytest.raises(BadInput, match=sentence) as error:
        list(open_any(write(tmp_path / name, text)))
    assert "\n" not in str(error.value)


def test_folders_without_words_or_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="in no form that is known"):
        open_any(tmp_path)
    with pytest.raises(BadInput, match="does not exist"):
        open_any(tmp_path / "gone")
    write(tmp_path / "a.mp4")
    with pytest.raises(BadInput, match="no folder of sources"):
        list(open_any(tmp_path))
    (tmp_path / "control").mkdir()
    with pytest.raises(BadInput, match=r"no a\.txt beside it"):
        list(open_any(tmp_path))
    write(tmp_path / "a.txt")
    with pytest.raises(BadInput, match="no source of the same name"):
        list(open_any(tmp_path))
    write(tmp_path / "control" / "a.mp4")
    write(tmp_path / "control" / "a.png")
    with pytest.raises(BadInput, match="cannot be known"):
        list(open_any(tmp_path))


def test_two_tables_in_a_folder_are_not_guessed_between(tmp_path: Path) -> None:
    write(tmp_path / "one.json"), write(tmp_path / "two.csv")
    with pytest.raises(BadInput, match=r"holds one\.json, two\.csv; say which one"):
        open_any(tmp_path)


def sample(folder: Path, number: int, **facts: object) -> Pair:
    """A pair of files that hold bytes of their own."""
    made = bare(folder, number, **facts)
    source, target = write(folder / f"s{number}.mp4", f"source {number}"), write(folder / f"t{number}.mkv", "t" * 3000)
    return Pair(**{**made.__dict__, "source": source, "target": target})


def test_shards_bring_back_what_was_put_in(tmp_path: Path) -> None:
    given = [sample(tmp_path, n, effect="snow", scores={"clip": 0.5}, wordings=("é", "b")) for n in range(5)]
    shards = write_shards(given, tmp_path / "out", size=12_000)
    assert len(shards) > 1 and sorted((tmp_path / "out").iterdir()) == shards
    found = list(open_any(tmp_path / "out", tmp_path / "clips"))
    for one, two in zip(given, found, strict=True):
        same = {k: v for k, v in one.__dict__.items() if k not in ("source", "target", "line")}
        assert same == {k: v for k, v in two.__dict__.items() if k in same}
        assert one.source.read_bytes() == two.source.read_bytes()
        assert two.target is not None and two.target.suffix == ".mkv"
        assert two.source.parent == tmp_path / "clips"
    assert len({each.target for each in found}) == 1  # equal bytes lie there once
    assert write_shards(given, tmp_path / "again", size=12_000)[0].read_bytes() == shards[0].read_bytes()


def tar(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    """A shard of (name, content, type)."""
    with tarfile.open(path, "w") as shard:
        for name, content, kind in members:
            head = tarfile.TarInfo(name)
            head.type, head.size, head.linkname = kind, len(content), "/etc/passwd"
            shard.addfile(head, io.BytesIO(content))
    return path


FILE = tarfile.REGTYPE


def test_a_shard_of_words_alone_is_read(tmp_path: Path) -> None:
    path = tar(
        tmp_path / "a.tar", ("x/0.source.mp4", b"s", FILE), ("x/0.target.mp4", b"t", FILE), ("x/0.txt", b"snow", FILE)
    )
    (found,) = read_shards(path, tmp_path / "clips")
    assert (found.id, found.instruction) == ("a/x/0", "snow")


HOSTILE = {
    "a way up": ("../../evil.source.mp4", b"s", FILE),
    "an absolute name": ("/tmp/evil.source.mp4", b"s", FILE),  # noqa: S108
    "another disk": ("c:\\evil.source.mp4", b"s", FILE),
    "a symbolic link": ("0.source.mp4", b"", tarfile.SYMTYPE),
    "a hard link": ("0.source.mp4", b"", tarfile.LNKTYPE),
    "a device": ("0.source.mp4", b"", tarfile.CHRTYPE),
    "a program": ("0.source.sh.exe", b"s", FILE),
    "a record that is none": ("0.json", b"[]", FILE),
    "a record without clips": ("0.json", b"{}", FILE),
    "words that are bytes": ("0.txt", b"\xff\xfe", FILE),
}


SAID = {
    **dict.fromkeys(("a way up", "an absolute name", "another disk"), "would leave the folder"),
    **dict.fromkeys(("a symbolic link", "a hard link", "a device"), "a link or a device"),
    "a program": "no part of a pair",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_shards_are_refused_and_reach_nothing(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    path = tar(home / "a.tar", HOSTILE[name])
    with pytest.raises(BadInput) as error:
        list(read_shards(path, home / "clips"))
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    assert SAID.get(name, "") in str(error.value)
    assert [p.name for p in tmp_path.iterdir()] == ["home"]
    assert {p.name for p in home.iterdir()} == {"a.tar", "clips"}


def test_a_torn_shard_is_refused(tmp_path: Path) -> None:
    (path,) = write_shards([sample(tmp_path, 1)], tmp_path / "out")
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(BadInput, match="no whole tar file"):
        list(read_shards(path, tmp_path / "clips"))
    with pytest.raises(BadInput, match="into which folder"):
        open_any(path)


def test_a_shard_of_a_missing_clip_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="could not be written"):
        write_shards([bare(tmp_path, 1)], tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


CELLS = st.sampled_from(["file_path", "text", "control_file_path", "prompt", "video", "id"])
TABLES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5), lambda x: st.lists(x) | st.dictionaries(CELLS, x), max_leaves=8
)


@given(TABLES)
def test_no_table_is_more_than_refused(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    path = write(tmp_path_factory.getbasetemp() / "dataset.json", json.dumps(content))
    with suppress(BadInput):
        assert all(isinstance(each, Pair) for each in open_any(path))

"""`refrain data`: pairs are made, checked, shown, carried away and brought back."""

from pathlib import Path

import cv2
import pytest

from cli.conftest import Run
from refrain.data.store import Store

MAKE = ("--count", 3, "--each", 3, "--size", "48x32", "--frames", 3, "--workers", 1, "--effect", "snow")


@pytest.fixture
def made(out: Path, run: Run) -> Path:
    ran = run("data", "pairs", out / "set", *MAKE)
    assert ran.status == 0 and "3 were made now" in ran.err
    return out / "set"


def test_pairs_are_checked_and_shown_and_each_fault_is_told(made: Path, out: Path, run: Run) -> None:
    ran = run("data", "check", made)
    assert ran.status == 0 and "3 pairs" in ran.out and "no faults" in ran.out
    ran = run("data", "show", made, "-o", out / "sheet.png", "--count", 2)
    picture = cv2.imread(str(out / "sheet.png"))
    assert ran.status == 0 and picture is not None and picture.std() > 10
    (made / "plates" / "000000" / "01.layer.mp4").unlink()
    (made / "plates" / "000000" / "02.layer.mp4").write_bytes(b"no clip")
    ran = run("data", "check", made)
    assert ran.status == 2 and len(ran.out.splitlines()) == 2 and "line 2" in ran.out and "line 3" in ran.out


@pytest.mark.parametrize("name", ["set.tar", "shards"])
def test_shards_bring_the_pairs_back(name: str, made: Path, out: Path, run: Run) -> None:
    assert run("data", "export", made, out / name).status == 0
    assert run("data", "import", out / name, out / "again").status == 0
    before, after = Store.open(made), Store.open(out / "again")
    for one, other in zip(before, after, strict=True):
        assert one.instruction == other.instruction and one.parent == other.parent and one.split == other.split
        for a, b in zip(before.clips(one), after.clips(other), strict=True):
            assert all((x == y).all() for x, y in zip(a.planes, b.planes))
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_import_copies_only_when_asked(made: Path, out: Path, run: Run) -> None:
    assert run("data", "import", made, out / "named").status == 0
    assert run("data", "import", made, out / "copied", "--copy").status == 0
    assert Store.open(out / "named").pairs[0].source == Store.open(made).pairs[0].source
    assert not (out / "named" / "clips").exists() and len(list((out / "copied" / "clips").iterdir())) == 4
    assert not Store.open(out / "copied").check()
    ran = run("data", "import", made, out / "copied")
    assert ran.status == 2 and "holds pairs already" in ran.err


def test_what_cannot_be_done_is_one_sentence(made: Path, out: Path, run: Run) -> None:
    for arguments, said in (
        (("pairs", made, *MAKE, "--seed", 5), "another seed"),
        (("pairs", out / "x", "--effect", "snwo"), "snow"),
        (("pairs", out / "x", "--licence", "mine"), "--licence"),
        (("check", out), "holds no pairs.jsonl"),
        (("export", made, out / "none" / "set.tar"), "does not exist"),
        (("import", out / "none", out / "x"), "does not exist"),
    ):
        ran = run("data", *arguments)
        assert ran.status == 2 and said in ran.err and ran.err.strip().count("\n") == 0

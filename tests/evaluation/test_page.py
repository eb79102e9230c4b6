"""A page tells every mean with its interval and n, asks nothing of the network, and is not broken by what it tells."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from math import nan
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from refrain.errors import BadInput
from refrain.evaluation.case import Case
from refrain.evaluation.page import film as films
from refrain.evaluation.page import tables
from refrain.evaluation.page.film import Film, film
from refrain.evaluation.page.html import HERE, page
from refrain.evaluation.page.markdown import markdown
from refrain.evaluation.page.markup import tag, text
from refrain.evaluation.page.matter import System, gaps, leading, picked
from refrain.evaluation.page.tables import bar
from refrain.evaluation.run import Result
from refrain.evaluation.scorers.scorer import Score
from refrain.evaluation.statistics import Estimate
from refrain.evaluation.told.published import TABLES, published
from refrain.media import Clip

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> & ]]> \x00 \ud800 $title"
UP, DOWN, OTHER = "psnr.source/strict", "flicker.change/strict", "lpips/else"
EMPTY = {"area", "base", "br", "col", "img", "input", "link", "meta", "wbr"}


class Reader(HTMLParser):
    """The elements of a page, which must close in the order they opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def read(content: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Reader()
    reader.feed(content)
    assert not reader.open
    return reader.seen


def clip(path: Path, level: float = 0.0, frames: int = 3, size: tuple[int, int] = (32, 48), fps: int = 12) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Clip.of(torch.full((frames, 3, *size), level), fps).write(path)
    return path


def system(
    folder: Path, name: str = "ours", values: tuple[float, ...] = (10, 30, nan, 20), said: str = "snow"
) -> System:
    """Four cases in two categories; the third has no answer."""
    source = folder / "in.mp4"
    if not source.exists():
        clip(source)
    cases = tuple(Case(f"c{n}", source, (said,), "ab"[n // 2], f"p{n}") for n in range(4))
    for n in (0, 1, 3):
        clip(folder / name / f"c{n}.mp4", 0.1 * n)
    (folder / "run.json").write_text("{}")
    results = [
        Result(case.id, 1, case.category, case.parent, Score(one, value, "it is not there" if value != value else None))
        for case, value in zip(cases, values)
        for one in (UP, DOWN, OTHER)
    ]
    return System(
        name, "A benchmark", "imgedit/strict", cases, results, lambda case, turn: folder / name / f"{case.id}.mp4",
        {"system": name}, {"run.json": folder / "run.json"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A page of two systems, where every text that a file can bring means harm."""
    folder = tmp_path_factory.mktemp("page")
    first, second = (system(folder, name, said=EVIL) for name in ("ours", "theirs"))
    cases = tuple(replace(case, category=EVIL) for case in first.cases)
    results = [
        replace(one, category=EVIL, score=replace(one.score, reason=one.score.reason and EVIL)) for one in first.results
    ]
    evil = replace(first, name=EVIL, title=EVIL, record={"a": EVIL}, cases=cases, results=results)
    return folder, page((evil, second), folder, 2_000_000, each=1)


def test_text_of_files_stays_text(made: tuple[Path, str]) -> None:
    elements = read(made[1])
    assert [name for name, _ in elements].count("script") == 1 and "<script>alert" not in made[1]
    assert not [key for _, said in elements for key in said if key.startswith("on") or key == "style"]
    assert made[1].count("&lt;script&gt;alert(1)&lt;/script&gt;") > 5
    assert "\x00" not in made[1] and made[1].encode("utf-8")


def test_no_request_leaves_the_page(made: tuple[Path, str]) -> None:
    for name, said in read(made[1]):
        assert name not in {"link", "iframe", "object", "embed", "base", "form"}
        for key in said.keys() & {"src", "href", "srcset", "poster", "action", "data"}:
            address = said[key] or ""
            assert address.startswith(("data:", "#")) or (name == "a" and ":" not in address), (name, address[:80])
    assert not re.findall(r"@import|url\(|https?:", (HERE / "page.css").read_text("utf-8"))
    assert not re.findall(r"fetch|XMLHttp|import|https?:|innerHTML|eval", (HERE / "page.js").read_text("utf-8"))


def test_only_our_own_script_may_run(made: tuple[Path, str]) -> None:
    from base64 import b64encode
    from hashlib import sha256

    policy = next(said["content"] or "" for name, said in read(made[1]) if said.get("http-equiv"))
    script = made[1].rpartition("<script>")[2].partition("</script>")[0]
    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_everything_that_is_used_has_a_name(made: tuple[Path, str]) -> None:
    elements = read(made[1])
    assert ("html", {"lang": "en"}) in elements
    ids = {said["id"] for _, said in elements if "id" in said}
    for name, said in elements:
        if name == "canvas" or said.get("role") in {"img", "region"}:
            assert said.get("aria-label")
        if "aria-labelledby" in said:
            assert said["aria-labelledby"] in ids
    labelled = re.findall(r"<label[^>]*>.*?</label>", made[1], re.DOTALL)
    fields = len(re.findall(r"<(?:input|select)", made[1]))
    assert sum(len(re.findall(r"<(?:input|select)", one)) for one in labelled) == fields > 0


def test_pictures_have_their_size_before_they_are_there(made: tuple[Path, str]) -> None:
    boxes = [said for name, said in read(made[1]) if name in {"canvas", "video", "img"}]
    assert boxes and all(said["width"] and said["height"] for said in boxes)


def test_links_lead_to_the_record(made: tuple[Path, str]) -> None:
    links = [said["href"] or "" for name, said in read(made[1]) if name == "a"]
    assert [link for link in links if not link.startswith("#")] == ["run.json", "run.json"]
    assert (made[0] / "run.json").is_file()


def test_the_page_fits_its_budget(tmp_path: Path) -> None:
    noise = torch.rand(8, 3, 96, 128, generator=torch.Generator().manual_seed(0)).mul(2).sub(1)
    Clip.of(noise, 8).write(tmp_path / "in.mp4")
    one = system(tmp_path)
    bare = len(page((one,), tmp_path, 10_000_000, each=0).encode())
    whole = len(page((one,), tmp_path, 10_000_000, each=2).encode())
    budget = bare + 90_000
    tight = page((one,), tmp_path, budget, each=2)
    assert tight.count("data:video/mp4") == 3  # three have a score
    assert len(tight.encode()) <= budget < whole
    with pytest.raises(BadInput, match="--budget"):
        page((one,), tmp_path, 1000)


def test_every_mean_has_its_interval_and_its_n(tmp_path: Path) -> None:
    one = system(tmp_path)
    content = page((one,), tmp_path, 2_000_000, each=0)
    row = re.search(rf"<tr[^>]*><th[^>]*>{tables.code(UP)}.*?</tr>", content)
    assert row and re.findall(r'<td class="n[^"]*">([^<]*)</td>', row[0])[-2:] == ["3", "1"]
    assert re.search(r"[\d.]+ to [\d.]+", row[0]) and "imgedit/strict" in content


def test_scorers_without_any_value_are_folded_away(tmp_path: Path) -> None:
    one = system(tmp_path)
    results = [replace(r, score=Score(OTHER, nan, "no")) if r.score.scorer == OTHER else r for r in one.results]
    above, _, folded = tables.scores((replace(one, results=results),), "note").partition("<details>")
    assert "lpips" in folded and "lpips" not in above and "psnr" in above and "psnr" not in folded
    assert "<details>" not in tables.scores((one,), "note")


def test_systems_are_compared_case_by_case(tmp_path: Path) -> None:
    one, other = system(tmp_path), system(tmp_path, "theirs", (11, 31, nan, 21))
    content = tables.differences((one, other))
    assert content.count("<td") == 3 * 5 and ">1.000<" in content.replace("1.000 to", "") and "3 comparisons" in content
    fewer = replace(other, results=list(other.results)[3:])
    assert "not compared" in tables.differences((one, fewer))


def test_the_worst_stand_first_whichever_way_is_better(tmp_path: Path) -> None:
    one = system(tmp_path)
    assert [(p.case.id, p.place) for p in picked([one], UP, 1)] == [("c0", "worst 1"), ("c1", "best 1")]
    assert [(p.case.id, p.place) for p in picked([one], DOWN, 1)] == [("c1", "worst 1"), ("c0", "best 1")]
    assert [(p.case.id, p.place) for p in picked([one], OTHER, 1)] == [("c0", "lowest 1"), ("c1", "highest 1")]
    many = picked([one], UP, 5)
    assert [p.case.id for p in many] == ["c0", "c3", "c1"]


def test_the_leading_scorer_is_one_that_judges(tmp_path: Path) -> None:
    one = system(tmp_path)
    assert leading([one]) == DOWN and leading([one], OTHER) == OTHER  # likeness to the source claims nothing
    assert leading([system(tmp_path, "none", (nan,) * 4)]) is None
    with pytest.raises(BadInput, match="there are"):
        leading([one], "nothing")


def test_what_could_not_be_scored_is_told_with_its_reason(tmp_path: Path) -> None:
    one = system(tmp_path)
    (gap,) = gaps(one)
    assert gap.reason == "it is not there" and gap.turns == (("c2", 1),) and gap.scorers == (UP, DOWN, OTHER)
    for content in (page((one,), tmp_path, 2_000_000, each=0), markdown((one,), tmp_path)):
        assert "it is not there" in content and "c2" in content
    wordy = [replace(r, score=replace(r.score, reason=r.score.reason and "no " * 200)) for r in one.results]
    assert [len(gap.reason) for gap in gaps(replace(one, results=wordy))] == [160], "the record has the whole"
    lost = system(tmp_path, "none", (nan,) * 4)
    assert "Nothing could be scored" in page((lost,), tmp_path, 2_000_000)
    assert "it is not there" in markdown((lost,), tmp_path)


def test_published_rows_of_another_protocol_are_marked(tmp_path: Path) -> None:
    strict = system(tmp_path)
    compat = replace(strict, protocol="imgedit/compat")
    for make in (lambda one: page((one,), tmp_path, 2_000_000, each=0), lambda one: markdown((one,), tmp_path)):
        apart, same = make(strict), make(compat)
        assert apart.count("≠ not comparable") == 15 and "= same protocol" not in apart
        assert same.count("= same protocol") == 13 and same.count("≠ not comparable") == 2
        assert "imgedit/compat, not imgedit/strict" in apart and "GPT-4.1" in apart and "2505.20275" in apart
    elsewhere = replace(strict, protocol="imgedit-of-ours/strict")
    assert "No published figures" in page((elsewhere,), tmp_path, 2_000_000, each=0)


def test_a_figure_of_ours_stands_beside_a_published_one_only_of_the_very_scorer(tmp_path: Path) -> None:
    one = replace(system(tmp_path), protocol="ivebench/compat")
    table = published("ivebench")[0]
    assert "n 3" not in tables.beside((one,), table)
    ours = replace(table, scorers={"temporal flickering": UP})
    assert tables.beside((one,), ours).count("n 3") == 1


@pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{table.protocol} {table.how[:12]}")
def test_published_tables_are_whole(table) -> None:
    assert all(len(row) == len(table.columns) for row in table.rows.values()) and table.rows
    assert all(figure == "–" or float(figure) >= 0 for row in table.rows.values() for figure in row)
    assert table.protocol.count("/") == 1 and table.source and table.how
    assert set(table.scorers) <= set(table.columns)
    assert table.second_hand | set(table.remarks) <= set(table.rows)


def test_markdown_text_means_nothing_but_itself(tmp_path: Path) -> None:
    content = markdown((system(tmp_path, "a|b*c", said="<b>x</b> | [y](z)\n# big"),), tmp_path)
    assert "<b>" not in content and "\n# big" not in content and "[y](" not in content
    assert "a\\|b\\*c" in content and "[run.json](run.json)" in content


def test_tiles_show_the_same_moment(tmp_path: Path) -> None:
    frames = torch.linspace(-1, 1, 8)[:, None, None, None].expand(8, 3, 32, 48)
    Clip.of(frames, 8).write(tmp_path / "a.mp4")
    Clip.of(frames[::2], 4).write(tmp_path / "b.mp4")
    seen = film({"before": tmp_path / "a.mp4", "after": tmp_path / "b.mp4"}, 1_000_000)
    assert isinstance(seen, Film) and (seen.frames, seen.names) == (8, ("before", "after"))
    assert any("4 frames" in note for note in seen.notes) and any("4 frames a second" in note for note in seen.notes)
    whole = decoded(seen, tmp_path)  # [T, 3, 2y, x]
    assert whole.shape == (8, 3, 64, 48)
    levels = whole.mean((1, 3)).unflatten(1, (2, 32)).mean(2)  # [T, tile]
    assert (levels[:, 0] - frames[:, 0, 0, 0]).abs().max() < 0.05
    assert (levels[:, 1] - frames[::2, 0, 0, 0].repeat_interleave(2)).abs().max() < 0.05


def decoded(seen: Film, folder: Path) -> torch.Tensor:
    from base64 import b64decode

    path = folder / ("film.webp" if seen.still else "film.mp4")
    path.write_bytes(b64decode(seen.url.partition(",")[2]))
    return Clip.read(path).frames


def test_a_film_says_what_it_does_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "MOST", 4)
    files = {"before": clip(tmp_path / "a.mp4", frames=6), "after": clip(tmp_path / "b.mp4", size=(64, 48), frames=6)}
    (tmp_path / "c.mp4").write_bytes(b"no clip")
    seen = film({**files, "worse": tmp_path / "c.mp4", "none": tmp_path / "d.mp4"}, 1_000_000)
    assert isinstance(seen, Film) and seen.names == ("before", "after") and seen.frames == 4
    told = " ".join(seen.notes)
    assert "first 4 of 6" in told and "48×64" in told and "d.mp4 is not there" in told and "worse:" in told
    assert "is not there" in str(film({"after": tmp_path / "d.mp4"}, 1_000_000))
    assert "--budget" in str(film(files, 50))


def test_a_film_that_is_too_large_becomes_smaller_then_shorter(tmp_path: Path) -> None:
    noise = torch.rand(8, 3, 96, 128, generator=torch.Generator().manual_seed(0)).mul(2).sub(1)
    Clip.of(noise, 8).write(tmp_path / "a.mp4")
    files = {"before": tmp_path / "a.mp4"}
    large = film(files, 10_000_000)
    assert isinstance(large, Film) and large.size == (96, 128)
    few = film(files, len(large.url) // 3)
    assert isinstance(few, Film) and few.size < large.size and len(few.url) <= len(large.url) // 3
    least = film(files, 9_000)
    assert isinstance(least, Film) and least.frames < 8 and "size of the page" in least.notes[-1]


def test_pictures_are_shown_as_pictures(tmp_path: Path) -> None:
    paths = {name: tmp_path / f"{name}.png" for name in ("before", "after")}
    for level, path in zip((-0.5, 0.5), paths.values()):
        Clip.of(torch.full((1, 3, 40, 64), level), 25).write(path)
    seen = film(paths, 100_000)
    assert isinstance(seen, Film) and seen.still and seen.url.startswith("data:image/webp")
    assert abs(float(decoded(seen, tmp_path)[0, :, -8:].mean()) - 0.5) < 0.05


def test_bars_lie_where_their_figures_say() -> None:
    drawn = bar(Estimate(20.0, 15.0, 25.0, 9, 9), 0.0, 40.0, 0)
    assert 'x="0.0"' in drawn and 'width="50.0"' in drawn and 'x1="37.5" y1="6" x2="62.5"' in drawn
    below = bar(Estimate(-1.0, nan, nan, 1, 1), -2.0, 2.0, 7)
    assert 'x="25.0"' in below and 'width="25.0"' in below and "<line" not in below and "s1" in below
    assert bar(None, 0, 1, 0) == "" == bar(Estimate(nan, nan, nan, 0, 0), 0, 1, 0)


@given(st.text())
def test_markup_gives_text_back(said: str) -> None:
    class Back(HTMLParser):
        found = ""

        def handle_data(self, data: str) -> None:
            self.found += data

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag == "p" and [value for _, value in attrs] == [wanted or ""]

    wanted = "".join("\ufffd" if c < " " and c not in "\t\n\r" else c for c in said)
    back = Back()
    back.feed(tag("p", said, title=said))
    back.close()
    assert back.found == wanted and text(said).encode() == text(said).encode("utf-8", "replace")


def test_colours_can_be_read_on_their_ground() -> None:
    """WCAG 2: 4.5 to 1 for text, 3 to 1 for marks, light and dark."""
    style = (HERE / "page.css").read_text("utf-8")
    themes = [
        dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]
    assert len(themes) == 2
    for theme in themes:
        for ground in ("ground", "raised"):
            assert min(contrast(theme[ink], theme[ground]) for ink in ("ink", "pale", "link", "warn")) >= 4.5
            assert min(contrast(theme[f"s{n}"], theme[ground]) for n in range(tables.HUES)) >= 3


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_a_record_is_shown_whole_or_cut_aloud(tmp_path: Path) -> None:
    one = replace(system(tmp_path), record={"a": "x" * 30_000})
    content = page((one,), tmp_path, 2_000_000, each=0)
    assert "cut after" in content and json.dumps("x" * 30_000) not in content

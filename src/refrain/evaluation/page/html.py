"""The page as HTML: one file with its styles, its script and its films inside, which asks nothing of the network.

Its Content-Security-Policy says so to the browser, and lets no script run but ours: a page stays harmless even where
text of a file would find a way into it.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from string import Template

from refrain.errors import BadInput
from refrain.evaluation.page import player, tables
from refrain.evaluation.page.address import address
from refrain.evaluation.page.film import Film, film
from refrain.evaluation.page.markup import Markup, joined, tag
from refrain.evaluation.page.matter import (
    AFTER,
    BEFORE,
    TRUTH,
    Pick,
    System,
    arrow,
    direction,
    leading,
    picked,
    valued,
)
from refrain.evaluation.told.published import published
from refrain.evaluation.told.report import FOOT, shown

HERE = Path(__file__).parent
RECORD = 20_000  # characters of a record that are shown; the file has it all
Progress = Callable[[int, int], None]


def page(
    systems: Sequence[System],
    folder: Path,
    budget: int,
    scorer: str | None = None,
    each: int = 3,
    progress: Progress = lambda done, total: None,
) -> str:
    """The whole page.

    folder: where the page will lie; links to records are relative to it. budget: bytes that it may have.
    scorer: by which cases are ordered. each: how many of the worst and of the best are shown.
    Raises BadInput where the words alone are larger than the budget.
    """
    leader = leading(systems, scorer)
    picks = picked(systems, leader, each) if leader else []
    parts = _parts(systems, folder, leader)
    bare = len(_filled(parts, _cases(systems, leader, [(pick, "") for pick in picks])).encode())
    if bare > budget:
        raise BadInput(f"The page has {bare / 1e6:.1f} MB before any film; give a --budget above that.")
    left, shown_cases = budget - bare, list[tuple[Pick, Film | str]]()
    for n, pick in enumerate(picks):
        progress(n, len(picks))
        fixed = 4_000  # what a player has around its film
        found = film(_files(systems, pick), left // (len(picks) - n) - fixed)
        left -= fixed + len(found.url if isinstance(found, Film) else found)
        shown_cases.append((pick, found))
    done = _filled(parts, _cases(systems, leader, shown_cases))
    assert len(done.encode()) <= budget
    return done


def _files(systems: Sequence[System], pick: Pick) -> Mapping[str, Path]:
    """What a player shows, by name: source, every answer, the true answer."""
    case, files = pick.case, dict[str, Path]()
    if case.source is not None:
        files[BEFORE] = case.source
    for system in systems:
        files[AFTER if len(systems) == 1 else system.name] = system.answer(case, pick.turn)
    if len(case.truth) >= pick.turn:
        files[TRUTH] = case.truth[pick.turn - 1]
    return files


def _filled(parts: Mapping[str, str], cases: Markup) -> str:
    return Template((HERE / "page.html").read_text("utf-8")).substitute(parts, cases=cases)


def _parts(systems: Sequence[System], folder: Path, leader: str | None) -> dict[str, str]:
    """What stands at the names in page.html, but for the cases."""
    first = systems[0]
    style, script = ((HERE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    note = f"Protocol {first.protocol}. {FOOT} n counts turns of cases; a scorer's own protocol ends its name."
    several = tables.differences(systems) if len(systems) > 1 else ""
    return {
        "title": tag("title", f"{first.title}: {', '.join(s.name for s in systems)}"),
        "policy": f"default-src 'none'; img-src data:; media-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'",
        "style": style,
        "script": script,
        "heading": _heading(systems),
        "leaders": _leaders(systems, leader),
        "scores": joined([tables.scores(systems, note), tables.together(systems), several]),
        "categories": _categories(systems, leader),
        "unscored": tables.unscored(systems),
        "published": _published(systems),
        "record": joined(_record(system, folder) for system in systems),
    }


def _hash(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"


def _heading(systems: Sequence[System]) -> Markup:
    first = systems[0]
    turns = sum(len(case.instructions) for case in first.cases)
    count = f"{len(first.cases)} cases" + (f", {turns} turns" if turns > len(first.cases) else "")
    names = " · ".join(system.name for system in systems)
    facts = f"{first.protocol} · {count} · {len({c.category for c in first.cases})} categories"
    return joined(
        [tag("p", facts, class_="facts"), tag("h1", first.title), tag("p", names, class_="names", dir="auto")]
    )


def _leaders(systems: Sequence[System], leader: str | None) -> Markup:
    """The figure of every system that stands at the top."""
    if leader is None:
        return tag("p", "Nothing could be scored; the reasons stand below.", class_="warn")
    cards: list[Markup] = []
    for n, system in enumerate(systems):
        found = system.estimates.get(leader, {}).get("all")
        mean, interval = ("–", "not asked") if found is None else shown(found)
        many = "" if found is None else f"{interval} (95 %), n {found.n}, {found.unscored} unscored"
        name = tag("span", tables.key(n), system.name, class_="who", dir="auto")
        cards.append(tag("li", name, tag("strong", mean), tag("span", many, class_="small")))
    said = tag("p", tag("code", leader), f" {arrow(leader)} {direction(leader)}", class_="small")
    return joined([said, tag("ul", joined(cards), class_="cards")])


def _categories(systems: Sequence[System], leader: str | None) -> Markup:
    """The leading scorer's bars, and those of the others folded away."""
    if leader is None:
        return tag("p", "Nothing could be scored.")
    others = [name for name in valued(systems) if name != leader]
    folded = joined(tables.categories(systems, name) for name in others)
    more = [tag("details", tag("summary", f"the other {len(others)} scorers by category"), folded)] if others else []
    return joined([tables.categories(systems, leader), *more])


def _published(systems: Sequence[System]) -> Markup:
    found = published(systems[0].benchmark)
    if not found:
        return tag("p", "No published figures of this benchmark are known here.")
    return joined(tables.beside(systems, table) for table in found)


def _cases(systems: Sequence[System], leader: str | None, cases: Sequence[tuple[Pick, Film | str]]) -> Markup:
    if leader is None or not cases:
        return tag("p", "No case was scored, so none is shown.")
    of = f" of {systems[0].name}" if len(systems) > 1 else ""
    intro = tag(
        "p", "The worst and the best answers", of, " by ", tag("code", leader),
        ". Shown small and compressed again; the scores are of the files themselves. In a player: ",
        tag("kbd", "space"), " plays, ", tag("kbd", "←"), " ", tag("kbd", "→"), " step frames, ",
        tag("kbd", "L"), " loops, ", tag("kbd", "D"), " divides.",
    )  # fmt: skip
    return joined([intro, *(player.case(systems, leader, n, *one) for n, one in enumerate(cases))])


def _record(system: System, folder: Path) -> Markup:
    """Links to the files of a run, and its cause in full."""
    links = [tag("li", tag("a", name, href=address(path, folder))) for name, path in system.files.items()]
    said = json.dumps(system.record, indent=2, ensure_ascii=False)
    cut = said[:RECORD] + (f"\n… cut after {RECORD} characters; run.json has it all" if len(said) > RECORD else "")
    whole = tag("details", tag("summary", "the whole record"), tag("pre", cut, tabindex="0"))
    return joined([tag("h3", system.name, dir="auto"), tag("ul", joined(links), class_="links"), whole])

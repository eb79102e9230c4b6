"""A case on the page: what was asked, a player of what came of it, its scores.

Without the script the film itself is there, with the browser's own controls.
"""

import json
from collections.abc import Sequence

from refrain.evaluation.page.film import Film
from refrain.evaluation.page.markup import Markup, joined, tag
from refrain.evaluation.page.matter import Pick, System, arrow, scorers
from refrain.evaluation.page.tables import code, table


def case(systems: Sequence[System], leader: str, number: int, pick: Pick, seen: Film | str) -> Markup:
    """One case: what was asked, what came of it, every score of it."""
    one, turn = pick.case, pick.turn
    before = [tag("li", said, dir="auto") for said in one.instructions[: turn - 1]]
    asked = [tag("ol", joined(before), class_="earlier")] if before else []
    facts = " · ".join([pick.place, one.category, f"case {one.id}", *([f"turn {turn}"] if before else [])])
    values = [f"{system.name}: {_figure(system.values.get((one.id, turn, leader)))}" for system in systems]
    head = [
        tag("p", facts, class_="small"),
        *asked,
        tag("h3", one.instructions[turn - 1], dir="auto", id=f"case{number}"),
        tag("p", f"{leader} {arrow(leader)} ", tag("strong", " · ".join(values)), class_="small"),
    ]
    body = _player(seen, number) if isinstance(seen, Film) else tag("p", seen or "No film.", class_="warn")
    names = scorers(systems)
    rows = [
        tag("tr", tag("th", code(name), scope="row"), *[_cell(system, one.id, turn, name) for system in systems])
        for name in names
    ]
    scored = table("All scores of this case.", ["scorer", *(s.name for s in systems)], rows, f"Scores of case {one.id}")
    return tag(
        "article",
        tag("header", *head),
        body,
        tag("details", tag("summary", "all scores of this case"), scored),
        class_="case",
    )


def _cell(system: System, case: str, turn: int, scorer: str) -> Markup:
    return tag("td", _figure(system.values.get((case, turn, scorer))), class_="n")


def _figure(value: float | None) -> str:
    return "unscored" if value is None else f"{value:.4g}"


def _player(seen: Film, number: int) -> Markup:
    """A film with its tiles; the script draws them side by side, or one against the other."""
    rows, columns = seen.size
    n = len(seen.names)
    size = {"width": columns, "height": rows}
    if seen.still:
        medium = tag("img", class_="film", src=seen.url, alt="", width=columns, height=rows * n)
    else:
        medium = tag(
            "video", class_="film", src=seen.url, width=columns, height=rows * n, muted=True, loop=True,
            playsinline=True, controls=True, preload="auto", tabindex="-1", aria_hidden="true",
        )  # fmt: skip
    tiles = [
        tag(
            "figure",
            tag("canvas", **size, role="img", aria_label=name),
            tag("figcaption", name, dir="auto"),
            class_="tile",
        )
        for name in seen.names
    ]
    parts = [medium, tag("div", joined(tiles), class_=f"tiles of{min(n, 4)}")]
    if n > 1:
        parts.append(_divided(seen))
    parts.append(_controls(seen))
    parts += [tag("p", note, class_="small warn") for note in seen.notes]
    return tag(
        "div", joined(parts), class_="player", role="group", tabindex="0", aria_labelledby=f"case{number}",
        data_tiles=json.dumps(list(seen.names)), data_rows=rows, data_fps=f"{seen.fps:.6g}", data_frames=seen.frames,
    )  # fmt: skip


def _divided(seen: Film) -> Markup:
    """Two tiles in one picture, with a line between them that can be moved."""
    rows, columns = seen.size
    options = [tag("option", name, value=n, selected=n == 1) for n, name in enumerate(seen.names)]
    left = [tag("option", name, value=n, selected=n == 0) for n, name in enumerate(seen.names)]
    choose = [
        tag("label", "left ", tag("select", joined(left), class_="left")),
        tag("label", "right ", tag("select", joined(options), class_="right")),
        tag("label", "divider ", tag("input", type="range", class_="line", min=0, max=100, value=50)),
    ]
    picture = tag("canvas", width=columns, height=rows, role="img", aria_label="left against right")
    return tag("div", picture, tag("div", joined(choose), class_="row"), class_="divided", hidden=True)


def _controls(seen: Film) -> Markup:
    """Buttons and sliders: everything that the keys do."""
    slider = tag("input", type="range", class_="frame", min=0, max=seen.frames - 1, value=0)
    moving = [
        tag("button", "play", type="button", class_="play"),
        tag("button", "‹", type="button", class_="back", aria_label="one frame back"),
        tag("button", "›", type="button", class_="on", aria_label="one frame on"),
        tag("label", tag("span", "frame", class_="unseen"), slider, class_="grow"),
        tag("output", f"1 / {seen.frames}", class_="at"),
        tag("label", tag("input", type="checkbox", class_="loop", checked=True), " loop"),
    ]
    side = tag("label", tag("input", type="checkbox", class_="divide"), " divider")
    parts = [*([] if seen.still else moving), *([side] if len(seen.names) > 1 else [])]
    return tag("div", joined(parts), class_="row controls") if parts else Markup("")

"""The pieces of HTML that the page is made of, from plain data. Whatever a person wrote is made harmless here."""

from collections.abc import Sequence
from fractions import Fraction
from html import escape
from typing import Any

from refrain.editing.session.turn import Turn

from .player import player_html
from .views import Shown


def safe(text: object) -> str:
    """Text that stays text, in HTML and in Gradio's templates."""
    return escape(str(text)).replace("{", "&#123;").replace("}", "&#125;").replace("$", "&#36;")


def bring(most: int, seconds: float) -> str:
    """Where a file is dropped or chosen."""
    return f"""<div class="bring">
<div class="drop" data-most="{most}"><b>Drop a clip or a picture here</b>
<span>or press to choose one: MP4, MOV, MKV, WebM, AVI, GIF, PNG, JPEG or WebP,
up to {most >> 20} MB and {seconds:g} s</span>
<input type="file" accept="video/*,image/*,.mkv,.avi" aria-label="Choose a clip or a picture"></div>
<details><summary>Only a part of it, or another size</summary><div class="part">
<label>from <input name="from" type="number" min="0" step="0.1" placeholder="0"> s</label>
<label>to <input name="to" type="number" min="0" step="0.1" placeholder="end"> s</label>
<label>model's size <input name="size" type="number" min="32" max="1024" step="32" placeholder="usual"> px</label>
</div></details>
<p class="said" role="status"></p><progress hidden aria-label="Upload"></progress>
<img class="first" alt="The first frame of the clip that is being opened" hidden></div>"""


def stage(name: str, turn: Turn, facts: Shown, before: Shown | None) -> str:
    """The player of a turn beside the turn that it edits; the mark tells the page where it stands."""
    root = f"/own/view/{name}"
    own = f"{root}/{turn.id:03d}{facts.ending}"
    marks: Sequence[Fraction | float] = () if facts.picture else facts.times
    size = (facts.wide, facts.high)
    if before is None or turn.parent is None or before.picture != facts.picture:
        played = player_html(own, None, size, marks, sound=facts.sound)
    else:
        matte = f"{root}/{turn.id:03d}-matte{facts.ending}" if facts.matte else None
        played = player_html(
            f"{root}/{turn.parent:03d}{facts.ending}", own, size, marks, matte=matte, sound=facts.sound,
            names=("Source" if turn.parent == 0 else f"Turn {turn.parent}", f"Turn {turn.id}"),
        )  # fmt: skip
    return f'<div data-here data-session="{name}" data-turn="{turn.id}">{played}</div>'


def take(name: str, turn: Turn, facts: Shown) -> str:
    """What can be taken home."""
    root = f"/own/take/{name}/{turn.id}"
    kind = "picture" if facts.picture else "clip"
    links = [("clip", f"Download {kind}"), *([("matte", "Matte")] if facts.matte else [])]
    links += [("mask", "Mask")] if turn.record.get("asked", {}).get("bound") else []
    pictures = turn.record.get("asked", {}).get("references", ())
    links += [(f"reference-{n}", f"Picture {n}") for n in range(1, len(pictures) + 1)]
    links += [("record", "Record")]
    said = " ".join(f'<a class="plain" href="{root}/{what}" download>{word}</a>' for what, word in links)
    length = "" if facts.picture else f", {facts.frames} frames, {facts.times[-1]:.1f} s"
    return f'<div class="take">{said}<small>{facts.columns}×{facts.rows}{length}</small></div>'


def history(name: str, shown: dict[str, Any], worn: Sequence[str] = ()) -> str:
    """The tree of turns as a list: the first way on stays in its lane, other ways from a turn stand further right.

    worn: of each turn the effects that were picked for it, "" for none.
    """
    children: dict[int | None, list[int]] = {}
    for turn in shown["turns"]:
        children.setdefault(turn["parent"], []).append(turn["turn"])
    rows: list[str] = []
    left = [(0, 0)]
    while left:
        number, lane = left.pop()
        rows.append(f'<li style="--lane: {lane}">{_turn(name, shown["turns"][number], shown, worn)}</li>')
        left += reversed([(child, lane + (n > 0)) for n, child in enumerate(children.get(number, []))])
    return f'<ul aria-label="History">{"".join(rows)}</ul>'


def _turn(name: str, turn: dict[str, Any], shown: dict[str, Any], worn: Sequence[str]) -> str:
    number = turn["turn"]
    words = safe(turn["words"]) if turn["parent"] is not None else f"Source: {safe(shown['source'] or 'clip')}"
    effect = f", with {safe(worn[number])}" if worn and worn[number] else ""
    seed = f"<small> turn {number}, seed {turn['seed']}{effect}</small>" if turn["parent"] is not None else ""
    current = "true" if number == shown["here"] else "false"
    return (
        f'<button type="button" data-turn="{number}" aria-current="{current}">'
        f'<img src="/own/view/{name}/{number:03d}.jpg" alt=""><span>{words}<br>{seed}</span></button>'
    )


def ways(name: str, turns: Sequence[Turn], here: int, picture: bool) -> str:
    """Answers to the same words beside one another, to choose from."""
    cells: list[str] = []
    for turn in turns:
        root = f"/own/view/{name}/{turn.id:03d}"
        poster = f"{root}-still.jpg"
        seen = (
            f'<img src="{poster}" alt="">'
            if picture
            else f'<video src="{root}.mp4" poster="{poster}" muted loop autoplay playsinline></video>'
        )
        seed = turn.record["asked"]["seed"]
        cells.append(
            f'<li><button type="button" data-turn="{turn.id}" aria-current="{str(turn.id == here).lower()}" '
            f'aria-label="Take turn {turn.id}, seed {seed}">{seen}<small>seed {seed}</small></button></li>'
        )
    return f"<ul>{''.join(cells)}</ul>"


def shelf(clips: Sequence[tuple[str, str, int]], here: str) -> str:
    """The sessions of a room: name, label, turns."""
    cells = [
        f'<li><button type="button" class="card" data-open="{name}" aria-current="{str(name == here).lower()}">'
        f'<img src="/own/view/{name}/000.jpg" alt=""><span class="name">{safe(label)}</span>'
        f"<small>{turns} turn{'' if turns == 1 else 's'}</small></button>"
        f'<button type="button" class="away" data-remove="{name}" aria-label="Remove {safe(label)}">×</button></li>'
        for name, label, turns in clips
    ]
    return f"<ul>{''.join(cells)}</ul>" if cells else "<p>No clips yet.</p>"


def region(name: str, turn: Turn, facts: Shown, predicts: bool = False) -> str:
    """Where the next change may happen: a box, a brush, or four numbers; where the model predicts it, with that."""
    root = f"/own/view/{name}/{turn.id:03d}"
    matte = (
        f'<button type="button" class="plain" data-matte="{root}-still-matte.jpg">Begin with what was changed</button>'
        if facts.matte
        else ""
    )
    expect = (
        '<button type="button" class="plain" data-expect>Begin with where it expects to change</button>'
        if predicts
        else ""
    )
    sides = "".join(
        f'<label>{word} <input type="number" name="side" min="0" max="{most}" step="1"></label>'
        for word, most in (
            ("left", facts.columns), ("top", facts.rows), ("right", facts.columns), ("bottom", facts.rows)
        )
    )  # fmt: skip
    tools = "".join(
        f'<label><input type="radio" name="tool" value="{value}"{" checked" if value == "box" else ""}> {word}</label>'
        for value, word in (("box", "Box"), ("brush", "Brush"), ("erase", "Erase"))
    )
    return f"""<div class="region" data-wide="{facts.columns}" data-high="{facts.rows}">
<div class="tools" role="radiogroup" aria-label="How to mark">{tools}
<label>width <input type="range" name="width" min="2" max="40" value="12"></label></div>
<div class="canvas"><img src="{root}-still.jpg" alt="A frame to mark" width="{facts.wide}" height="{facts.high}">
<canvas></canvas></div>
<div class="tools">{sides}</div>
<div class="tools"><button type="button" class="plain" data-clear>Clear</button>{matte}{expect}</div>
<p class="said" role="status">Everything may change.</p></div>"""


def copies(line: str, program: str) -> str:
    """What was done, to copy."""
    return (
        '<div class="copies">'
        + "".join(
            f'<div><b>{title}</b><pre tabindex="0">{safe(text)}</pre>'
            '<button type="button" class="plain" data-copy>Copy</button></div>'
            for title, text in (("As a command", line), ("As Python", program))
        )
        + "</div>"
    )


def alert(told: str) -> str:
    """A sentence of what went wrong; nothing where nothing did."""
    return f'<p class="alert" role="alert"><span>{told}</span></p>' if told else ""

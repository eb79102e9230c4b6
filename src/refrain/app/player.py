"""The player: a picture or video before and after an edit, in step, with a divider to pull. No model and no server.

It is one custom element, `<refrain-player>`, that the browser learns once from the page's head (`player_head`); after
that any HTML may hold one (`player_html`), also HTML that is put into the page later, whose scripts a browser ignores.
It asks for the addresses it is given and for nothing else.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from html import escape
from importlib.resources import files

SCRIPTS = ("player_clock.js", "player_view.js", "player_hands.js", "player.js")
PAGE_STYLE = (
    ":root { color-scheme: light dark; background: light-dark(#fff, #14161c); color: light-dark(#1f2430, #e8eaf0); }"
)


def player_html(
    before: str,
    after: str | None,
    size: tuple[int, int],
    times: Sequence[Fraction | float] = (),
    *,
    matte: str | None = None,
    names: tuple[str, str] = ("Before", "After"),
    sound: bool = False,
) -> str:
    """One player, as the value of a `gr.HTML`.

    before, after, matte: addresses of pictures, or of videos whose first frame is shown at 0 s and which hold the same
        frames at the same times; after is None before the first edit, and matte is white where something changed.
    size: width and height in pixels as shown; the place is kept from the first moment.
    times: for videos, the start of every frame and the end of the last, in seconds, the first 0; none for pictures.
    names: what stands on the two sides.
    sound: whether `after` (else `before`) has sound.
    """
    given = {
        "before": before,
        "after": after,
        "matte": matte,
        "width": str(size[0]),
        "height": str(size[1]),
        "marks": " ".join(f"{float(time):.6g}" if time < 1 else f"{float(time):.6f}" for time in times) or None,
        "before-name": names[0],
        "after-name": names[1],
        "sound": "" if sound else None,
    }
    told = "".join(f' {name}="{escape(value)}"' for name, value in given.items() if value is not None)
    return f"<refrain-player{told}></refrain-player>"


@cache
def player_script() -> str:
    """The JavaScript that defines the element, with its style inside."""
    folder = files("refrain.app") / "web"
    style = (folder / "player.css").read_text("utf-8").replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")
    parts = [f"const STYLE = `{style}`;", *((folder / name).read_text("utf-8") for name in SCRIPTS)]
    return "(() => {\n" + "\n".join(parts) + "\n})();\n"


def player_head() -> str:
    """What the head of the page needs, as `launch(head=…)` takes it.

    Places are kept before the script has run, so that nothing jumps.
    """
    return f"<style>refrain-player {{ display: block; min-height: 8rem; }}</style><script>{player_script()}</script>"


def player_page(player: str, title: str = "Refrain") -> str:
    """A page that holds nothing but `player`, the HTML of one; it can be kept beside the clips and opened by hand."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{PAGE_STYLE}</style>"
        f"{player_head()}</head><body><main><h1>{escape(title)}</h1>{player}</main></body></html>"
    )

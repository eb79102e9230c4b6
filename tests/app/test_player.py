"""The HTML of the player, without a browser."""

from fractions import Fraction
from html.parser import HTMLParser

from refrain.app.player import player_head, player_html, player_page


class Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_whatever_names_and_addresses_hold_they_stay_attributes() -> None:
    evil = '"><script>alert(1)</script>&<img src=x onerror=alert(2)>'
    html = player_html(evil, evil, (4, 2), matte=evil, names=(evil, evil))
    ((tag, given),) = Elements(html).found
    assert tag == "refrain-player"
    assert {given[name] for name in ("before", "after", "matte", "before-name", "after-name")} == {evil}


def test_times_are_said_to_a_microsecond_and_pictures_have_none() -> None:
    times = [Fraction(n * 1001, 30000) for n in range(2000)]
    ((_, video),) = Elements(player_html("a", "b", (4, 2), times)).found
    said = [float(mark) for mark in (video["marks"] or "").split()]
    assert max(abs(a - float(b)) for a, b in zip(said, times, strict=True)) <= 1e-6
    ((_, picture),) = Elements(player_html("a", None, (4, 2))).found
    assert "marks" not in picture
    assert "after" not in picture


def test_the_script_does_not_end_before_its_end() -> None:
    assert player_head().count("</script>") == 1
    assert player_head().endswith("</script>")
    assert "http" not in player_page(player_html("a", "b", (4, 2))).replace("http-equiv", "")

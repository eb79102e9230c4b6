"""docs/help.md is what the command says of itself."""

from guarantees.house import ROOT
from refrain.cli.help import page
from refrain.cli.main import app


def test_the_page_of_help_is_that_of_the_command() -> None:
    written = (ROOT / "docs" / "help.md").read_text(encoding="utf-8")
    assert written == page(app), "write it anew: python -m refrain.cli.help docs/help.md"


def test_every_option_says_what_it_does() -> None:
    rows = [line for line in page(app).splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert not [row for row in rows if row.split("|")[3].strip() == "" and "--" in row]

"""A file of budgets says again what was written, and nothing else is taken for one."""

import json
from pathlib import Path
from typing import Any

import pytest

from refrain.attention import Isa
from refrain.attention.budgets import Budgets, load_budgets
from refrain.errors import BadInput

KEPT = ((0.5, 0.125), (1.0, 0.25), (0.0, 0.75))
SAID = Budgets("tiny", 3, 2, 0.02, KEPT, tile=(3, 5, 4), order=1, weights="abc", measured={"clips": ["a", "b"]})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "budgets.json"
    path.write_text(SAID.text(), encoding="utf-8")
    return path


@pytest.mark.parametrize("tile", [None, 64, (3, 5, 4)])
def test_what_was_written_is_read(path: Path, tile: Any) -> None:
    said = Budgets("tiny", 3, 2, 0.02, KEPT, tile=tile, order=1, neighbours=False, measured={"clips": ["a", "b"]})
    path.write_text(said.text(), encoding="utf-8")
    assert Budgets.read(path) == said
    assert load_budgets(path, 3, 2) == load_budgets(path) == Isa(budgets=KEPT, tile=tile, order=1, neighbours=False)


def test_a_file_for_another_model_is_refused_by_name(path: Path) -> None:
    with pytest.raises(BadInput, match="made for tiny, which has 3 layers; this model has 30"):
        load_budgets(path, 30, 2)
    with pytest.raises(BadInput, match="made for tiny, which has 2 heads; this model has 12"):
        load_budgets(path, 3, 12)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"extra": 1}, "says extra"),
        ({"layers": 4}, "4 layers, and have 3"),
        ({"heads": 3}, "3 heads, and layer 0 has 2"),
        ({"keep": [[0.5, 0.5], [0.5], [0.5, 0.5]]}, "2 heads, and layer 1 has 1"),
        ({"keep": [[0.5, 1.5]] * 3}, "of 0 to 1"),
        ({"keep": [[0.5, True]] * 3}, "no list of layers"),
        ({"keep": [[0.5, float("nan")]] * 3}, "of 0 to 1"),
        ({"keep": "all"}, "no list of layers"),
        ({"error": 0}, "must be above 0"),
        ({"error": "small"}, "`error` is not a number"),
        ({"order": 2}, "order is 0 or 1"),
        ({"order": True}, "`order` is not a whole number"),
        ({"tile": [3, 5]}, "A tile is a box"),
        ({"tile": [30, 5, 5]}, "A tile is a box"),
        ({"tile": "large"}, "`tile` is neither"),
        ({"neighbours": 1}, "`neighbours` is neither"),
        ({"weights": 3}, "`weights` is neither"),
        ({"measured": []}, "`measured` is not a table"),
    ],
)
def test_what_is_no_budget_is_refused_by_name(path: Path, change: dict[str, Any], sentence: str) -> None:
    path.write_text(json.dumps({**json.loads(SAID.text()), **change}), encoding="utf-8")
    with pytest.raises(BadInput, match=sentence):
        load_budgets(path)


@pytest.mark.parametrize("name", json.loads(SAID.text()))
def test_what_is_missing_is_named(path: Path, name: str) -> None:
    said = json.loads(SAID.text())
    del said[name]
    path.write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(BadInput, match=f"lacks {name}"):
        load_budgets(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"null"])
def test_what_is_no_json_object_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(BadInput, match="budgets.json"):
        load_budgets(path)
    with pytest.raises(BadInput, match="cannot be read"):
        load_budgets(path.parent / "none.json")

"""One browser for the tests of a file: starting one takes longer than most of them."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running

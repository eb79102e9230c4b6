"""The example of docs/install.md runs as it is printed."""

import re
from typing import Any

import pytest

from guarantees.house import ROOT

PAGE = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")


def test_the_example_runs_as_printed(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    names: dict[str, Any] = {}
    exec(compile(code, "docs/install.md", "exec"), names)  # noqa: S102  # our own page
    record, *lines = capsys.readouterr().out.splitlines()
    assert record.startswith("Installed(host='WanTransformer3DModel', layers=2")
    whole, some, none = (float(line.split()[-1]) for line in lines)
    assert whole < 1e-5 < some < 0.5
    assert none == 0

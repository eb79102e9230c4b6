"""What tests share: the folder of real clips, where there is one."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("laws", deadline=None, max_examples=40)  # a busy machine breaks no law
settings.load_profile("laws")

MATERIAL = Path(__file__).resolve().parents[2] / "shared" / "material"


@pytest.fixture(scope="session")
def material() -> Path:
    """Real clips, which do not travel with the project; tests that need them skip aloud where they are absent."""
    if not MATERIAL.is_dir():
        pytest.skip("no real clips here (../shared/material)")
    return MATERIAL

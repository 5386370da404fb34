"""What every test may use: the shared golden data where it is there, and a quiet Qt."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of golden checkpoints and results; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the golden data is not on this machine")
    return SHARED_DATA

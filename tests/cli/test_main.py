"""Where the program begins."""

import os
import subprocess
import sys
from pathlib import Path

from app import __version__

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import os, sys
from app.__main__ import main
sys.argv = ["rookery", "--version"]
print(main(), os.environ["OMP_WAIT_POLICY"], os.environ.get("GOMP_SPINCOUNT"))
"""


def begin(**environment):
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.split()


def test_threads_that_wait_sleep_unless_the_person_wants_otherwise():
    assert begin() == ["rookery", __version__, "0", "passive", "1000"]
    assert begin(OMP_WAIT_POLICY="active")[-2:] == ["active", "None"]
    assert begin(GOMP_SPINCOUNT="7")[-2:] == ["passive", "7"]

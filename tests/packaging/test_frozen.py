"""The folder that ``pyinstaller build.spec`` makes: a program that needs no Python beside it.

Takes minutes and over a GB of disk: `python3 launch.py test -m exhaustive tests/packaging`, after
`python3 launch.py bundle`, which brings the tool.
"""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frozen program, freshly built."""
    if importlib.util.find_spec("PyInstaller") is None:
        pytest.skip("the extra 'bundle' is not installed")
    folder = tmp_path_factory.mktemp("frozen")
    places = ("--distpath", str(folder / "dist"), "--workpath", str(folder / "build"))
    done = subprocess.run(
        [sys.executable, "-m", "PyInstaller", "--noconfirm", *places, "build.spec"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "dist" / "rookery" / ("rookery.exe" if os.name == "nt" else "rookery")


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of this Python's, and a folder for the program's own files."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | {"ROOKERY_HOME": str(folder), "QT_QPA_PLATFORM": "offscreen"}


def _guide(program: Path) -> Path:
    return next(program.parent.rglob("rookery-guide.safetensors"))


def test_it_generates_with_the_embedded_model(program: Path, tmp_path: Path) -> None:
    command = [program, "generate", "--model", _guide(program), "--prompt", "User: Hello"]
    done = subprocess.run(
        [*map(str, command), "--max-tokens", "20", "--seed", "1", "--json"],
        cwd=tmp_path,
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    reply = json.loads(done.stdout)
    assert reply["text"]
    assert 0 < len(reply["tokens"]) <= 20


def test_its_window_opens_and_starts_a_worker_of_its_own(program: Path, tmp_path: Path) -> None:
    window = psutil.Popen([str(program)], cwd=tmp_path, env=_environment(tmp_path))
    try:
        deadline = time.monotonic() + 60
        while not (workers := _workers(window)) and time.monotonic() < deadline:
            assert window.poll() is None
            time.sleep(0.2)
        assert len(workers) == 1
        assert Path(workers[0].exe()) == program
    finally:
        window.terminate()
    assert window.wait(20) == 0
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert alive == []


def _workers(window: psutil.Popen) -> list[psutil.Process]:
    return [child for child in window.children() if "--worker" in child.cmdline()]

"""``pip install .``: the program as an installed package, apart from its checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("app", "resources", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
CACHES = shutil.ignore_patterns("__pycache__")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with Rookery installed in it; the rest is borrowed from this one."""
    folder = tmp_path_factory.mktemp("install")
    source, venv = folder / "source", folder / "venv"
    source.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / part, source)
    _run(sys.executable, "-m", "venv", "--without-pip", str(venv))
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(_run(str(python), "-c", ask).strip())
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    _run(sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(source))
    return python


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_resource_is_installed_with_it(installed: Path, tmp_path: Path) -> None:
    ask = (
        "import json; from app.resources import resource; root = resource();"
        "print(json.dumps([str(root), sorted("
        "p.relative_to(root).as_posix() for p in root.rglob('*') if p.is_file())]))"
    )
    root, found = json.loads(_run(str(installed), "-c", ask, cwd=tmp_path))
    assert Path(root).is_relative_to(installed.parent.parent)
    ours = ROOT / "resources"
    files = [p for p in ours.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")]
    expected = [p.relative_to(ours).as_posix() for p in files]
    assert found == sorted(expected)


def test_its_command_runs_apart_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    command = installed.with_name("rookery.exe" if os.name == "nt" else "rookery")
    assert "generate" in _run(str(command), "--help", cwd=tmp_path)
    models = json.loads(_run(str(command), "models", "--json", cwd=tmp_path))
    assert "rookery-guide" in json.dumps(models)

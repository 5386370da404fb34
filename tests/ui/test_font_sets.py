"""Geometry holds with the fonts of other machines too: each set has a process of its own.

Fontconfig is read once a process, so the tests marked ``geometry`` run again in children.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.fonts import SETS, write_fonts

if sys.platform in ("win32", "darwin"):
    pytest.skip(
        "fonts are swapped through fontconfig, which Qt asks on Linux only",
        allow_module_level=True,
    )

_ROOT = Path(__file__).resolve().parents[2]
_AT_ONCE = max(1, min(len(SETS), (os.cpu_count() or 1)))
_LIMIT_S = 600  # about 10 s of one core, more on a machine that has other things to do
_BY_NAME = {fonts.name: fonts for fonts in SETS}
_PROBE = """
import json
from PySide6.QtGui import QFontDatabase, QFontInfo, QTextLayout
from PySide6.QtWidgets import QApplication
from app.ui.look.theme import Theme
app = QApplication([])
theme = Theme("light")
theme.apply(app)
def high(words):
    layout = QTextLayout(words, theme.font())
    layout.beginLayout()
    line = layout.createLine()
    layout.endLayout()
    return line.height()
families = set(QFontDatabase.families()) - {"Sans Serif", "Sans", "Serif", "Monospace"}
print(json.dumps({
    "families": sorted(families),
    "used": QFontInfo(theme.font()).family(),
    "lines": [high(words) for words in ("word", "漢", "🐦")],
}))
"""


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """A fontconfig file for each set."""
    folder = tmp_path_factory.mktemp("fonts")
    return {fonts.name: write_fonts(fonts, folder / fonts.name) for fonts in SETS}


@pytest.fixture(scope="module")
def runs(homes, tmp_path_factory):
    """The geometry tests with each set, as many at once as there are cores."""
    folder = tmp_path_factory.mktemp("runs")
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        yield {
            name: threads.submit(_geometry, config, folder / name) for name, config in homes.items()
        }


@pytest.mark.parametrize("name", _BY_NAME)
def test_a_process_sees_the_fonts_of_its_set_alone(homes, name):
    ran = _child(homes[name], "-c", _PROBE)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    seen, fonts = json.loads(ran.stdout), _BY_NAME[name]
    assert {face.family for face in fonts.faces} <= set(seen["families"])
    assert len(seen["families"]) <= len(fonts.faces) + 1
    if fonts.sans:
        assert seen["used"] == fonts.sans
    latin, chinese, bird = seen["lines"]
    if name in ("noto", "large"):
        assert latin < chinese
        assert latin < bird
    else:
        assert latin == chinese == bird


@pytest.mark.timeout(2 * _LIMIT_S)
@pytest.mark.parametrize("name", _BY_NAME)
def test_geometry_holds_with_other_fonts(runs, name):
    ran = runs[name].result()
    said = ran.stdout[-6000:] + ran.stderr[-2000:]
    assert ran.returncode == 0, f"with the fonts {name}:\n{said}"
    assert " passed" in ran.stdout
    assert "skipped" not in ran.stdout


def _geometry(config: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    options = ("-q", "-m", "geometry", "-p", "no:cacheprovider", "--basetemp", str(folder))
    return _child(config, "-m", "pytest", *options, *_marked_files())


def _marked_files() -> list[str]:
    """Those alone that hold such tests: to read all others takes longer than the tests."""
    files = sorted((_ROOT / "tests" / "ui").rglob("test_*.py"))
    return [str(file) for file in files if "mark.geometry" in file.read_text("utf-8")]


def _child(config: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
    env = os.environ | {"FONTCONFIG_FILE": str(config), "PYTHONPATH": path}
    env.pop("FONTCONFIG_PATH", None)
    env.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        [sys.executable, *words],
        env=env,
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )

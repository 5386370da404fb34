"""What loading a part of the program brings along, seen in processes of their own."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "cupy", "numpy", "PySide6", "huggingface_hub", "tokenizers", "gguf", "pyqtgraph")


def _loaded_after(code: str) -> set[str]:
    """The packages, by first name, that a fresh Python holds after running ``code``."""
    tell = "import json, sys; print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\n{tell}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def _modules(folder: str) -> list[str]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize(
    "module",
    [
        "app.errors",
        "app.messages.failures",
        "app.resources",
        "app.runtime.checkpoint",
        "app.library.scan",
        "app.runtime.protocol.messages",
        "app.runtime.planning.strategy",
        "app.runtime.worker.client",
        "app.runtime.worker.supervisor",
        "app.benchmark.benchmark_run",
        "app.hub.catalogue.entries",
        "app.hub.catalogue.memory_fit",
        "app.hub.sources.remote",
        "app.store.conversations",
        "app.store.settings",
        "app.cli",
        "app.__main__",
    ],
)
def test_it_loads_nothing_heavy(module: str) -> None:
    assert _loaded_after(f"import {module}") & set(HEAVY) == set()


def test_the_help_of_the_command_line_loads_nothing_heavy() -> None:
    code = (
        "import contextlib, sys\n"
        "from app.__main__ import main\n"
        "sys.argv = ['rookery', 'generate', '--help']\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main()\n"
    )
    assert _loaded_after(code) & set(HEAVY) == set()


PLOTS = "app.ui.plots"
"""What draws with pyqtgraph, and so brings NumPy along: imported when a plot is first shown."""


def test_every_module_of_the_window_but_the_plots_does_without_arrays() -> None:
    names = [name for name in _modules("app/ui") if not name.startswith(f"{PLOTS}.")]
    loaded = _loaded_after("\n".join(f"import {name}" for name in names))
    assert "PySide6" in loaded
    heavy = {"torch", "cupy", "numpy", "pyqtgraph", "huggingface_hub", "tokenizers", "gguf"}
    assert loaded & heavy == set()


def test_the_plots_bring_pyqtgraph_and_numpy_and_nothing_that_computes() -> None:
    names = [name for name in _modules("app/ui") if name.startswith(f"{PLOTS}.")]
    loaded = _loaded_after("import PySide6\n" + "\n".join(f"import {name}" for name in names))
    assert {"pyqtgraph", "numpy"} <= loaded
    assert loaded & {"torch", "cupy", "scipy", "matplotlib", "OpenGL"} == set()


def test_everything_but_the_window_works_where_qt_is_not_installed() -> None:
    folders = ("app/kernels", "app/runtime", "app/store", "app/hub", "app/benchmark", "app/server")
    names = [name for folder in folders for name in _modules(folder)]
    hide = "import sys\nsys.modules['PySide6'] = None\nsys.modules['qasync'] = None\n"
    code = hide + "\n".join(
        f"import {name}" for name in [*names, "app.cli", "app.messages.failures"]
    )
    _loaded_after(code + "\ndel sys.modules['PySide6'], sys.modules['qasync']")


def test_the_launcher_needs_only_the_standard_library() -> None:
    foreign = set()
    for path in [ROOT / "launch.py", *sorted((ROOT / "launcher").glob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                foreign |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                foreign.add(str(node.module).split(".")[0])
    assert foreign - set(sys.stdlib_module_names) == {"launcher"}


def test_a_start_that_finds_all_in_place_loads_little() -> None:
    loaded = _loaded_after("import launcher.start")
    assert loaded & {"urllib", "ssl", "subprocess", "ctypes"} <= {"urllib"}
    assert "app" not in loaded

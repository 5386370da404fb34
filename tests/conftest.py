"""What every test may use: the shared golden data where it is there, and a quiet Qt.

Where tests share the machine with others of the same run (``pytest -n 2``), each process has its
share of threads, and a test marked ``alone`` has the machine to itself.
"""

import contextlib
import os
import tempfile
from itertools import zip_longest
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from app.store.paths import standard_paths
from app.system import crash_log
from tests.support import warm_workers
from tests.support.turns import Turns

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
_HOME = tempfile.TemporaryDirectory(prefix="rookery-home-", ignore_cleanup_errors=True)
os.environ.setdefault("ROOKERY_HOME", _HOME.name)  # nothing is left in the person's own folders
crash_log._folder = standard_paths(os.environ["ROOKERY_HOME"]).logs

_PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if _PROCESSES > 1:  # before torch is imported, here and in the processes that tests start
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // _PROCESSES)))

# what an example takes is no matter where other processes hold the processor
settings.register_profile("any pace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any pace")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

_folder = pytest.StashKey[tempfile.TemporaryDirectory]()
_turns = pytest.StashKey[Turns]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Tell a process of the run where all of them agree upon their turns."""
    if _folder not in node.config.stash:
        folder = tempfile.TemporaryDirectory(prefix="rookery-turns-", ignore_cleanup_errors=True)
        node.config.stash[_folder] = folder
        node.config.add_cleanup(folder.cleanup)
    node.workerinput["turns"] = node.config.stash[_folder].name


def pytest_configure(config):
    warm_workers.use(config)
    if given := getattr(config, "workerinput", None):
        number, count = int(given["workerid"].removeprefix("gw")), given["workercount"]
        config.stash[_turns] = Turns(Path(given["turns"]), number, count)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    warm_workers.begin_with(item)


_FIRST = (
    "tests/ui/test_font_sets.py",
    "tests/test_launch.py",
    "tests/kernels/cuda/test_programs.py",
)
_WAIT = ("tests/ui/", "tests/hub/", "tests/cli/", "tests/launcher/", "tests/library/")


def pytest_collection_modifyitems(items):
    """The longest files first, then by turns files that wait most of the time and that compute."""
    files = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    first = [name for name in _FIRST if name in files]
    rest = [name for name in files if name not in first]
    waiting = [name for name in rest if name.startswith(_WAIT)]
    computing = [name for name in rest if not name.startswith(_WAIT)]
    mixed = [name for pair in zip_longest(waiting, computing) for name in pair if name]
    items[:] = [item for name in (*first, *mixed) for item in files[name]]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """Wait for the turn of a test outside of its time limit."""
    turns = item.config.stash.get(_turns, None)
    alone = item.get_closest_marker("alone") is not None
    with contextlib.nullcontext() if turns is None else turns.taken(alone=alone):
        return (yield)


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of golden checkpoints and results; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the golden data is not on this machine")
    return SHARED_DATA

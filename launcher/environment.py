"""Makes the virtual environment, fills it, and repairs what an earlier start left unfinished."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from . import stamp
from .gpu import offer
from .lock import locked
from .machine import install_packages, may_install, package_command
from .pip import Pip
from .place import Place
from .room import check_machine, check_room
from .torch_source import install_torch
from .words import KERNELS_LEFT_OUT, NO_VENV, SetupError, tell


def prepare(place: Place, extras: frozenset[str], torch_index: str, again: str) -> None:
    """Leave a virtual environment that holds the program and ``extras``.

    Nothing is run where the stamp says that it already does.  ``again`` is the command that
    starts the launcher once more, for the sentences.  Raises SetupError.
    """
    if stamp.holds(place, extras):
        return
    check_machine(place.root, again)
    place.notes.mkdir(exist_ok=True)
    with _ended_in_order(), locked(place.notes / "lock") as lock:
        if not stamp.holds(place, extras):
            _set_up(Pip(place, lock, again), extras, torch_index)


def _set_up(pip: Pip, extras: frozenset[str], torch_index: str) -> None:
    place, began = pip.place, time.monotonic()
    extras |= stamp.extras_of(place) | offer(place)
    _begin(place, pip.again)
    place.log.write_text("", encoding="utf-8")
    try:
        install_torch(pip, torch_index)
        pip.install(*requirements(place, extras))
    except SetupError as failure:
        if failure.intact:
            place.unfinished.unlink()
        raise
    _point_to_checkout(place)
    build_kernels(place)
    stamp.sign(place, extras)
    tell(f"Ready after {time.monotonic() - began:.0f} s.")


def _begin(place: Place, again: str) -> None:
    """Leave a virtual environment that can be filled, and the mark that it is not whole yet."""
    if _usable(place):
        known = place.stamp.exists()
        tell("Bringing Rookery's packages up to date." if known else "Going on with the set-up.")
        place.unfinished.touch()
    else:
        check_room(place.root, again)
        tell(f"Setting Rookery up in {place.venv}: this happens once and takes a few minutes.")
        place.unfinished.touch()
        _make_venv(place, again)
    place.stamp.unlink(missing_ok=True)


def requirements(place: Place, extras: frozenset[str]) -> list[str]:
    """What pyproject.toml asks for, with the named extras."""
    project = tomllib.loads(place.project.read_text(encoding="utf-8"))["project"]
    optional = project.get("optional-dependencies", {})
    return [*project["dependencies"], *(need for name in sorted(extras) for need in optional[name])]


def _usable(place: Place) -> bool:
    """Whether what is there can be gone on with: nothing half done, this Python, with a pip."""
    if place.unfinished.exists() or not place.python.exists():
        return False
    ask = "import pip, sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run(
        [str(place.python), "-I", "-c", ask], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() == f"{sys.version_info[0]}.{sys.version_info[1]}"


def _make_venv(place: Place, again: str) -> None:
    _need_ensurepip(again)
    tell("  making the virtual environment")
    command = [sys.executable, "-I", "-m", "venv", "--clear", str(place.venv)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip() or f"exit code {done.returncode}"
        raise SetupError(f"The virtual environment could not be made: {said.splitlines()[-1]}")


def _need_ensurepip(again: str) -> None:
    """Debian keeps ensurepip in a package of its own."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    packages = {"debian": f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"}
    if may_install():
        install_packages(packages["debian"])
        importlib.invalidate_caches()
        if importlib.util.find_spec("ensurepip"):
            return
    command = package_command(packages) or "your system's package manager"
    raise SetupError(NO_VENV.format(command=command, again=again))


def _point_to_checkout(place: Place) -> None:
    """Let the virtual environment's Python find the program, wherever it is started from."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run(
        [str(place.python), "-I", "-c", ask], capture_output=True, text=True, check=True
    )
    with open(os.path.join(done.stdout.strip(), "rookery.pth"), "w", encoding="utf-8") as file:
        file.write(f"{place.root}\n")


def build_kernels(place: Place) -> None:
    """Compile the native kernels where a compiler is there; without them PyTorch computes."""
    if os.environ.get("ROOKERY_NATIVE", "").lower() in {"off", "0", "no", "false"}:
        return
    tell("  building the native kernels")
    command = [str(place.python), "-I", str(place.kernels / "build.py")]
    done = subprocess.run(command, cwd=place.root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        tell(KERNELS_LEFT_OUT.format(reason=lines[-1]))


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let a polite end of this process (SIGTERM) end its pip too, as Ctrl-C does."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

"""From the words after ``launch.py`` to the running program; imports little, to be quick."""

import errno
import os
import sys
from pathlib import Path

from . import stamp
from .place import Place
from .words import (
    INTERRUPTED,
    NO_DISPLAY,
    NO_PERMISSION,
    NO_ROOM,
    USAGE,
    SetupError,
    tell,
)


def start(root: str, arguments: list[str], torch_index: str) -> int:
    """Set up the checkout at ``root`` if need be and do what ``arguments`` ask.

    Returns an exit code: 1 after a set-up that failed (its sentence is on stderr), 130 after
    Ctrl-C.  On POSIX the program takes this process over instead of being waited for.
    """
    place = Place(Path(root))
    again = " ".join(["python3 launch.py", *arguments[:1]])
    try:
        return _do(place, arguments, torch_index, again)
    except SetupError as failure:
        tell(str(failure))
    except OSError as error:
        sentence = _sentence(error, place, again)
        if sentence is None:
            raise
        tell(sentence)
    except KeyboardInterrupt:
        tell(INTERRUPTED)
        return 130
    return 1


def _do(place: Place, arguments: list[str], torch_index: str, again: str) -> int:
    verb = arguments[0] if arguments else ""
    if verb in {"-h", "--help"}:
        print(USAGE)
        return 0
    extras = frozenset({verb} & {"test", "bundle"})
    if verb == "setup" and stamp.holds(place, extras):
        from .gpu import offer

        extras |= offer(place, anew=True)
    if not stamp.holds(place, extras):
        # urllib, subprocess and their kin cost more than all the rest of a start
        from .environment import prepare

        prepare(place, extras, torch_index, again)
    elif verb == "setup":
        from .environment import build_kernels

        build_kernels(place)
    if verb == "setup":
        return 0
    if verb == "test":
        return _test(place, arguments[1:])
    if verb == "bundle":
        return _bundle(place)
    return run_program(place, arguments or _opening())


def _opening() -> list[str]:
    """What a start without words means: the window, or what can stand in for it here."""
    from .machine import has_display, provide_libraries

    if not has_display(os.environ):
        tell(NO_DISPLAY)
        return ["chat"]
    provide_libraries()
    return []


def _test(place: Place, pytest_arguments: list[str]) -> int:
    from .checks import run_checks
    from .machine import provide_libraries

    provide_libraries()
    return run_checks(place, clean_environment(), pytest_arguments)


def _bundle(place: Place) -> int:
    import subprocess

    command = [str(place.python), "-m", "PyInstaller", "--noconfirm", "build.spec"]
    done = subprocess.run(command, cwd=place.root, env=clean_environment(), check=False)
    return done.returncode


def run_program(place: Place, arguments: list[str]) -> int:
    """Become the program; on Windows, where a process cannot, wait for it."""
    command = [str(place.python), "-m", "app", *arguments]
    # The folder the person stands in must not be searched for a package named app.
    environment = clean_environment() | {"PYTHONSAFEPATH": "1"}
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform != "win32":
        os.execve(command[0], command, environment)
    import subprocess

    return subprocess.run(command, env=environment, check=False).returncode


def clean_environment() -> dict[str, str]:
    """The person's environment less what would mix another Python's packages into ours."""
    foreign = {"PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__"}
    return {name: value for name, value in os.environ.items() if name not in foreign}


def _sentence(error: OSError, place: Place, again: str) -> str | None:
    """The sentence for a failure of the file system; None for what is a bug here."""
    from .room import free_gigabytes, needed_gigabytes

    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        facts = {"needed": needed_gigabytes(), "free": free_gigabytes(place.root)}
        return NO_ROOM.format(folder=place.root, again=again, **facts)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return NO_PERMISSION.format(folder=place.root)
    return None

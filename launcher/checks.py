"""Runs every check and test of the project, each timed; pytest comes last and closes the output."""

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from .place import Place

# How many processes share the tests; words after `test` may say otherwise (-n 0: none but pytest).
PROCESSES = 3


def commands(place: Place) -> dict[str, list[str]]:
    """The command line of each check that is no test, by name, in the order of the output."""
    python = str(place.python)
    return {
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "mypy": [python, "-m", "mypy"],
        "import-linter": [str(place.script("lint-imports"))],
    }


def test_command(place: Place, pytest_arguments: list[str]) -> list[str]:
    """The command line of the tests: the tests of one file run one after another, in one process.

    The files go out in pytest's order, for tests/conftest.py puts those first that take long.
    """
    shared = ["-n", str(PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder"]
    return [str(place.python), "-m", "pytest", *shared, *pytest_arguments]


class _Outcome(NamedTuple):
    name: str
    code: int
    said: bytes
    seconds: float


def run_checks(place: Place, environment: dict[str, str], pytest_arguments: list[str]) -> int:
    """Run them all, whatever fails; 0 if all passed, 1 if any failed, 130 after Ctrl-C."""
    failed: list[str] = []
    for outcome in _side_by_side(place, environment):
        _say(f"== {outcome.name}")
        _say(outcome.said.decode(errors="replace").rstrip())
        told = f"failed with exit code {outcome.code}" if outcome.code else "passed"
        _say(f"== {outcome.name} {told} ({outcome.seconds:.1f} s)\n")
        if outcome.code:
            failed.append(outcome.name)
    if failed:
        _say(f"== failed before the tests: {', '.join(failed)}")
    _say("== pytest")
    command = test_command(place, pytest_arguments)
    code = subprocess.run(command, cwd=place.root, env=environment, check=False).returncode
    return 1 if failed or code else 0


def _side_by_side(place: Place, environment: dict[str, str]) -> Iterator[_Outcome]:
    """Start every check at once and give their outcomes in order; what one says stays together."""
    began = time.monotonic()
    running = {
        name: subprocess.Popen(
            command,
            cwd=place.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for name, command in commands(place).items()
    }

    def finish(name: str) -> _Outcome:
        said, _ = running[name].communicate()
        return _Outcome(name, running[name].returncode, said, time.monotonic() - began)

    with ThreadPoolExecutor(len(running)) as several:
        try:
            yield from several.map(finish, running)
        finally:
            for process in running.values():
                process.kill()  # after Ctrl-C; one that has ended is left alone


def _say(line: str) -> None:
    print(line, flush=True)

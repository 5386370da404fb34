"""Runs every check and test of the project, each timed; pytest comes last and closes the output."""

import subprocess
import time

from .place import Place


def commands(place: Place, pytest_arguments: list[str]) -> dict[str, list[str]]:
    """Each check's command line, by name, in running order."""
    python = str(place.python)
    return {
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "mypy": [python, "-m", "mypy"],
        "import-linter": [str(place.script("lint-imports"))],
        "pytest": [python, "-m", "pytest", *pytest_arguments],
    }


def run_checks(place: Place, environment: dict[str, str], pytest_arguments: list[str]) -> int:
    """Run them all, whatever fails; 0 if all passed, 1 if any failed, 130 after Ctrl-C."""
    failed: list[str] = []
    for name, command in commands(place, pytest_arguments).items():
        if name == "pytest" and failed:
            _say(f"== failed before the tests: {', '.join(failed)}")
        _say(f"== {name}")
        began = time.monotonic()
        code = subprocess.run(command, cwd=place.root, env=environment, check=False).returncode
        if code != 0:
            failed.append(name)
        if name != "pytest":
            outcome = f"failed with exit code {code}" if code else "passed"
            _say(f"== {name} {outcome} ({time.monotonic() - began:.1f} s)\n")
    return 1 if failed else 0


def _say(line: str) -> None:
    print(line, flush=True)

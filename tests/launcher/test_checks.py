"""The checks of ``launch.py test``: at once, each with its own output, and pytest after them."""

import os
import sys
from pathlib import Path

import pytest

from launcher import checks
from launcher.checks import PROCESSES
from launcher.place import Place

# Says its name, waits until all have said theirs, says it again and ends as it is told.
MEETING = """
import pathlib, sys, time
name, code, others = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
print(name, "begins", flush=True)
pathlib.Path(name).touch()
until = time.monotonic() + 60
while not all(pathlib.Path(other).exists() for other in others):
    assert time.monotonic() < until, "the others never came"
    time.sleep(0.005)
print(name, "ends", file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Runs three checks that end with the given codes, and "the tests"; code and lines."""

    def ran(*codes: int, tests: int = 0):
        names = ("lint", "types", "walls")
        lines = {
            name: [sys.executable, "-c", MEETING, name, str(code), *names]
            for name, code in zip(names, codes, strict=True)
        }
        script = f"import sys; print('3 passed in 0.1s', *sys.argv[1:]); sys.exit({tests})"
        monkeypatch.setattr(checks, "commands", lambda place: lines)
        monkeypatch.setattr(
            checks, "test_command", lambda place, words: [sys.executable, "-c", script, *words]
        )
        code = checks.run_checks(Place(tmp_path), dict(os.environ), ["-k", "search"])
        return code, capfd.readouterr().out.splitlines()

    return ran


def test_checks_run_side_by_side_and_what_each_says_stays_together(run) -> None:
    code, lines = run(0, 0, 0)
    assert code == 0
    said = [line for line in lines if line and "passed (" not in line]
    apart = [[f"== {one}", f"{one} begins", f"{one} ends"] for one in ("lint", "types", "walls")]
    assert said == [*(line for one in apart for line in one), "== pytest", lines[-1]]
    assert sum("passed (" in line for line in lines) == 3


@pytest.mark.parametrize("codes", [(2, 0, 0), (0, 1, 0), (3, 0, 4)])
def test_whatever_fails_the_tests_run_and_their_summary_comes_last(run, codes) -> None:
    code, lines = run(*codes)
    assert code == 1
    names = ("lint", "types", "walls")
    bad = [name for name, one in zip(names, codes, strict=True) if one]
    assert f"== failed before the tests: {', '.join(bad)}" in lines
    assert lines[-1] == "3 passed in 0.1s -k search"


def test_tests_that_fail_make_the_command_fail(run) -> None:
    assert run(0, 0, 0, tests=1)[0] == 1


def test_the_tests_are_shared_by_two_processes_and_words_come_after_that() -> None:
    command = checks.test_command(Place(Path("here")), ["-n", "0", "tests/store"])
    assert command[1:5] == ["-m", "pytest", "-n", str(PROCESSES)]
    assert command[-3:] == ["-n", "0", "tests/store"]

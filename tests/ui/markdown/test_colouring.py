"""Code is coloured elsewhere, in order and within a time; the window's own thread runs no lexer."""

import os
import sys

import pytest
from PySide6.QtCore import QEventLoop, QTimer

from app.ui.markdown import colouring as module
from app.ui.markdown.colouring import Colouring
from app.ui.markdown.highlight_process import lines_of

PYTHON = "def f(x):\n    return '🐦' + x  # more\n"
HOSTILE = [("perl", "s{" * 10_000), ("js", "/*(" * 7_000)]


@pytest.fixture
def colouring(qapp):
    made = Colouring()
    yield made
    made.close()


def wait(condition, limit_ms=60_000):
    """Run events until something is so; how many rounds the window could have painted."""
    loop, rounds = QEventLoop(), [0]
    beat, end = QTimer(interval=0), QTimer(singleShot=True, interval=limit_ms)

    def look():
        rounds[0] += 1
        if condition():
            loop.quit()

    beat.timeout.connect(look)
    end.timeout.connect(loop.quit)
    beat.start()
    end.start()
    loop.exec()
    assert condition()
    return rounds[0]


def test_lines_are_counted_as_qt_counts():
    first, second, last = lines_of(PYTHON, "python")
    assert sum(length for length, _ in first) == len("def f(x):")
    assert sum(length for length, _ in second) == len("    return '🐦' + x  # more") + 1
    assert sum(length for length, _ in last) == 0
    assert lines_of("\ufeffx = 1", "python") == [], "a lexer that drops a letter colours nothing"


def test_answers_come_in_order_and_are_kept(colouring):
    told = []
    for number in range(5):
        source = PYTHON.replace("f", f"f{number}")
        colouring.ask("python", source, lambda lines, n=number: told.append((n, bool(lines))))
    wait(lambda: len(told) == 5)
    assert told == [(number, True) for number in range(5)]
    assert colouring.known("python", PYTHON.replace("f", "f3")) == lines_of(
        PYTHON.replace("f", "f3"), "python"
    )


def test_what_takes_too_long_stays_plain_and_the_next_is_coloured(colouring, monkeypatch):
    monkeypatch.setattr(module, "BUDGET_MS", 300)
    told = []
    hostile = [(language, source * 4) for language, source in HOSTILE]
    for language, source in hostile:
        colouring.ask(language, source, told.append)
    colouring.ask("python", PYTHON, told.append)
    wait(lambda: colouring.pid)
    first = colouring.pid
    rounds = wait(lambda: len(told) == 3)
    assert told[:2] == [[], []]
    assert told[2] == lines_of(PYTHON, "python")
    assert rounds > 50, "the window's events stood still"
    assert colouring.pid != first
    assert colouring.known(*hostile[0]) == [], "it is not tried again"


def test_a_language_that_always_takes_too_long_is_given_up(colouring, monkeypatch):
    monkeypatch.setattr(module, "BUDGET_MS", 50)
    told = []
    for number in range(6):
        colouring.ask("perl", "s{" * (9_000 + number), told.append)
    wait(lambda: len(told) == 6)
    assert told == [[]] * 6
    assert colouring._strikes["perl"] == 3


def test_a_question_that_is_taken_back_is_never_answered(colouring):
    told = []
    colouring.ask("python", PYTHON, lambda _: told.append("first"))
    colouring.ask("python", PYTHON * 2, lambda _: told.append("second")).cancelled = True
    colouring.ask("python", PYTHON * 3, lambda _: told.append("third"))
    wait(lambda: "third" in told)
    assert told == ["first", "third"]


@pytest.mark.parametrize("code", ["import sys; sys.exit(3)", "print('no frame at all' * 99)"])
def test_a_process_that_does_not_start_leaves_all_code_plain(qapp, code):
    colouring = Colouring([sys.executable, "-c", code])
    told = []
    colouring.ask("python", PYTHON, told.append)
    colouring.ask("c", "int x;", told.append)
    wait(lambda: len(told) == 2)
    assert told == [[], []]
    assert colouring.known("python", "x") == []


def test_half_a_character_and_another_language_are_plain(colouring):
    told = []
    colouring.ask("python", "x = '\ud800'", told.append)
    colouring.ask("no such language", "x", told.append)
    wait(lambda: len(told) == 2)
    assert told == [[], [[(1, "text")]]]


def test_it_ends_with_the_window(colouring):
    told = []
    colouring.ask("python", PYTHON, told.append)
    wait(lambda: told)
    pid = colouring.pid
    colouring.close()
    assert colouring.pid is None
    wait(lambda: not _runs(pid))


def _runs(pid):
    if sys.platform != "linux":
        return False
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return os.getpid() and stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False

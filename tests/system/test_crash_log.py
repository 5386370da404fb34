"""What a process that falls leaves, and who is told of it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.store.paths import standard_paths
from app.system import crash_log
from app.system.crash_log import crashes, trace_left_by, unreported
from app.system.log import NAME

ROOT = Path(__file__).resolve().parents[2]
WORK = {
    "worker": (["--worker"], "app.runtime.worker.worker", "main"),
    "downloader": (["--downloader"], "app.hub.downloads.download_process", "main"),
    "window": ([], "app.ui.shell.main", "run"),
}


def run(home, kind, body):
    """The program as it is started, whose work is ``body``."""
    arguments, module, name = WORK[kind]
    code = f"""
import sys
sys.argv = ["rookery", *{arguments}]
import {module} as module
def work():
    {body}
    return 0
module.{name} = work
from app.__main__ import main
sys.exit(main())
"""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"ROOKERY_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    process.communicate(timeout=60)
    return process.returncode


@pytest.fixture
def logs(tmp_path):
    return standard_paths(str(tmp_path)).logs


def left(logs):
    return sorted(path.name for path in logs.glob("crash-*"))


@pytest.mark.parametrize("kind", WORK)
def test_a_segfault_leaves_a_file_that_is_offered_once(tmp_path, logs, kind):
    process = run(tmp_path, kind, "import ctypes; ctypes.string_at(0)")
    assert ended(process) != 0
    assert left(logs) == [f"crash-{kind}-{process.pid}.txt"]
    (crash,) = unreported(logs)
    assert (crash.kind, crash.path.is_file()) == (kind, True)
    assert "in string_at" in crash.text
    assert "in work" in crash.text
    assert unreported(logs) == []
    assert crashes(logs) == [crash]


def test_a_bug_that_ends_a_process_leaves_its_traceback_and_a_good_end_nothing(tmp_path, logs):
    assert ended(run(tmp_path, "worker", "return 0")) == 0
    assert left(logs) == []
    assert ended(run(tmp_path, "worker", "{}['MINE']")) == 1
    (crash,) = unreported(logs)
    assert "KeyError: …" in crash.text
    lines = (logs / NAME).read_text()
    assert "ERROR crash: this ended the process" in lines
    assert "KeyError: …" in lines


def test_a_process_that_runs_is_told_of_by_nobody_until_it_has_ended(tmp_path, logs):
    """As with two windows: each has a file of its own, and the other one's is locked."""
    body = "import os, sys; os.write(1, b'up\\n'); sys.stdin.readline(); os._exit(0)"
    process = run(tmp_path, "worker", body)
    assert process.stdout.readline() == "up\n"
    (live,) = logs.glob("crash-*")
    assert unreported(logs) == []
    live.write_text("Windows fatal exception: one that was handled\n")
    assert unreported(logs) == []
    assert [live] == list(logs.glob("crash-*"))
    process.stdin.write("go\n")
    assert ended(process) == 0
    assert [crash.text for crash in unreported(logs)] == [
        "Windows fatal exception: one that was handled\n"
    ]


def test_the_parent_takes_what_a_child_left(tmp_path, monkeypatch):
    """The stack of one that crashed; what is empty, or of one that ended well, goes."""
    monkeypatch.setattr(crash_log, "_folder", tmp_path)
    for name, text in (("5", "Fatal Python error"), ("6", ""), ("7", "handled"), ("55", "x")):
        (tmp_path / f"crash-worker-{name}.txt").write_text(text)
    assert trace_left_by(5, -11) == "Fatal Python error"
    assert trace_left_by(5, 1) == "", "a traceback is on stderr already"
    assert trace_left_by(6, -9) == trace_left_by(7, 0) == trace_left_by(8, -11) == ""
    assert left(tmp_path) == ["crash-worker-5.txt", "crash-worker-55.txt"]


def test_empty_old_and_too_many_files_go(tmp_path):
    (tmp_path / "crash-window-1.txt").write_text("")
    (tmp_path / "crash-window-2.txt").write_text("a new one")
    (tmp_path / "crash-notes.txt").write_text("not ours")
    old = tmp_path / "crash-window-3-20200101-000000.txt"
    old.write_text("an old one")
    os.utime(old, (1, 1))
    for number in range(30):
        offered = tmp_path / f"crash-worker-{100 + number}-20261101-000000.txt"
        offered.write_text("offered")
        os.utime(offered, (time.time() - 60 - number,) * 2)
    assert [crash.text for crash in unreported(tmp_path)] == ["a new one"]
    names = left(tmp_path)
    assert len(names) == 21
    assert not any("-1.txt" in name or "-3-2020" in name for name in names)
    assert "crash-notes.txt" in names
    assert next(iter(crashes(tmp_path))).text == "a new one"


def test_a_folder_that_cannot_be_made_costs_the_file_alone(tmp_path):
    (tmp_path / "data").write_text("in the way")
    process = run(tmp_path, "worker", "import ctypes; ctypes.string_at(0)")
    _, said = process.communicate(timeout=60)
    assert "Segmentation fault" in said or sys.platform == "win32", "on stderr, as before"
    assert unreported(tmp_path / "data" / "logs") == []

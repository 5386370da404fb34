"""The log file: several processes write and rotate it, and what cannot be written costs nothing."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.system.log_file import LogFile, older, tail

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import logging, sys
from pathlib import Path
from app.system.log_file import LogFile
folder, who, lines, beside = sys.argv[1:]
handler = LogFile(Path(folder) / "a.log", beside=bool(beside), most_bytes=16_000)
handler.setFormatter(logging.Formatter("%(message)s\\n"))
log = logging.getLogger("writer")
log.addHandler(handler)
sys.stdin.readline()
for number in range(int(lines)):
    log.warning("%s %d %s.", who, number, "x" * (number % 90))
handler.close()
"""


def writing(path, **options):
    """A handler, and a logger that has it alone."""
    handler = LogFile(path, **options)
    handler.setFormatter(logging.Formatter("%(message)s\n"))
    log = logging.Logger("of a test")
    log.addHandler(handler)
    return handler, log


def test_several_processes_lose_and_tear_no_line_while_the_file_is_rotated(tmp_path):
    """Half of them write from a thread of their own, as the window does."""
    lines, started = 150, []
    for who in range(4):
        options = str(tmp_path), str(who), str(lines), "beside" if who % 2 else ""
        command = [sys.executable, "-c", WRITER, *options]
        started.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True))
    for process in started:  # all are there before the first one writes
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=60)
        assert process.returncode == 0
    files = [file for file in older(tmp_path / "a.log") if file.exists()]
    assert len(files) >= 2, "it was rotated"
    assert all(file.stat().st_size <= 16_000 for file in files)
    found = "".join(file.read_text() for file in reversed(files)).splitlines()
    ends = ["x" * (number % 90) + "." for number in range(lines)]
    wanted = [f"{who} {number} {end}" for who in range(4) for number, end in enumerate(ends)]
    assert sorted(found) == sorted(wanted)
    for who in "0123":  # each one's lines are in their order
        numbers = [int(line.split()[1]) for line in found if line.startswith(who)]
        assert numbers == sorted(numbers)


def test_who_writes_is_told_before_the_first_event_and_only_then(tmp_path):
    handler, log = writing(tmp_path / "new" / "a.log", first=lambda: "begun\n")
    assert not (tmp_path / "new").exists()
    log.warning("one")
    log.warning("two")
    handler.close()
    assert (tmp_path / "new" / "a.log").read_text() == "begun\none\ntwo\n"


def test_only_so_many_older_files_are_kept(tmp_path):
    handler, log = writing(tmp_path / "a.log", most_bytes=100)
    for number in range(100):
        log.warning("a line with the number %03d", number)
    handler.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *("a.log", "a.log.1", "a.log.2", "a.log.3", "a.log.lock")
    ]
    assert tail(tmp_path / "a.log", 5)[-1] == "a line with the number 099"
    assert len(tail(tmp_path / "a.log", 7)) == 7, "the file before has the rest"


@pytest.mark.skipif(sys.platform == "win32", reason="limits")
def test_a_full_disk_costs_whole_lines_and_nothing_else(tmp_path):
    code = """
import resource, logging, sys
from pathlib import Path
from app.system.log_file import LogFile
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
handler = LogFile(Path(sys.argv[1]))
handler.setFormatter(logging.Formatter("%(message)s\\n"))
log = logging.Logger("of a test")
log.addHandler(handler)
for number in range(60):
    log.warning("%d %s.", number, "y" * 50)
print("alive")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.log")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")
    lines = (tmp_path / "a.log").read_text().splitlines()
    assert 10 < len(lines) < 20
    assert all(re.fullmatch(r"\d+ y{50}\.", line) for line in lines)


@pytest.mark.parametrize("what", ["a file for a folder", "a pipe", "a folder", "no right to write"])
def test_what_stands_in_the_way_costs_the_log_alone(tmp_path, what, capsys):
    path = tmp_path / "logs" / "a.log"
    if what == "a file for a folder":
        (tmp_path / "logs").write_text("mine")
    elif what == "a pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("there are no such pipes")
        path.parent.mkdir()
        os.mkfifo(path)
    elif what == "a folder":
        path.mkdir(parents=True)
    else:
        path.parent.mkdir()
        path.parent.chmod(0o500)
    handler, log = writing(path)
    log.warning("nobody takes it")
    handler.close()
    assert tail(path, 3) in ([], ["nobody takes it"])  # root may write anywhere
    assert capsys.readouterr() == ("", "")


def test_a_thread_writes_for_who_must_not_wait(tmp_path):
    handler, log = writing(tmp_path / "a.log", beside=True)
    log.warning("one")
    handler.flush()
    assert tail(tmp_path / "a.log", 9) == ["one"]
    log.warning("two")
    handler.close()
    assert tail(tmp_path / "a.log", 9) == ["one", "two"]


def test_a_file_that_cannot_be_renamed_stays_and_no_older_one_is_lost(tmp_path, monkeypatch):
    """As on Windows, while somebody reads it."""
    real, held = os.replace, [tmp_path / "a.log"]

    def replace(before, after):
        if before in held:
            raise PermissionError(13, "in use", str(before))
        real(before, after)

    handler, log = writing(tmp_path / "a.log", most_bytes=60)
    for number in range(3):
        log.warning("before %d %s", number, "x" * 40)
    monkeypatch.setattr(os, "replace", replace)
    for number in range(3):
        log.warning("meanwhile %d %s", number, "x" * 40)
    held.clear()
    log.warning("afterwards")
    handler.close()
    files = [path.read_text() for path in older(tmp_path / "a.log")]
    assert [text.count("\n") for text in files] == [1, 4, 1, 1]
    assert files[0] == "afterwards\n"
    assert files[1].startswith("before 2")

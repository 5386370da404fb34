"""Files that appear whole or not at all, and places that are no files."""

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app.errors import DiskFull, StoreError
from app.system.atomic_file import _cleared, retry_while_in_use, writing

WRITER = """
import sys
from pathlib import Path
from app.system.atomic_file import writing
for _ in range(200):
    with writing(Path(sys.argv[1])) as file:
        for _ in range(20):
            file.write(sys.argv[2].encode() * 2000)
"""


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "out"
    with writing(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["out"]


def test_whatever_breaks_it_off_leaves_what_was_there_before(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), writing(path) as file:
        file.writelines([b"half", None])
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out"]


def test_of_two_who_write_at_once_each_writes_all_of_it(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"c" * 40000)
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, letter]) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        found = path.read_bytes()
        seen.add((len(found), len(set(found))))
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen == {(40000, 1)}
    assert os.listdir(tmp_path) == ["out"]


def test_a_paused_download_of_that_name_is_left_alone(tmp_path):
    part = tmp_path / "out.part"
    part.write_bytes(b"half of it")
    with writing(tmp_path / "out") as file:
        file.write(b"new")
    assert part.read_bytes() == b"half of it"


def test_a_very_long_name_can_be_written(tmp_path):
    path = tmp_path / ("模" * 85)  # 255 bytes, as many as a name may have
    with writing(path) as file:
        file.write(b"new")
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as numbers")
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"old")
    path.chmod(0o640)
    for place, mode in ((path, 0o640), (tmp_path / "private", 0o600)):
        with writing(place, 0o600) as file:
            file.write(b"new")
        assert stat.S_IMODE(place.stat().st_mode) == mode


def test_what_killed_writers_left_is_cleared_and_nothing_else(tmp_path):
    keep = [".out.0123456789ab.new", "mine.0123456789ab.new", ".out.new", "out.part"]
    old = tmp_path / ".out.ba9876543210.new"
    for path in (*(tmp_path / name for name in keep), old):
        path.write_bytes(b"left")
    long_ago = time.time() - 90_000
    for name in (*keep[1:], old.name):
        os.utime(tmp_path / name, (long_ago, long_ago))
    _cleared.discard(str(tmp_path))
    with writing(tmp_path / "out") as file:
        file.write(b"new")
    assert sorted(os.listdir(tmp_path)) == sorted([*keep, "out"])


def test_a_planted_link_is_replaced_and_its_target_left_alone(tmp_path):
    victim, place = tmp_path / "victim", tmp_path / "out"
    for plant in (lambda: place.symlink_to(victim), lambda: os.link(victim, place)):
        victim.write_bytes(b"precious")
        plant()
        with writing(place) as file:
            file.write(b"new")
        assert (victim.read_bytes(), place.read_bytes()) == (b"precious", b"new")
        assert not place.is_symlink()
        place.unlink()
    place.symlink_to(tmp_path / "nowhere")
    with writing(place) as file:
        file.write(b"new")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="a system of its own kind")
def test_the_system_s_own_links_stay():
    with writing(Path("/dev/null")) as file:
        file.write(b"gone")
    assert Path("/dev/null").is_char_device()


def test_asked_to_a_link_s_target_is_replaced(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    for content in (b"first", b"second"):
        with writing(link, through_links=True) as file:
            file.write(content)
        assert link.is_symlink()
        assert target.read_bytes() == content


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    with writing(pipe) as file:
        file.write(b"through")
    reader.join(10)
    assert found == [b"through"]
    assert pipe.is_fifo()


def test_what_cannot_be_written_is_told(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere" / "out", Path()):
        with pytest.raises(StoreError) as told, writing(path):
            pass
        assert told.value.facts["why"] == "unwritten"
        assert told.value.facts["said"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
def test_a_full_disk_is_told():
    with pytest.raises(DiskFull), writing(Path("/dev/full")) as file:
        file.write(b"no room")


def in_use(winerror=32):
    """What Windows says of a file that another program is reading."""
    refused = PermissionError(13, "The process cannot access the file")
    refused.winerror = winerror
    return refused


def refusing(act, times, error):
    """``act``, which is refused the first ``times`` times; ``asked`` counts."""

    def refused(*args, **kwargs):
        refused.asked += 1
        if refused.asked <= times:
            raise error
        return act(*args, **kwargs)

    refused.asked = 0
    return refused


@pytest.mark.parametrize("winerror", [5, 32, 33])
def test_a_file_that_another_program_reads_is_replaced_once_it_has_read_it(
    tmp_path, monkeypatch, winerror
):
    path = tmp_path / "out"
    path.write_bytes(b"old")
    replace = refusing(os.replace, 4, in_use(winerror))
    monkeypatch.setattr(os, "replace", replace)
    with writing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert replace.asked == 5
    assert os.listdir(tmp_path) == ["out"]


def test_patience_ends_and_the_last_refusal_is_told(tmp_path, monkeypatch):
    path, pauses = tmp_path / "out", []
    monkeypatch.setattr("app.system.atomic_file.time.sleep", pauses.append)
    monkeypatch.setattr(os, "replace", refusing(os.replace, 1000, in_use()))
    with pytest.raises(StoreError) as told, writing(path) as file:
        file.write(b"new")
    assert told.value.facts["why"] == "unwritten"
    assert 0.5 < sum(pauses) < 1.0
    assert not os.listdir(tmp_path)


def test_what_is_refused_for_good_is_not_asked_twice():
    act = refusing(len, 1000, PermissionError(13, "Permission denied"))
    with pytest.raises(PermissionError):
        retry_while_in_use(act, ())
    assert act.asked == 1

"""Files that appear whole or not at all, and places that are no files."""

import os
import sys
import threading
from pathlib import Path

import pytest

from app.errors import DiskFull, StoreError
from app.runtime.whole_files import patiently, writing


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


def test_behind_a_link_its_target_is_replaced(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    for content in (b"first", b"second"):
        with writing(link) as file:
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
    monkeypatch.setattr("app.runtime.whole_files.time.sleep", pauses.append)
    monkeypatch.setattr(os, "replace", refusing(os.replace, 1000, in_use()))
    with pytest.raises(StoreError) as told, writing(path) as file:
        file.write(b"new")
    assert told.value.facts["why"] == "unwritten"
    assert 0.5 < sum(pauses) < 1.0
    assert not os.listdir(tmp_path)


def test_what_is_refused_for_good_is_not_asked_twice():
    act = refusing(len, 1000, PermissionError(13, "Permission denied"))
    with pytest.raises(PermissionError):
        patiently(act, ())
    assert act.asked == 1

"""Reads by position: long ones, which two threads share, and what they say of a file cut short."""

import threading

import pytest

from app.errors import DamagedCheckpoint, Unreadable
from app.runtime.checkpoint import source as module
from app.runtime.checkpoint.source import Source

LONG = (9 << 20) + 12345


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(bytes(range(251)) * (LONG // 251 + 1))
    return path


@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize(("offset", "size"), [(0, LONG), (3, LONG - 3), (77, 4 << 20), (5, 100)])
def test_a_read_gives_the_bytes_that_lie_there(file, monkeypatch, threads, offset, size):
    if not threads:
        monkeypatch.setattr(module.threading, "Thread", _refused)
    source = Source(file)
    out = bytearray(size)
    source.read_into(offset, memoryview(out))
    source.close()
    assert out == file.read_bytes()[offset : offset + size]


@pytest.mark.parametrize("left", [0, 100, 4 << 20, 8 << 20])
def test_a_file_that_was_cut_short_since_is_damaged(file, left):
    source = Source(file)
    with open(file, "r+b") as cut:
        cut.truncate(left)
    with pytest.raises(DamagedCheckpoint):
        source.read_into(0, memoryview(bytearray(LONG)))
    source.close()


def test_a_long_read_leaves_no_thread(file):
    before = threading.active_count()
    source = Source(file)
    source.read_into(0, memoryview(bytearray(LONG)))
    source.close()
    assert threading.active_count() == before


def test_a_source_that_is_closed_says_so(file):
    source = Source(file)
    source.close()
    with pytest.raises(Unreadable):
        source.read_into(0, memoryview(bytearray(LONG)))


def _refused(**_):
    raise RuntimeError("can't start new thread")

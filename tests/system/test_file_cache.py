"""What of a file is in the system's memory, and reading it in and past it."""

import os
import sys
import threading

import pytest

from app.system.file_cache import SkippingCached, cached_bytes, open_uncached, read_through

BLOCK = 4 << 20
SIZE = 3 * BLOCK
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="posix_fadvise is of Linux")


@pytest.fixture
def evicted(tmp_path):
    """A file of which nothing is in memory."""
    path = tmp_path / "file"
    path.write_bytes(os.urandom(SIZE))
    forget(path)
    if cached_bytes(path):
        pytest.skip("this file system keeps files in memory")
    return path


def forget(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def test_a_file_that_is_read_through_is_in_memory(evicted, tmp_path):
    stop = threading.Event()
    assert read_through([tmp_path / "absent", evicted], stop) == SIZE
    assert cached_bytes(evicted) == SIZE
    stop.set()
    assert read_through([evicted], stop) == 0


def test_what_is_read_past_the_memory_is_the_same_and_leaves_nothing_there(evicted):
    import mmap

    try:
        file = open_uncached(evicted)
    except OSError:
        pytest.skip("this file system cannot be read past the memory")
    with mmap.mmap(-1, BLOCK) as block, memoryview(block) as out:
        assert file.read(out, BLOCK) == BLOCK
        found = bytes(out)
    file.close()
    assert cached_bytes(evicted) == 0
    assert found == evicted.read_bytes()[BLOCK : 2 * BLOCK]


def test_a_block_that_is_in_memory_tells_nothing_of_the_disk(evicted):
    with open(evicted, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # it reads nothing ahead
        file.seek(BLOCK)
        file.read(1)
    file = SkippingCached(evicted)
    out = memoryview(bytearray(BLOCK))
    assert file.read(out, BLOCK) == 0
    assert file.read(out, 2 * BLOCK) == BLOCK
    file.close()
    assert bytes(out) == evicted.read_bytes()[2 * BLOCK :]


def test_a_file_of_no_bytes_and_one_that_is_not_there_are_refused(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    for name in ("empty", "absent"):
        with pytest.raises(OSError, match=r".+"):
            SkippingCached(tmp_path / name)

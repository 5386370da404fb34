"""The counters of the status strip: what is mapped counts as used, once."""

import mmap
import os
import sys

import psutil
import pytest

from app.ui.state.machine_memory import Machine, Reading
from app.ui.state.models import model_fits

SIZE = 64 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere mapped pages are not told apart")
def test_pages_of_a_mapped_file_count_as_the_workers_and_as_used(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(bytes(SIZE))
    machine = Machine()
    before = machine.read(os.getpid())
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        sum(memory[:: mmap.PAGESIZE])
        after = machine.read(os.getpid())
        gained = after.cached_bytes - before.cached_bytes
        assert 0.9 * SIZE < gained < 1.1 * SIZE
        assert after.worker_bytes - before.worker_bytes > 0.9 * SIZE
        available = psutil.virtual_memory().available
        assert after.used_bytes > after.total_bytes - available + 0.5 * after.cached_bytes


def test_no_worker_has_no_bytes():
    reading = Machine().read(None)
    assert (reading.worker_bytes, reading.cached_bytes) == (0, 0)


def test_what_the_open_model_has_mapped_is_not_counted_as_free_twice(monkeypatch):
    marks = model_fits.ModelFits(lambda _entry: "")
    monkeypatch.setattr(model_fits, "available_bytes", lambda: 5 << 30)
    monkeypatch.setattr(model_fits, "total_bytes", lambda: 16 << 30)
    reading = Reading(4 << 30, 12 << 30, 16 << 30, 3 << 30)
    monkeypatch.setattr(marks._counters, "read", lambda _pid: reading)
    marks.measure(1)
    assert marks.here.memory_available == 6 << 30

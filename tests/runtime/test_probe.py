"""What the machine has: memory within a control group, its peak and speed, the processor."""

import subprocess
import sys

import psutil
import pytest

from app.runtime.probe import (
    available_bytes,
    multiplies_bf16,
    peak_memory_bytes,
    read_bandwidth,
    room_in,
)


def _group(folder, limit, used, detail="anon 10\ninactive_file 30\n"):
    paths = [folder / name for name in ("max", "current", "stat")]
    for path, text in zip(paths, (limit, used, detail), strict=True):
        path.write_text(text)
    return paths


def test_free_memory_is_some_and_not_more_than_there_is():
    assert 0 < available_bytes() <= psutil.virtual_memory().total


def test_a_control_group_leaves_what_its_limit_and_its_droppable_pages_allow(tmp_path):
    assert room_in(*_group(tmp_path, "1000\n", "600\n")) == 430


def test_a_group_of_the_older_kind_names_its_pages_otherwise(tmp_path):
    detail = "inactive_file 5\ntotal_inactive_file 50\n"
    assert room_in(*_group(tmp_path, "1000\n", "600\n", detail)) == 450


def test_a_group_without_a_limit_does_not_count(tmp_path):
    assert room_in(*_group(tmp_path, "max\n", "600\n")) is None


def test_a_machine_without_groups_does_not_count(tmp_path):
    assert room_in(tmp_path / "a", tmp_path / "b", tmp_path / "c") is None


@pytest.mark.parametrize("detail", ["nonsense", "a b c\n"])
def test_an_unreadable_group_does_not_count(tmp_path, detail):
    assert room_in(*_group(tmp_path, "1000", "600", detail)) is None


def test_the_peak_holds_what_was_touched_and_let_go():
    code = (
        "from app.runtime.probe import peak_memory_bytes as peak\n"
        "before = peak()\n"
        "block = bytearray(b'x') * (80 << 20)\n"
        "del block\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 70 << 20 < int(done.stdout) < 120 << 20
    assert peak_memory_bytes() >= psutil.Process().memory_info().rss // 2


def test_memory_is_read_at_a_believable_speed():
    assert 5e8 < read_bandwidth(0.3) < 5e12


def test_the_processor_is_known():
    assert multiplies_bf16() in (True, False)


def test_the_probe_loads_nothing_heavy():
    code = "import sys, app.runtime.strategy; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.skipif(sys.platform != "linux", reason="limits on addresses")
def test_a_limit_on_addresses_counts():
    script = """
import resource
from app.runtime.probe import available_bytes
resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
print(available_bytes())
"""
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert 0 <= int(told.stdout) < 300 << 20

"""What the machine has: memory within a control group, its peak and speed, the processor."""

import math
import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from app.kernels.native.library import LibraryError, load
from app.kernels.read_bandwidth import read_bandwidth
from app.runtime.planning.machine import fast_formats
from app.system.memory import available_bytes, commit_room, peak_memory_bytes
from app.system.processor import multiplies_bf16


def test_free_memory_is_some_and_not_more_than_there_is():
    assert 0 < available_bytes() <= psutil.virtual_memory().total


def test_what_the_system_promises_bounds_what_is_free_on_windows_alone():
    if sys.platform == "win32":
        assert available_bytes() <= commit_room() < 1 << 60
    else:
        assert commit_room() == math.inf


def test_the_peak_holds_what_was_touched_and_let_go():
    code = (
        "from app.system.memory import peak_memory_bytes as peak\n"
        "before = peak()\n"
        "block = bytearray(b'x') * (80 << 20)\n"
        "del block\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 70 << 20 < int(done.stdout) < 120 << 20
    assert peak_memory_bytes() >= psutil.Process().memory_info().rss // 2


def test_memory_is_read_at_a_believable_speed():
    assert 1e8 < read_bandwidth(0.3) < 5e12


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("processor\t: 0\nflags\t\t: fpu sse avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16\n\nflags\t\t: fpu\n", True),
        ("Features\t: fp asimd bf16 i8mm\n", True),
        ("model name\t: avx512_bf16\nflags\t\t: fpu avx512f avx512vl\n", False),
        ("Features\t: fp asimd\n", False),
        ("", False),
    ],
)
def test_instructions_for_bf16_are_those_that_linux_tells_of(monkeypatch, told, known):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: told)
    assert multiplies_bf16.__wrapped__() is known


def test_instructions_for_bf16_are_not_counted_on_where_nothing_tells_of_them(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert multiplies_bf16.__wrapped__() is False


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_small_block_is_read_too(size):
    assert read_bandwidth(0.05, size) > 1e7


def test_without_native_kernels_torch_reads(monkeypatch):
    monkeypatch.setenv("ROOKERY_NATIVE", "off")
    assert 1e8 < read_bandwidth(0.1) < 5e12


def test_the_kernels_in_use_tell_whether_bf16_is_fast(monkeypatch):
    try:
        sets = load().sets
    except LibraryError:
        pytest.skip("the native library is not built here")
    monkeypatch.setattr("app.runtime.planning.machine.multiplies_bf16", lambda: False)
    for name in sets:  # the plain ones too: a number of bf16 is widened by moving its bits
        monkeypatch.setenv("ROOKERY_ISA", name)
        assert "bf16" in fast_formats()
    monkeypatch.delenv("ROOKERY_ISA")
    load().choose(sets[-1])


@pytest.mark.parametrize("setting", [("ROOKERY_NATIVE", "off"), ("ROOKERY_ISA", "no such")])
@pytest.mark.parametrize("able", [True, False])
def test_without_native_kernels_the_processor_tells_whether_bf16_is_fast(
    monkeypatch, setting, able
):
    monkeypatch.setattr("app.runtime.planning.machine.multiplies_bf16", lambda: able)
    monkeypatch.setenv(*setting)
    assert ("bf16" in fast_formats()) == able


def test_the_probe_loads_nothing_heavy():
    code = "import sys, app.runtime.planning.strategy; "
    code += "print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.skipif(sys.platform != "linux", reason="limits on addresses")
def test_a_limit_on_addresses_counts():
    script = """
import resource
from app.system.memory import available_bytes
resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
print(available_bytes())
"""
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert 0 <= int(told.stdout) < 300 << 20

"""Memory for weights: arrays of their own, which go back to the system, and refusals by name."""

import gc
import mmap
import re
import sys
from pathlib import Path

import pytest
import torch

from app.kernels.arena import allocate

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/smaps")
MB = 1 << 20


def test_arrays_do_not_share_a_byte():
    shapes = [(3,), (1000,), (4097,), (700, 700), (40, MB), (5, 1, 333), (2, MB)]
    arrays = [allocate(shape, torch.uint8).fill_(at) for at, shape in enumerate(shapes)]
    for at, (shape, array) in enumerate(zip(shapes, arrays, strict=True)):
        assert array.shape == shape
        assert bool((array == at).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.uint8])
def test_an_array_has_the_type_that_is_asked_for(dtype):
    array = allocate((300, 70), dtype)
    assert array.dtype == dtype
    assert array.is_contiguous()
    assert array.data_ptr() % 64 == 0


@linux
@pytest.mark.parametrize("passing", [False, True])
def test_what_nobody_holds_goes_back_to_the_system(passing):
    before = _resident()
    arrays = [allocate((4 * MB,), torch.uint8, passing=passing).fill_(1) for _ in range(20)]
    assert _resident() - before > 70 * MB
    del arrays
    gc.collect()
    assert _resident() - before < 40 * MB


@linux
def test_large_blocks_may_have_huge_pages():
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        pytest.skip("a kernel without them")
    array = allocate((24 * MB,), torch.uint8)
    flags = _flags_at(array.data_ptr() + 8 * MB)
    if "no huge pages" in flags:
        pytest.skip("a kernel without them")
    assert "hg" in flags


def test_memory_that_is_not_there_is_refused_by_name():
    with pytest.raises((MemoryError, RuntimeError)):
        allocate((1 << 60,), torch.uint8)


def _resident():
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024


def _flags_at(address):
    """What the system notes of the memory at an address."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if found := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            inside = int(found[1], 16) <= address < int(found[2], 16)
        elif (
            inside
            and line.startswith("THPeligible")
            and not Path("/sys/kernel/mm/transparent_hugepage/enabled").exists()
        ):
            return ["no huge pages"]
        elif inside and line.startswith("VmFlags:"):
            return line.split()[1:]
    return []

"""Refused allocations as failures."""

import sys

import pytest
import torch

from app.errors import EngineUnusable, OutOfMemory
from app.kernels.allocation import allocations_named, load_torch


@pytest.mark.parametrize(
    ("allocate", "needed"),
    [
        (lambda: bytearray(2**62), 0),
        (lambda: torch.empty(2**60, dtype=torch.uint8), 2**60),
    ],
)
def test_an_allocation_that_is_refused_tells_what_was_needed_and_what_is_free(allocate, needed):
    with pytest.raises(OutOfMemory) as caught, allocations_named():
        allocate()
    assert caught.value.facts["needed_bytes"] == needed
    assert caught.value.facts["free_bytes"] > 0


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="size"), allocations_named():
        torch.ones(2) + torch.ones(3)


def test_a_broken_torch_is_told_with_its_reason(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text('raise ImportError("libtorch_cpu.so: not an ELF file")')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(EngineUnusable) as caught:
        load_torch()
    assert caught.value.facts == {"said": "libtorch_cpu.so: not an ELF file"}


def test_a_torch_that_is_loaded_needs_nothing(monkeypatch):
    monkeypatch.setattr("app.kernels.allocation.address_room", lambda: 0)
    load_torch()

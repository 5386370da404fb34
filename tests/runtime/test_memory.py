"""Refused allocations as failures."""

import pytest
import torch

from app.errors import OutOfMemory
from app.runtime.memory import allocations_named


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

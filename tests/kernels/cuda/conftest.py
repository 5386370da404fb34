"""Emulated cards and random numbers for the tests along channels and time."""

import pytest
import torch

from .texts import ORDERS, Listed, Ops


@pytest.fixture(params=ORDERS)
def ops(request):
    return Ops(Listed(request.param))


@pytest.fixture
def straight():
    """For what the order of the threads has no say in."""
    return Ops(Listed("forward"))


@pytest.fixture
def draw():
    random = torch.Generator().manual_seed(11)
    return lambda *shape: torch.randn(shape, generator=random)

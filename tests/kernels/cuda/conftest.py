"""Emulated cards and random numbers for the tests along channels and time."""

import pytest

from tests.kernels.drawn import Draw

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
    return Draw(11)

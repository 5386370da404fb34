"""A few of the random fault runs; ``python -m tests.hub.downloads.fault_runs`` makes hundreds."""

import pytest

from tests.hub.downloads.fault_runs import kill_once, run_once
from tests.support.hub_server import online


@pytest.mark.parametrize("seed", range(18))
def test_random_faults_end_with_the_right_file_or_none(seed: int) -> None:
    with online():
        run_once(seed)


@pytest.mark.parametrize("seed", range(2))
def test_kills_at_random_moments_end_with_the_right_file(seed: int) -> None:
    kill_once(seed)

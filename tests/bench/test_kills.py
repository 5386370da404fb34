"""Five kills of worker and window while a reply streams; ``bench.kills`` does 200."""

import sys

import pytest

from bench.kills import Plan, run
from tests.runtime.small_models import small_file


@pytest.mark.timeout(600)  # a machine that is shared starts so many workers slowly
@pytest.mark.skipif(sys.platform == "win32", reason="as the other tests of workers")
@pytest.mark.parametrize(
    ("kills", "seed", "died"),
    [(5, 10, (4, 1)), pytest.param(10, 2, (8, 2), marks=pytest.mark.exhaustive)],
)
def test_kills_of_worker_and_window_lose_no_token_and_double_none(tmp_path, kills, seed, died):
    model = small_file(tmp_path, width=128, layers=6)
    result = run(tmp_path / "home", model, Plan(kills, windows=0.3, tokens=400, seed=seed))
    assert (result.workers_killed, result.windows_killed) == died
    assert result.replies > 0
    assert result.wrong == []
    assert result.unseen == []

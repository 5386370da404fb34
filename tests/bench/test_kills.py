"""Ten kills of worker and window while a reply streams; ``bench.kills`` does 200."""

import sys

import pytest

from bench.kills import Plan, run
from tests.runtime.small_models import small_file


@pytest.mark.timeout(600)  # a machine that is shared starts eleven workers slowly
@pytest.mark.skipif(sys.platform == "win32", reason="as the other tests of workers")
def test_ten_kills_of_worker_and_window_lose_no_token_and_double_none(tmp_path):
    model = small_file(tmp_path, width=128, layers=6)
    result = run(tmp_path / "home", model, Plan(kills=10, windows=0.3, tokens=500, seed=2))
    assert (result.workers_killed, result.windows_killed) == (8, 2)
    assert result.replies > 0
    assert result.wrong == []
    assert result.unseen == []

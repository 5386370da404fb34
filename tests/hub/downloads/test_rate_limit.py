"""A rate tells of what comes now, and one that is limited is not shown above its limit."""

import itertools
import time

import pytest

from app.hub.downloads import rate_limit
from app.hub.downloads.rate_limit import Meter, Rate, RateLimit
from tests.hub.downloads.queues import FILES, Queue
from tests.hub.downloads.test_transfer import until
from tests.hub.downloads.transfers import REPO
from tests.support.hub_server import HubServer, repository


@pytest.fixture
def clock(monkeypatch):
    """The time of the rates, which the test sets."""
    now = [1000.0]
    monkeypatch.setattr(rate_limit.time, "monotonic", lambda: now[0])
    return now


def noted(rate, clock, totals, step_s=0.2):
    shown = []
    for total in totals:
        shown.append(rate.note(total))
        clock[0] += step_s
    return shown


@pytest.mark.parametrize("there", [0, 1, 700_000_000])
def test_what_was_there_before_is_no_rate(clock, there):
    steady = [there + 200_000 * step for step in range(40)]
    shown = noted(Rate(), clock, [0, 0, *steady])
    assert max(shown) == pytest.approx(1_000_000)
    assert shown[-1] == pytest.approx(1_000_000)


def test_a_burst_at_the_beginning_is_no_rate(clock):
    shown = noted(Rate(), clock, [0, *(2_000_000 + 200_000 * step for step in range(30))])
    assert max(shown) == pytest.approx(1_000_000)


def test_nothing_is_said_before_it_can_be_told_and_a_halt_becomes_zero(clock):
    rate = Rate()
    shown = noted(rate, clock, [0, *(200_000 * step for step in range(1, 10)), *[2_000_000] * 40])
    assert shown[:5] == [0.0] * 5
    assert shown[-1] == 0.0


def test_downloads_that_share_a_limit_keep_it_together(clock):
    shared = RateLimit(1_000_000)
    meters = [Meter(shared) for _ in range(3)]
    for meter in itertools.islice(itertools.cycle(meters), 300):
        clock[0] += meter.wait_s(65_536)
    assert sum(meter.received for meter in meters) == 300 * 65_536
    assert 300 * 65_536 / (clock[0] - 1000.0) == pytest.approx(1_000_000, rel=0.02)
    assert meters[0].limit == 1_000_000


@pytest.mark.alone
def test_after_a_resume_the_rate_stays_below_the_limit(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    limit = 700_000
    with HubServer([repository(REPO, FILES)]) as hub:
        queue = Queue(hub, tmp_path)
        try:
            queue.downloads.configure(limit=limit)
            one = queue.add("one.pth")
            until(lambda: queue.item(one).done_bytes > 700_000, 20)
            queue.downloads.pause(one)
            queue.wait(one, "paused")
            until(lambda: queue.downloads.process_pid is None, 20)
            queue.downloads.resume(one)
            shown, began = [], time.monotonic()
            while len(shown) < 3 and time.monotonic() - began < 20:
                now = queue.item(one).bytes_per_s
                if now and now not in shown:
                    shown.append(now)
                time.sleep(0.02)
            assert len(shown) == 3
            assert max(shown) < limit * 1.2
        finally:
            queue.downloads.close()

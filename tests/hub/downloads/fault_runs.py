"""Downloads under random faults, and under SIGKILL at random moments, as many as are asked for.

    python -m tests.hub.downloads.fault_runs --runs 300 --kills 50 --seed 1

Every run ends with the right bytes under the final name, or with a clear refusal and nothing under
that name.  What is drawn depends on the seed alone; when a kill strikes does not.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from app.errors import Failure
from app.hub.downloads.connection_pool import FetchOptions
from app.hub.downloads.transfer import Order, Transfer
from app.hub.downloads.verified_files import NAME as VERIFIED
from app.runtime.origin import NOTE
from app.system.digest import digest
from tests.hub.downloads.transfers import FILE, REPO, hub_at
from tests.support.hub_server import Fault, HubServer, Virtual, online, repository

_HOW = FetchOptions(stall_s=0.3, tries=8, first_wait_s=0.005, longest_wait_s=0.05, segment=1 << 18)
_LARGEST = 3_000_000
_KILLED_SIZE = 24_000_000
_PATIENCE_S = 120.0


def drawn(dice: random.Random, size: int) -> tuple[Fault, str, int]:
    """A fault, where it happens, and how often."""
    place = dice.choice((0, 1, size - 1, size, dice.randrange(size + 1), dice.randrange(size + 1)))
    faults = (
        (Fault(cut_after=place), "cdn", 6),
        (Fault(stall_after=place), "cdn", 2),
        (Fault(drip=dice.randrange(5_000_000, 50_000_000)), "cdn", 1),
        (Fault(longer=dice.choice((-1000, -1, 1, 1000))), "cdn", 2),
        (Fault(etag="changed"), "cdn", 2),
        (Fault(wrong_at=dice.randrange(size)), "cdn", 2),
        (Fault(no_ranges=True), "cdn", 3),
        (Fault(no_ranges=True, cut_after=place), "cdn", 3),
        (Fault(expired=True), "cdn", 2),
        (Fault(delay=dice.random() * 0.2), "cdn", 2),
        (Fault(status=dice.choice((403, 404, 416, 429, 500, 502, 503)), retry_after="0"), "cdn", 4),
        (Fault(status=dice.choice((403, 404, 429, 500, 503)), retry_after="0"), "hub", 2),
        (Fault(cut_after=place, etag="changed"), "cdn", 1),
    )
    fault, where, most = dice.choice(faults)
    return fault, where, dice.randint(1, most) if dice.random() < 0.95 else -1


def run_once(seed: int) -> str:
    """One run with up to four kinds of fault; how it ended.  Raises AssertionError."""
    dice = random.Random(seed)
    size = dice.choice((1, 63, 64, 65, dice.randrange(1, 5000), dice.randrange(1, _LARGEST)))
    wanted = [Virtual(size, seed=seed)]
    how = replace(_HOW, connections=dice.choice((1, 1, 4)))
    with _folder() as folder, HubServer([repository(REPO, {FILE: wanted[0]})]) as hub:
        for _ in range(dice.randint(1, 4)):
            fault, where, times = drawn(dice, size)
            hub.fail(fault, where=where, times=times)
        ended = _attempt(hub, folder, how)
        changes = ended != "whole" and dice.random() < 0.2
        if changes:  # the file on the hub becomes another one before the next attempt
            wanted.append(Virtual(dice.randrange(1, _LARGEST), seed=seed + 1))
            hub.put(REPO, FILE, wanted[-1])
        _assert_nothing_bad(folder, wanted)
        if ended != "whole" and dice.random() < 0.7:
            hub.heal()
            again = _attempt(hub, folder, how)
            assert again == "whole", f"seed {seed}: {ended}, then {again} from a hub in order"
            ended = f"whole after: {ended}"
        _assert_nothing_bad(folder, wanted)
        assert ended.startswith("whole") == (folder / FILE).exists()
    return ended


def _attempt(hub: HubServer, folder: Path, how: FetchOptions) -> str:
    order = Order(repo=REPO, file=FILE, path=str(folder / FILE))
    try:
        Transfer(hub_at(hub.url, folder), order, how=how).run()
    except Failure as failure:
        return failure.code
    return "whole"


def kill_once(seed: int) -> str:
    """One queue that is killed up to four times, and then left to finish."""
    dice = random.Random(seed)
    wanted = Virtual(_KILLED_SIZE + dice.randrange(1000), seed=seed)
    kills = 0
    with _folder() as folder, HubServer([repository(REPO, {FILE: wanted})]) as hub:
        hub.fail(Fault(drip=dice.randrange(15_000_000, 60_000_000)), times=-1)
        if dice.random() < 0.5:
            hub.fail(Fault(cut_after=dice.randrange(5_000_000)), times=2)
        files = [FILE]
        for _ in range(dice.randint(1, 4)):
            strike_s, whole = dice.random() * 2.5, dice.random() < 0.5
            killed = _killed(hub.url, folder, files, strike_s, both=whole)
            _assert_nothing_bad(folder, [wanted])
            files = [] if (folder / "journal.json").exists() else [FILE]
            if not killed:
                break
            kills += 1
        hub.heal()
        done = subprocess.run(
            [sys.executable, "-m", "tests.hub.downloads.queue_owner", hub.url, str(folder), *files],
            env=_environment(),
            timeout=_PATIENCE_S,
            check=False,
            capture_output=True,
        )
        assert done.returncode == 0, f"seed {seed}: {done}"
        _assert_nothing_bad(folder, [wanted])
        assert (folder / FILE).exists()
        known = {FILE, f"{FILE}{NOTE}", "cache"}
        known |= {f"{name}{end}" for name in ("journal.json", VERIFIED) for end in ("", ".lock")}
        names = {path.name for path in folder.iterdir()}
        left = {name for name in names - known if not name.endswith(".new")}  # cleared in time
        assert not left, left
    return f"whole after {kills} kills"


def _killed(url: str, folder: Path, files: list[str], strike_s: float, *, both: bool) -> bool:
    """Start a queue and kill it after so long; ``both``: its downloading process at the same time.

    False where it was done before.
    """
    owner = subprocess.Popen(
        [sys.executable, "-m", "tests.hub.downloads.queue_owner", url, str(folder), *files],
        env=_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    try:
        first = owner.stdout.readline().strip()
        until = time.monotonic() + strike_s
        while time.monotonic() < until and owner.poll() is None:
            time.sleep(0.005)
        before = owner.poll() is None
        if both and first.isdigit() and before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(first), signal.SIGKILL)
    finally:
        owner.kill()
        owner.communicate()
    return before


def _environment() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "0"}


def _assert_nothing_bad(folder: Path, wanted: list[Virtual]) -> None:
    """What has the final name is one of the files that the hub has had, whole."""
    path = folder / FILE
    if path.exists():
        assert digest(path) in {one.sha256 for one in wanted}, "a bad file has the final name"


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fault-run-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def main() -> int:
    """Print how the runs ended, as JSON; exit code 1 where one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="in all, those with kills included")
    parser.add_argument("--kills", type=int, default=50, help="runs with SIGKILL")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun, ended, wrong = time.monotonic(), Counter[str](), []
    with online():
        for number in range(options.runs):
            seed = options.seed * 1_000_000 + number
            kind = kill_once if number < options.kills else run_once
            try:
                ended[f"{kind.__name__}: {kind(seed)}"] += 1
            except AssertionError as failure:
                wrong.append(f"{kind.__name__} {seed}: {failure}")
    found = {
        "runs": options.runs,
        "with_kills": options.kills,
        "seed": options.seed,
        "seconds": round(time.monotonic() - begun),
        "ended": dict(ended.most_common()),
        "wrong": wrong,
    }
    print(json.dumps(found, indent=1))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

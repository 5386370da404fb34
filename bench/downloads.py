"""How fast and how lean downloads are, beside curl from the same server in the same run.

    python -m bench.downloads [--mib 1024] [--runs 3] [--memory-mib N] [--resume-mib N]
                              [--each-mib N] [--window]

The server is a process of its own on loopback.  Rates are of the whole command: from the first
request until the file has its name, with its hash checked and its bytes kept by the disk.
``--window`` measures what a 60 Hz timer of a window feels meanwhile, with the queue's own process
and with the same transfer in a thread of the window.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.hub.catalogue.entries import Entry
from app.hub.downloads.connection_pool import FetchOptions
from app.hub.downloads.download_queue import DownloadQueue
from app.hub.downloads.part_file import already
from app.hub.downloads.rate_limit import RateLimit
from app.hub.downloads.transfer import Order, StoppedError, Transfer
from app.hub.sources.endpoints import endpoint_at
from app.hub.sources.remote import Hub
from app.system.digest import digest

REPO, FILE = "BlinkDL/some", "some.pth"
MIB = 1 << 20
_SERVER = """
import sys
from pathlib import Path
from tests.support.hub_server import Fault, HubServer, Virtual, content, repository
mib, digest, path, drip = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
one = content(Path(path)) if path else Virtual(mib << 20)
one.sha256 = digest or one.sha256
with HubServer([repository("BlinkDL/some", {"some.pth": one})]) as hub:
    if drip:
        hub.fail(Fault(drip=drip), times=-1)
    print(hub.url, one.sha256, flush=True)
    sys.stdin.read()
"""


@contextmanager
def served(mib: int, path: str = "", digest: str = "", drip: int = 0) -> Iterator[tuple[str, str]]:
    """A hub's address, and the digest of its one file: that at ``path``, or one made up.

    ``drip``: so many bytes a second for each connection; 0 for no limit.
    """
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(mib), digest, path, str(drip)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        url, digest = server.stdout.readline().split()
        yield url, digest
    finally:
        server.communicate("")


def curl(url: str, folder: Path) -> float:
    """Seconds that curl takes."""
    out = folder / "curl.out"
    begun = time.perf_counter()
    address = f"{url}/{REPO}/resolve/main/{FILE}"
    subprocess.run(["curl", "-sSfL", "-o", str(out), address], check=True)
    taken = time.perf_counter() - begun
    out.unlink()
    return taken


def ours(url: str, folder: Path) -> float:
    """Seconds until the file has its name, in this process."""
    path = folder / FILE
    hub = Hub(endpoint_at(url), cache_dir=folder / "cache")
    hub.headers()  # the library is loaded before the clock runs, as in the queue's process
    begun = time.perf_counter()
    Transfer(hub, Order(repo=REPO, file=FILE, path=str(path))).run()
    taken = time.perf_counter() - begun
    path.unlink()
    return taken


def rates(mib: int, runs: int, folder: Path) -> dict[str, object]:
    """MiB/s of both, in turn, and the median of the ratios."""
    source = folder / "source.bin"
    with source.open("wb") as file:
        block = os.urandom(MIB)
        for _ in range(mib):
            file.write(block)
    os.sync()
    curls, own = [], []
    with served(mib, str(source)) as (url, _):
        for _ in range(runs):
            curls.append(mib / curl(url, folder))
            own.append(mib / ours(url, folder))
    source.unlink()
    ratios = [one / other for one, other in zip(own, curls, strict=True)]
    return {
        "mib": mib,
        "curl_mib_per_s": [round(one) for one in curls],
        "rookery_mib_per_s": [round(one) for one in own],
        "ratio_of_medians": round(statistics.median(own) / statistics.median(curls), 3),
        "median_ratio": round(statistics.median(ratios), 3),
    }


def memory(mib: int, folder: Path) -> dict[str, object]:
    """How the resident memory of the downloading process grows."""
    import psutil

    with served(mib) as (url, _):
        downloads = DownloadQueue(
            folder, folder / "journal.json", Hub(endpoint_at(url), cache_dir=folder)
        )
        try:
            downloads.add(Entry(repo=REPO, file=FILE, bytes=mib * MIB))
            seen: list[int] = []
            begun = time.perf_counter()
            while downloads.items[0].state not in ("done", "failed", "paused"):
                pid = downloads.process_pid
                if pid and downloads.items[0].done_bytes > 64 * MIB:
                    try:
                        seen.append(psutil.Process(pid).memory_info().rss)
                    except psutil.NoSuchProcess:
                        break
                time.sleep(0.05)
            taken = time.perf_counter() - begun
            item = downloads.items[0]
        finally:
            downloads.close()
    (folder / FILE).unlink(missing_ok=True)
    return {
        "mib": mib,
        "state": item.state,
        "rss_first_mib": round(seen[0] / MIB, 1),
        "rss_most_mib": round(max(seen) / MIB, 1),
        "growth_mib": round((max(seen) - seen[0]) / MIB, 1),
        "mib_per_s": round(mib / taken),
    }


def resumed(mib: int, folder: Path) -> dict[str, object]:
    """Seconds for the last 16 MiB of a file that was stopped there, and to hash all of it."""
    path = folder / FILE
    with served(mib) as (url, _):
        hub = Hub(endpoint_at(url), cache_dir=folder / "cache")
        order = Order(repo=REPO, file=FILE, path=str(path))
        first = Transfer(hub, order, rate_limit=RateLimit(400 * MIB))
        thread = threading.Thread(target=_until_stopped, args=(first,))
        thread.start()
        while first.progress.done < (mib - 16) * MIB:
            time.sleep(0.001)
        first.stop()
        thread.join()
        left = mib * MIB - already(path)
        begun = time.perf_counter()
        Transfer(hub, order).run()
        taken = time.perf_counter() - begun
    begun = time.perf_counter()
    digest(path)
    hashing = time.perf_counter() - begun
    path.unlink()
    return {
        "mib": mib,
        "left_mib": round(left / MIB, 1),
        "rest_s": round(taken, 2),
        "hashing_all_of_it_s": round(hashing, 2),
    }


def _until_stopped(transfer: Transfer) -> None:
    with suppress(StoppedError):
        transfer.run()


def connections(mib: int, drip: int, folder: Path) -> dict[str, object]:
    """MiB/s from a host that gives each connection ``drip`` bytes a second: with one, with four."""
    path, found = folder / FILE, {}
    with served(mib, drip=drip) as (url, _):
        hub = Hub(endpoint_at(url), cache_dir=folder / "cache")
        for most in (1, 4):
            order = Order(repo=REPO, file=FILE, path=str(path))
            begun = time.perf_counter()
            Transfer(hub, order, how=FetchOptions(connections=most)).run()
            found[f"{most}_connections_mib_per_s"] = round(mib / (time.perf_counter() - begun), 1)
            path.unlink()
    return {"mib": mib, "each_mib_per_s": drip / MIB, **found}


def window(mib: int, folder: Path) -> dict[str, object]:
    """How late a 60 Hz timer of a Qt loop is, in ms: alone, with the queue, with a thread."""
    from PySide6.QtCore import QCoreApplication

    application = QCoreApplication.instance() or QCoreApplication([])
    found: dict[str, object] = {}
    with served(mib) as (url, _):
        hub = Hub(endpoint_at(url), cache_dir=folder)
        hub.headers()
        found["idle"] = _lateness(application, _for_s(3.0))
        downloads = DownloadQueue(folder, folder / "journal.json", hub)
        try:
            downloads.add(Entry(repo=REPO, file=FILE, bytes=mib * MIB))
            found["queue"] = _lateness(application, lambda: downloads.items[0].state == "done")
        finally:
            downloads.close()
        (folder / FILE).unlink()
        order = Order(repo=REPO, file=FILE, path=str(folder / FILE))
        thread = threading.Thread(target=Transfer(hub, order).run)
        thread.start()
        found["thread"] = _lateness(application, lambda: not thread.is_alive())
        thread.join()
        (folder / FILE).unlink()
    return found


def _for_s(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() > end


def _lateness(application: object, ended: Callable[[], bool]) -> dict[str, float]:
    """Of a 60 Hz timer until ``ended``: median, 99th percentile and worst, in ms."""
    from PySide6.QtCore import QEventLoop, Qt, QTimer

    loop, timer = QEventLoop(), QTimer()
    last, late = [time.perf_counter()], []

    def tick() -> None:
        now = time.perf_counter()
        late.append((now - last[0]) * 1000 - 1000 / 60)
        last[0] = now
        if ended():
            loop.quit()

    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(round(1000 / 60))
    timer.timeout.connect(tick)
    timer.start()
    loop.exec()
    timer.stop()
    late.sort()
    return {
        "ticks": len(late),
        "median_ms": round(statistics.median(late), 2),
        "p99_ms": round(late[int(len(late) * 0.99) - 1], 2),
        "worst_ms": round(late[-1], 2),
    }


def main() -> int:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory-mib", type=int, default=0)
    parser.add_argument("--resume-mib", type=int, default=0)
    parser.add_argument("--each-mib", type=int, default=0)
    parser.add_argument("--window", action="store_true")
    options = parser.parse_args()
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.runs:
            found["rate"] = rates(options.mib, options.runs, folder)
        if options.memory_mib:
            found["memory"] = memory(options.memory_mib, folder)
        if options.resume_mib:
            found["resume"] = resumed(options.resume_mib, folder)
        if options.each_mib:
            found["several"] = connections(options.mib, options.each_mib * MIB, folder)
        if options.window:
            found["window"] = window(options.mib, folder)
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

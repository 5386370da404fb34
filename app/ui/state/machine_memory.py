"""How much memory the worker and the whole machine use; knows no widget."""

from dataclasses import dataclass

import psutil

from app.system.memory import available_bytes
from app.system.memory import total_bytes as machine_bytes


@dataclass(frozen=True)
class Reading:
    """Bytes: of the worker, in use on the machine, and there in all.

    ``cached_bytes`` of the worker's are pages of files, weights above all.  A system counts them as
    available, as it could read them again; here they are in use, as a token needs them all.
    """

    worker_bytes: int
    used_bytes: int
    total_bytes: int
    cached_bytes: int = 0


class Machine:
    """Reads the counters; remembers the worker's process so that a reading stays cheap."""

    def __init__(self) -> None:
        self._worker: psutil.Process | None = None

    def read(self, worker_pid: int | None) -> Reading:
        """The counters now; takes well under a millisecond."""
        if worker_pid != (self._worker.pid if self._worker else None):
            self._worker = _process(worker_pid)
        memory = psutil.virtual_memory()
        resident, cached = _resident(self._worker)
        used = min(memory.total - memory.available + cached, memory.total)
        return Reading(resident, used, memory.total, cached)


def free_without(worker_pid: int | None) -> int:
    """What would be free if the worker ended: pages of files that it maps count as free already."""
    now = Machine().read(worker_pid)
    held = now.worker_bytes - now.cached_bytes
    return min(available_bytes() + held, machine_bytes())


def _process(pid: int | None) -> psutil.Process | None:
    if pid is None:
        return None
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _resident(process: psutil.Process | None) -> tuple[int, int]:
    """All resident bytes, and those of them that are pages of files (0 where none are told)."""
    if process is None:
        return 0, 0
    try:
        memory = process.memory_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0, 0
    return int(memory.rss), int(getattr(memory, "shared", 0))

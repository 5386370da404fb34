"""How much memory the worker and the whole machine use; knows no widget."""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Reading:
    """Bytes: of the worker, in use on the machine, and there in all."""

    worker_bytes: int
    used_bytes: int
    total_bytes: int


class Machine:
    """Reads the counters; remembers the worker's process so that a reading stays cheap."""

    def __init__(self) -> None:
        self._worker: psutil.Process | None = None

    def read(self, worker_pid: int | None) -> Reading:
        """The counters now; takes well under a millisecond."""
        if worker_pid != (self._worker.pid if self._worker else None):
            self._worker = _process(worker_pid)
        memory = psutil.virtual_memory()
        return Reading(_resident(self._worker), memory.total - memory.available, memory.total)


def total_bytes() -> int:
    """How much memory the machine has."""
    return int(psutil.virtual_memory().total)


def _process(pid: int | None) -> psutil.Process | None:
    if pid is None:
        return None
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _resident(process: psutil.Process | None) -> int:
    if process is None:
        return 0
    try:
        return int(process.memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0

"""Whether the system ended a process because memory ran out; knows no process by itself.

The kernel of Linux counts whom it kills for lack of memory: for each control group, and for the
machine.  cgroup-v2.rst documents ``memory.events``, cgroup-v1/memory.rst ``memory.oom_control``.
"""

import sys
import time
from pathlib import Path

from .cgroups import own_groups
from .memory import available_bytes, total_bytes

_COUNTERS = ("memory.events", "memory.oom_control")
_ENDING_S = 10.0
_RESTS_S = 1.0
_LITTLE = 0.05  # of all memory: less than that was free when the process was killed


class OomKills:
    """What the kernel has counted for the group of process ``pid`` when ``note`` was called.

    A process stays in the group of the one that started it, unless somebody moves it.  ``machine``
    is where /proc and the control groups are looked for.
    """

    def __init__(self, pid: int, machine: Path = Path("/")) -> None:
        self._pid, self._machine = pid, machine
        self._seen: list[tuple[float, dict[Path, int]]] = []

    def note(self) -> None:
        """Look now: what was counted some seconds before is no news.

        It is still some, as a process that holds much memory takes seconds to end.
        """
        now_s = time.monotonic()
        if sys.platform != "linux" or (self._seen and now_s - self._seen[-1][0] < _RESTS_S):
            return
        groups = [folder for folder, _ in own_groups(self._machine, str(self._pid))]
        counters = [group / name for group in groups for name in _COUNTERS]
        found = _counted(counters) or _counted([self._machine / "proc/vmstat"])
        if found:  # of a process that has ended nothing is found
            self._seen.append((now_s, found))
        while len(self._seen) > 1 and self._seen[1][0] < now_s - _ENDING_S:
            del self._seen[0]

    def grew(self) -> bool:
        """Whether the kernel has killed somebody of the group since then.

        Where nothing is counted: whether almost no memory was free while the largest child process
        of this one, which has ended, was there.
        """
        if self._seen:
            before = [item for _, counts in self._seen for item in counts.items()]
            now = _counted([path for path, _ in before])
            return any(now.get(path, 0) > count for path, count in before)
        return available_bytes() - _largest_child_bytes() < _LITTLE * total_bytes()


def _counted(counters: list[Path]) -> dict[Path, int]:
    found = {}
    for path in counters:
        try:
            lines = path.read_text("ascii", "replace").splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, count = line.partition(" ")
            if name == "oom_kill" and count.strip().isdigit():
                found[path] = int(count)
    return found


def _largest_child_bytes() -> int:
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

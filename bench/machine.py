"""The processor that a measurement ran on, and how much of it others had meanwhile."""

import platform
from pathlib import Path

import psutil


class Others:
    """Processor time that neither this process nor its children took, from now on.

    Time that the host gave to other guests ("steal") counts too, where the system tells it.
    """

    def __init__(self) -> None:
        self._before = _taken()

    def share(self) -> float:
        """Of all the time there was on all cores: 0 is a machine of our own."""
        busy, all_of_it, own = (
            now - before for now, before in zip(_taken(), self._before, strict=True)
        )
        return max(0.0, busy - own) / all_of_it if all_of_it else 0.0


def _taken() -> tuple[float, float, float]:
    """Seconds of all cores: busy, all, and those of this process and its children."""
    times = psutil.cpu_times()
    everything = sum(times) - getattr(times, "guest", 0) - getattr(times, "guest_nice", 0)
    idle = times.idle + getattr(times, "iowait", 0)
    this = psutil.Process()
    own = sum(this.cpu_times()[:4])  # with the children that have ended
    for child in this.children(recursive=True):
        own += sum(child.cpu_times()[:4])
    return everything - idle, everything, own


def processor() -> str:
    """E.g. "Intel(R) Xeon(R) Processor"."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

"""How many threads are worth having on this machine; knows no library that starts them."""

import psutil


def physical_cores() -> int:
    """Cores that do arithmetic: two threads of one core share its units and gain nothing."""
    return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1

"""Which program wrote something, and whether it still runs; knows no table."""

import os
from functools import cache


def program_of(pid: int) -> str:
    """A process by its number and its beginning, for numbers are used again; "" if it is gone."""
    import psutil  # seldom needed, and not by the start of the program

    try:
        return f"{pid}:{psutil.Process(pid).create_time():.2f}"
    except (psutil.Error, OverflowError, ValueError):
        return ""


@cache
def this_program() -> str:
    """This process, as ``program_of`` spells it."""
    return program_of(os.getpid())


def runs(program: str) -> bool:
    """Whether what ``program_of`` has called so is still there."""
    pid = program.partition(":")[0]
    return pid.isascii() and pid.isdecimal() and len(pid) < 20 and program == program_of(int(pid))

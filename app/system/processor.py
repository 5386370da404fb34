"""What the processor can do; imports nothing heavy."""

import platform
from functools import cache
from pathlib import Path

_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # the last one is ARM's


@cache
def multiplies_bf16() -> bool:
    """Whether the processor has instructions for bfloat16; False where it cannot be told."""
    if platform.system() != "Linux":
        return False
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    flags = [line.partition(":")[2].split() for line in lines if line.startswith(_FLAG_LINES)]
    return bool(flags) and not _BF16_FLAGS.isdisjoint(flags[0])


_FLAG_LINES = ("flags", "Features")


@cache
def processor_name() -> str:
    """What its maker calls it; "" where it cannot be told.  Not for a thread that paints."""
    if platform.system() != "Linux":
        return platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "")

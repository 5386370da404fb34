"""What the processor can do; imports nothing heavy."""

import platform
import subprocess
from contextlib import suppress
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


@cache
def processor_name() -> str:
    """What the processor is called: ``AMD Ryzen 7 5800X``; its kind where no name is told."""
    system = platform.system()
    with suppress(OSError, subprocess.SubprocessError):
        if system == "Linux":
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
            return " ".join(names[0].split()) if names else platform.machine()
        if system == "Darwin":
            return _said_by("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
        if system == "Windows":
            return _in_registry() or platform.processor()
    return platform.processor() or platform.machine()


def _said_by(*command: str) -> str:
    found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    return " ".join(found.stdout.split())


def _in_registry() -> str:
    import importlib

    registry = importlib.import_module("winreg")  # of Windows alone, so unknown to a type checker
    place = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, place) as key:
        return " ".join(str(registry.QueryValueEx(key, "ProcessorNameString")[0]).split())


_FLAG_LINES = ("flags", "Features")

"""Graphics processors that the system tells of and no model runs on: AMD, Intel, Apple.

Those of NVIDIA are told by ``gpus``, with their memory.
"""

import platform
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

_MAKERS = {"0x1002": "AMD", "0x8086": "Intel", "0x106b": "Apple"}
_CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
_ASKED_S = 5.0


@cache
def other_gpus() -> tuple[str, ...]:
    """Their names, "AMD Radeon RX 6600" or, where only the maker is told, "AMD"; reads files."""
    if sys.platform == "win32":
        return _of_registry()
    if sys.platform == "darwin":
        return _of_apple()
    return named_in_sysfs()


def named_in_sysfs(drm: Path = Path("/sys/class/drm")) -> tuple[str, ...]:
    """What Linux shows: of each card its maker, and the product where the driver knows it."""
    found = []
    for card in sorted(drm.glob("card[0-9]*")):
        if not card.name[len("card") :].isdecimal():  # a connector
            continue
        maker = _MAKERS.get(_line(card / "device" / "vendor").lower())
        if maker is not None:
            product = _line(card / "device" / "product_name")
            named = product if product.startswith(maker) else f"{maker} {product}".strip()
            found.append(named)
    return tuple(found)


def without_nvidia(names: Sequence[str]) -> tuple[str, ...]:
    """Those names that belong to no card of NVIDIA or to no real card, each once."""
    real = [name for name in names if name and not name.startswith(("NVIDIA", "Microsoft"))]
    return tuple(dict.fromkeys(real))


def _line(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _of_apple() -> tuple[str, ...]:
    """The processor of an Apple computer has the graphics in it, and its name."""
    if platform.machine() != "arm64":
        return ()
    asked = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(asked, capture_output=True, timeout=_ASKED_S, check=True)
        return (said.stdout.decode("utf-8", "replace").strip() or "Apple",)
    return ("Apple",)


def _of_registry() -> tuple[str, ...]:
    """What Windows' registry lists as display adapters."""
    names: list[str] = []
    if sys.platform == "win32":
        import winreg

        with suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _CLASS) as adapters:
            for index in range(winreg.QueryInfoKey(adapters)[0]):
                with (
                    suppress(OSError),
                    winreg.OpenKey(adapters, winreg.EnumKey(adapters, index)) as one,
                ):
                    names.append(str(winreg.QueryValueEx(one, "DriverDesc")[0]))
    return without_nvidia(names)

"""What the program is made of: versions and licences, as text."""

import contextlib
import platform

from PySide6.QtCore import qVersion

from app import __version__

LICENCE_URL = "https://www.apache.org/licenses/LICENSE-2.0"
PARTS = "Qt (LGPL 3), PyTorch (BSD), tokenizers (Apache 2.0), markdown-it-py (MIT), Pygments (BSD)"


def versions() -> str:
    """Rookery, Qt, torch, Python and the system, in one line; imports none of them anew."""
    from importlib.metadata import PackageNotFoundError, version  # slow, and seldom needed

    parts = [f"Rookery {__version__}", f"Qt {qVersion()}"]
    with contextlib.suppress(PackageNotFoundError):  # a frozen program keeps no such records
        parts.append(f"PyTorch {version('torch')}")
    return ", ".join([*parts, f"Python {platform.python_version()}", platform.platform()])

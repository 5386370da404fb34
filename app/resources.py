"""Where the files that ship with the program lie: checkout, installed package or frozen folder."""

import sys
import sysconfig
from pathlib import Path


def resource(*parts: str) -> Path:
    """The path of a shipped file, e.g. ``resource("vocabulary", "world.txt")``."""
    return _root().joinpath(*parts)


def _root() -> Path:
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen:
        return Path(frozen) / "resources"
    checkout = Path(__file__).resolve().parent.parent / "resources"
    if checkout.is_dir():
        return checkout
    return Path(sysconfig.get_path("data")) / "share" / "rookery" / "resources"

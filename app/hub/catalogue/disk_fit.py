"""Whether a download has room on the disk of its folder; uses no network."""

import shutil
from pathlib import Path

import msgspec

RESERVE_BYTES = 32 << 20
"""What a download leaves free, so that the system and the records of the download have room."""


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that a download takes, and bytes that are free in its folder."""

    needed_bytes: int
    free_bytes: int
    folder: str

    @property
    def enough(self) -> bool:
        """Whether the download fits, with RESERVE_BYTES to spare."""
        return self.needed_bytes + RESERVE_BYTES <= self.free_bytes


def free_below(folder: Path) -> int | None:
    """Free bytes on the disk that ``folder`` is, or will be, on; None if that cannot be told."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue  # it is made when the first download begins
        except (OSError, ValueError):
            return None
    return None


def room_for(size: int, folder: Path, done: int = 0) -> Room | None:
    """The room for a file of ``size`` bytes, of which ``done`` have arrived; None if not known."""
    free = free_below(folder) if size else None
    if free is None:
        return None
    return Room(needed_bytes=max(0, size - done), free_bytes=free, folder=str(folder))

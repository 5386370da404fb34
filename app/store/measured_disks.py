"""How fast disks were measured to give files, kept in the data folder by machine and disk."""

import contextlib
from pathlib import Path

from app.errors import StoreError
from app.runtime.planning.machine import rates_key
from app.system.atomic_file import replacing
from app.system.disk_speed import disk_of, file_bytes_per_s
from app.system.file_lock import locked_beside
from app.system.json_file import decode, encode
from app.system.small_file import read_small

_LARGEST = 1 << 20
_MOST = 200
_FASTEST = 1e13


class MeasuredDisks:
    """A file of figures; one that is damaged or cannot be written costs another measurement."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._now: dict[str, float] = {}  # also where the file cannot be written

    def of(self, path: Path) -> float | None:
        """How fast a file of this disk comes, in bytes a second: as kept, else measured now.

        That takes up to a second.  None where it cannot be told.
        """
        disk = f"{rates_key()}: {disk_of(path)}"
        speed = self._now.get(disk) or self._all().get(disk)
        if speed is None:
            speed = file_bytes_per_s(path)
            if speed:
                self._keep(disk, speed)
        if speed:
            self._now[disk] = speed
        return speed

    def _keep(self, disk: str, speed: float) -> None:
        """Of very many disks the oldest go; what else reads at the time only makes one slower."""
        with contextlib.suppress(OSError, StoreError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with locked_beside(self._file):
                known = self._all()
                if known.get(disk, 0) >= speed:
                    return
                known.pop(disk, None)
                known[disk] = speed
                with replacing(self._file) as file:
                    file.write(encode(dict(list(known.items())[-_MOST:])))

    def _all(self) -> dict[str, float]:
        try:
            found = decode(read_small(self._file, _LARGEST), dict[str, float])
        except (OSError, ValueError):
            return {}
        return {disk: speed for disk, speed in found.items() if 0 < speed < _FASTEST}

"""What machines were measured to read and multiply, kept in the data folder by machine."""

import contextlib
from pathlib import Path

from app.errors import StoreError
from app.runtime.planning.machine import Rates, rates_key
from app.system.atomic_file import replacing
from app.system.file_lock import locked_beside
from app.system.json_file import decode, encode, read_small

_LARGEST = 1 << 20
_MOST = 50


class MeasuredRates:
    """A file of rates; one that is damaged or cannot be written costs another measurement."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self) -> Rates | None:
        """What this machine was measured to do; None where it was not."""
        return self._all().get(rates_key())

    def put(self, rates: Rates) -> None:
        """Keep what this machine was measured to do; of very many machines the oldest go."""
        with contextlib.suppress(OSError, StoreError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with locked_beside(self._file):
                known = self._all()
                known.pop(rates_key(), None)
                known[rates_key()] = rates
                with replacing(self._file) as file:
                    file.write(encode(dict(list(known.items())[-_MOST:])))

    def _all(self) -> dict[str, Rates]:
        try:
            return decode(read_small(self._file, _LARGEST), dict[str, Rates])
        except (OSError, ValueError):
            return {}

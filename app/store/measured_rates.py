"""What machines were measured to read and multiply, kept in the data folder by machine."""

import contextlib
from pathlib import Path

from app.errors import StoreError
from app.runtime.planning.machine import Rates, rates_key
from app.system.atomic_file import replacing
from app.system.file_lock import locked_beside
from app.system.json_file import decode, encode
from app.system.small_file import read_small

_LARGEST = 1 << 20
_MOST = 50


class MeasuredRates:
    """A file of rates; one that is damaged or cannot be written costs another measurement.

    Of several measurements the fastest of each figure counts: what else runs at the time can only
    make them slower.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self) -> Rates | None:
        """What this machine was measured to do; None where it was not."""
        return self._all().get(rates_key())

    def put(self, rates: Rates) -> None:
        """Keep what this machine was measured to do; of very many machines the oldest go.

        A slower figure does not take the place of a faster one.
        """
        with contextlib.suppress(OSError, StoreError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with locked_beside(self._file):
                known = self._all()
                known[rates_key()] = _faster(known.pop(rates_key(), rates), rates)
                with replacing(self._file) as file:
                    file.write(encode(dict(list(known.items())[-_MOST:])))

    def _all(self) -> dict[str, Rates]:
        try:
            return decode(read_small(self._file, _LARGEST), dict[str, Rates])
        except (OSError, ValueError):
            return {}


def _faster(one: Rates, other: Rates) -> Rates:
    """Of each figure the greater one."""
    forms = {**one.multiply_per_s, **other.multiply_per_s}
    return Rates(
        max(one.read_bytes_per_s, other.read_bytes_per_s),
        {form: max(r.multiply_per_s.get(form, 0) for r in (one, other)) for form in forms},
    )

"""In which ways memory ran out on machines, kept in the data folder by machine and model."""

import contextlib
from pathlib import Path

from app.errors import StoreError
from app.runtime.planning.machine import rates_key
from app.system.atomic_file import replacing
from app.system.file_lock import locked_beside
from app.system.json_file import decode, encode
from app.system.small_file import read_small

_LARGEST = 1 << 20
_MOST = 500  # models of all machines

_Kept = dict[str, dict[str, int]]


class KeptShortages:
    """A file of them; one that is damaged or cannot be written costs running out once more."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self, path: str) -> dict[str, int]:
        """Of the model at ``path``: strategies, each with the bytes that it could take then."""
        return self._all().get(_key(path), {})

    def put(self, path: str, strategy: str, room_bytes: int) -> None:
        """One more; of very many models those noted first go."""
        self._change(path, {strategy: room_bytes})

    def forget(self, path: str, strategy: str) -> None:
        """It has run in this way since."""
        if strategy in self.get(path):
            self._change(path, {}, strategy)

    def _change(self, path: str, more: dict[str, int], less: str = "") -> None:
        with contextlib.suppress(OSError, StoreError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with locked_beside(self._file):
                known = self._all()
                ways = {**known.pop(_key(path), {}), **more}
                ways.pop(less, None)
                known |= {_key(path): ways} if ways else {}
                with replacing(self._file) as file:
                    file.write(encode(dict(list(known.items())[-_MOST:])))

    def _all(self) -> _Kept:
        try:
            return decode(read_small(self._file, _LARGEST), _Kept)
        except (OSError, ValueError):
            return {}


def _key(path: str) -> str:
    return f"{rates_key()}\n{Path(path).absolute()}"

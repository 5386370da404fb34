"""What models were called when their names still told their family, by their fingerprints.

A model keeps its family when it is renamed: what told it then is looked up here.
"""

import contextlib
import os
from pathlib import Path

from app.errors import StoreError
from app.system.atomic_file import replacing
from app.system.file_lock import locked_beside
from app.system.json_file import decode, encode
from app.system.small_file import read_small

_MOST = 2000
_LONGEST = 200
_LARGEST = 1 << 20
_PATIENCE_S = 2.0
FILE = "known-models.json"


class KnownModels:
    """A file of names by fingerprint; what is damaged is forgotten, and written anew in time."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def name_of(self, fingerprint: str) -> str:
        """What the model of this fingerprint was called; "" for one that is not known."""
        return self._all().get(fingerprint, "")

    def remember(self, fingerprint: str, name: str) -> None:
        """Keep what it is called, unless something is known already; the oldest of many go.

        Where nothing can be written, nothing is remembered.
        """
        if self._file is None or not name or len(name) > _LONGEST:
            return
        if self.name_of(fingerprint):
            return
        with contextlib.suppress(OSError, StoreError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with locked_beside(self._file, _PATIENCE_S):
                known = self._all()
                known.setdefault(fingerprint, name)
                kept = dict(list(known.items())[-_MOST:])
                with replacing(self._file) as file:
                    file.write(encode(kept))

    def _all(self) -> dict[str, str]:
        if self._file is None:
            return {}
        try:
            return decode(read_small(self._file, _LARGEST), dict[str, str])
        except (OSError, ValueError):
            return {}


def standard_known_models() -> KnownModels:
    """Those of this person, in the data folder."""
    home = os.environ.get("ROOKERY_HOME", "")
    if home:
        return KnownModels(Path(home).expanduser().absolute() / "data" / FILE)
    try:
        import platformdirs
    except ImportError:
        return KnownModels(None)
    return KnownModels(
        platformdirs.user_data_path("rookery", appauthor=False, roaming=False) / FILE
    )

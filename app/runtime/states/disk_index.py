"""Which states lie in a folder, by what their names tell; looks anew where the folder has changed.

Safe to use from several threads.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .disk_names import DiskName, folder_of, read_name
from .state_key import StartingPoint, TokenPrefix
from .state_store import Lengths

_TICK_NS = 50_000_000  # clocks of file systems go in steps


class DiskIndex:
    """Of all starting points below ``folder``; one is read when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[StartingPoint, _Listing] = {}

    def path(self, point: StartingPoint, name: DiskName) -> Path:
        """Where the file of a state is."""
        return self._folder / folder_of(point) / name.text

    def longest(
        self,
        prefix: TokenPrefix,
        tokens: Sequence[int],
        serves: Callable[[DiskName], bool],
        beyond: int = 0,
    ) -> DiskName | None:
        """The state of the longest beginning of ``tokens``, which follow the prefix.

        It has more than ``beyond`` tokens.  All of ``tokens`` counts only with logits.
        """
        whole = prefix.tokens + len(tokens)
        with self._lock:
            listing = self._listing(prefix.point)
            lengths = list(listing.lengths.between(max(prefix.tokens, beyond + 1), whole))
            found = None
            for key in prefix.keys_at(tokens, lengths):
                names = listing.at.get((key.tokens, key.prefix), ())
                fit = [n for n in names if (n.logits or key.tokens < whole) and serves(n)]
                if fit:
                    found = max(fit, key=lambda n: (n.exact, n.logits))
            return found

    def at(self, point: StartingPoint, place: tuple[int, str]) -> tuple[DiskName, ...]:
        """All that is kept of the same tokens."""
        with self._lock:
            return tuple(self._listing(point).at.get(place, ()))

    def forget(self, point: StartingPoint, name: DiskName) -> None:
        """It turned out not to be there, or to be of no use."""
        with self._lock:
            listing = self._known.get(point)
            if listing is not None:
                listing.forget(name.text, there=os.path.lexists(self.path(point, name)))

    def refresh(self, point: StartingPoint) -> None:
        """Look at the folder, so that the next who asks need not."""
        with self._lock:
            self._listing(point)

    def _listing(self, point: StartingPoint) -> "_Listing":
        listing = self._known.setdefault(point, _Listing())
        listing.look(self._folder / folder_of(point))
        return listing


class _Listing:
    """The states of one folder as they were when it was last looked at."""

    def __init__(self) -> None:
        self.at: dict[tuple[int, str], list[DiskName]] = {}
        self.lengths = Lengths()
        self._names: dict[str, DiskName | None] = {}
        self._stamp = 0

    def look(self, folder: Path) -> None:
        try:
            stamp = os.stat(folder).st_mtime_ns
            if stamp == self._stamp:
                return
            names = os.listdir(folder)
        except OSError:
            stamp, names = 0, []
        fresh = time.time_ns() - stamp < _TICK_NS  # what comes in the same tick looks no newer
        self._stamp = 0 if fresh else stamp
        there, known = set(names), self._names.keys()
        self.change(there - known, known - there)

    def forget(self, text: str, *, there: bool) -> None:
        """Also where it is still ``there``, and cannot be deleted."""
        self.change((), (text,) if text in self._names else ())
        if there:
            self._names[text] = None

    def change(self, new: Iterable[str], gone: Iterable[str]) -> None:
        for text in list(gone):
            if name := self._names.pop(text, None):
                names = self.at[name.place]
                names.remove(name)
                if not names:
                    del self.at[name.place]
                self.lengths.remove(name.tokens)
        for text in new:
            name = self._names[text] = read_name(text)
            if name is not None:
                self.at.setdefault(name.place, []).append(name)
                self.lengths.add(name.tokens)

"""The library on this disk: what lies in the chosen folders, watched, and what is done with it.

Knows no window and no settings file: folders and files are told to it.  Everything here may be
called from any thread; what reads or writes the disk blocks, and belongs into one.
"""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from app.runtime.library import ModelFile, Survey, merged

from .watching import Headers, Reader, Teller, look_at, look_into

_PATIENCE_S = 20.0


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """One folder of the library.

    ``there`` is False while it is gone, such as that of a disk that is not connected; ``reading``
    is True until its first look has ended.  ``limits`` holds "depth" or "entries" where it holds
    more than is looked at; ``unread`` are folders in it that the system refused to open.
    """

    path: str
    there: bool = True
    reading: bool = False
    limits: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What the last looks found: every model, state, LoRA, download and useless file, by name."""

    models: tuple[ModelFile, ...] = ()
    folders: tuple[Folder, ...] = ()


class Shelf:
    """Reads ``folders`` and the single ``files``.

    ``on_change`` is called, in a thread of its own, soon after a look found something else than
    the one before it; many changes at once are told once.
    """

    def __init__(
        self,
        folders: Iterable[Path] = (),
        files: Iterable[Path] = (),
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._headers = Headers()
        self._teller = Teller(on_change or _nobody)
        self._readers: dict[Path, Reader] = {}
        self._single: tuple[Path, ...] = ()
        self._files: Reader | None = None
        self._interval_s = 0.0
        self.choose(folders, files)

    # what is looked at

    def choose(self, folders: Iterable[Path], files: Iterable[Path] = ()) -> None:
        """From now on these folders and single files; those that are new are read at once."""
        wanted = [Path(folder) for folder in dict.fromkeys(folders)]
        single = tuple(dict.fromkeys(map(Path, files)))
        with self._lock:
            for folder in [folder for folder in self._readers if folder not in wanted]:
                self._readers.pop(folder).close()
            kept = self._readers
            self._readers = {one: kept.get(one) or self._reader(one) for one in wanted}
            if single != self._single or self._files is None:
                if self._files is not None:
                    self._files.close()
                self._single, self._files = single, self._start(look_at(single, self._headers))
        self._teller.ring()

    def watch(self, interval_s: float = 2.0) -> None:
        """Look again so often, less often in folders that take long; 0 ends it."""
        with self._lock:
            self._interval_s = interval_s
            for reader in self._all():
                reader.every(interval_s)

    def close(self) -> None:
        """Look no more and tell no more."""
        with self._lock:
            self._teller.close()
            for reader in self._all():
                reader.close()

    # what is there

    @property
    def contents(self) -> Contents:
        """What is known now; reads nothing but the targets of links."""
        with self._lock:
            surveys = [(folder, reader.survey) for folder, reader in self._readers.items()]
            single = self._files.survey if self._files else None
        found = [survey for _, survey in surveys if survey] + ([single] if single else [])
        folders = (
            Folder(
                path=str(folder),
                there=survey.there,
                limits=survey.limits,
                unread=survey.unread,
            )
            if survey
            else Folder(path=str(folder), reading=True)
            for folder, survey in surveys
        )
        return Contents(models=tuple(merged(found)), folders=tuple(folders))

    def refresh(self) -> None:
        """Look again soon; ``on_change`` tells if that finds something else."""
        with self._lock:
            for reader in self._all():
                reader.ask()

    def scan(self, limit_s: float = _PATIENCE_S) -> Contents:
        """Look again and wait for it; of folders that take longer, what is known of them."""
        until = time.monotonic() + limit_s
        with self._lock:
            asked = [(reader, reader.ask()) for reader in self._all()]
        for reader, number in asked:
            reader.wait(number, max(0.0, until - time.monotonic()))
        return self.contents

    def _all(self) -> list[Reader]:
        return [*self._readers.values(), *([self._files] if self._files else [])]

    def _reader(self, folder: Path) -> Reader:
        return self._start(look_into(folder, self._headers))

    def _start(self, look: Callable[[Callable[[], bool]], Survey]) -> Reader:
        reader = Reader(look, self._teller.ring)
        reader.every(self._interval_s)
        reader.ask()
        return reader


def _nobody() -> None:
    pass

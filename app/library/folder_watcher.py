"""Watches folders by polling, and reports when something in them has changed.

Each folder is read in a thread of its own, so that a slow network folder delays nothing else.
Polling instead of file system events also works for network folders, removable disks and folders
that do not exist yet.  It is cheap, since headers are cached: one round costs a directory listing.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from app import __version__
from app.hub.sources.answer_cache import Cache
from app.library.scan import Survey, chosen_files, survey
from app.runtime.checkpoint.describe import ModelFile, describe, files_of
from app.runtime.origin import note_of
from app.system.bug_hook import SurvivingBugs

Signature = tuple[tuple[str, int, int, int], ...]

_REMEMBERED = 20_000
_WRITING_S = 3.0
_REST = 50  # a folder rests so many times as long as looking through it took
_GATHER_S = 0.15
_FLEETING = ("missing", "unreadable")
_KEY = f"headers {__version__} 2"  # the number changes when files are described otherwise


class _Kept(msgspec.Struct, frozen=True):
    """Each header by itself: one that cannot be read costs only itself."""

    headers: tuple[msgspec.Raw, ...]


_Header = tuple[Signature, ModelFile]


class Headers:
    """``describe`` with a cache: a result holds until a file's size, time or inode changes.

    A damaged file that was written moments ago is reported as unfinished: it is probably being
    copied.  Thread-safe.  With a ``cache`` the results are kept for the next start.
    """

    def __init__(self, cache: Cache | None = None) -> None:
        self._cache, self._lock = cache, threading.Lock()
        self._known: dict[str, tuple[Signature, ModelFile]] = {}
        self._kept_count = self._count = 0
        if cache is not None and (kept := cache.get(_KEY, _Kept)):
            self._known = {one[1].path: one for one in _decoded(kept[0].headers)}

    def __call__(self, path: Path) -> ModelFile:
        """As ``describe``."""
        known = self._known.get(str(path))
        if known is not None and known[0] == signature(known[1].files):
            return known[1]
        before = signature(_files_of(path))
        model = describe(path)
        if model.kind == "damaged" and abs(time.time() - model.modified) < _WRITING_S:
            facts = model.failure_facts | {"why": "still-written"}
            return msgspec.structs.replace(model, kind="unfinished", failure_facts=facts)
        if model.kind not in _FLEETING:
            self._remember(str(path), before, model)
        return model

    def _remember(self, path: str, before: Signature, model: ModelFile) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[path] = (before, model)
        self._count += 1

    def keep(self) -> None:
        """Write new results to the cache."""
        with self._lock:
            if self._cache is not None and self._kept_count != self._count:
                self._kept_count = self._count
                self._cache.put(_KEY, _Kept(tuple(_encoded(list(self._known.values())))))


def _encoded(headers: Iterable[_Header]) -> Iterator[msgspec.Raw]:
    """Those that are text: the bytes of a name may be none."""
    for one in headers:
        with contextlib.suppress(UnicodeEncodeError):
            yield msgspec.Raw(msgspec.json.encode(one))


def _decoded(headers: Iterable[msgspec.Raw]) -> Iterator[_Header]:
    for raw in headers:
        with contextlib.suppress(ValueError):
            yield msgspec.json.decode(raw, type=_Header)


def _files_of(path: Path) -> tuple[str, ...]:
    """As ``files_of``; of a file that makes it stumble, which ``describe`` tells, the path."""
    with SurvivingBugs():
        return files_of(path)
    return (str(path),)


def signature(files: tuple[str, ...]) -> Signature:
    """What differs when one of these files, or their note, was written, replaced or removed."""
    return tuple(_state(file) for file in (*files, str(note_of(Path(files[0])))))


def _state(file: str) -> tuple[str, int, int, int]:
    try:
        status = Path(file).stat()
    except (OSError, ValueError):
        return file, -1, 0, 0
    return file, status.st_size, status.st_mtime_ns, status.st_ino


class FolderWatcher:
    """Reads one folder in a thread: when asked, and every ``interval_s`` where that is above 0.

    ``survey`` is what the last look found, None before the first has ended.  ``on_change`` is
    called in the thread after a look that found something else than the one before.
    """

    def __init__(
        self, look: Callable[[Callable[[], bool]], Survey], on_change: Callable[[], None]
    ) -> None:
        self._look, self._on_change = look, on_change
        self._changed = threading.Condition()
        self._interval_s = self._rest_s = 0.0
        self._begun = self._ended = self._asked = 0
        self._closed = False
        self.survey: Survey | None = None
        threading.Thread(target=self._run, name="library", daemon=True).start()

    @property
    def reading(self) -> bool:
        """Whether a look is under way."""
        return self._begun > self._ended

    def every(self, interval_s: float) -> None:
        """From now on look so often by itself; 0 for never."""
        with self._changed:
            self._interval_s = interval_s
            self._changed.notify_all()

    def ask(self) -> int:
        """Look soon; returns the number of that look, for ``wait``."""
        with self._changed:
            self._asked = self._begun + 1
            self._changed.notify_all()
            return self._asked

    def wait(self, number: int, limit_s: float) -> bool:
        """Until the look of that number has ended; False where it takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended >= number or self._closed, limit_s)

    def close(self) -> None:
        """Look no more; a look that is under way ends at its next file."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while self._next():
            begin = time.monotonic()
            found = self._looked()
            self._rest_s = _REST * (time.monotonic() - begin)
            with self._changed:
                different, self.survey = found != self.survey, found
                self._ended = self._begun
                self._changed.notify_all()
            if different and not self._closed:
                with SurvivingBugs():
                    self._on_change()

    def _looked(self) -> Survey | None:
        """What a look finds; where a mistake of this program ends it, what was known before."""
        with SurvivingBugs():
            return self._look(lambda: self._closed)
        return self.survey

    def _next(self) -> bool:
        """Wait for the time of the next look; False where there is none."""
        with self._changed:
            since = time.monotonic()
            while not self._closed and self._asked <= self._begun:
                pause = max(self._interval_s, self._rest_s) if self._interval_s else None
                left = None if pause is None else since + pause - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            self._begun += 1
            return not self._closed


class Debouncer:
    """Calls ``listener`` in a thread of its own soon after ``ring``, once for many rings."""

    def __init__(self, listener: Callable[[], None]) -> None:
        self._listener = listener
        self._rung = threading.Event()
        self._closed = threading.Event()
        self._telling = threading.RLock()
        threading.Thread(target=self._run, name="library bell", daemon=True).start()

    def ring(self) -> None:
        """Something is different."""
        self._rung.set()

    def close(self) -> None:
        """Call no more; a call that is under way is waited for, unless it asks for this itself."""
        self._closed.set()
        self._rung.set()
        with self._telling:
            pass

    def _run(self) -> None:
        while self._rung.wait() and not self._closed.wait(_GATHER_S):
            self._rung.clear()
            with self._telling:
                if not self._closed.is_set():
                    with SurvivingBugs():
                        self._listener()


def look_into(folder: Path, headers: Headers) -> Callable[[Callable[[], bool]], Survey]:
    """What a Reader does for a folder."""

    def look(cancelled: Callable[[], bool]) -> Survey:
        found = survey(folder, headers, cancelled)
        headers.keep()
        return found

    return look


def look_at(files: tuple[Path, ...], headers: Headers) -> Callable[[Callable[[], bool]], Survey]:
    """What a Reader does for files chosen by themselves."""

    def look(cancelled: Callable[[], bool]) -> Survey:
        models = tuple(chosen_files(files, headers, cancelled))
        headers.keep()
        return Survey(folder="", models=models)

    return look

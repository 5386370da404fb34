"""What the person has chosen, kept in one JSON file; knows no widget and no default look."""

import contextlib
import errno
import json
import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from app.errors import DiskFull, Failure, StoreError
from app.runtime.protocol import Sampling
from app.runtime.whole_files import patiently

from .changes import Change, Changes
from .records import Think

Json = dict[str, Any]


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting there is, with its default.

    ``theme`` is "system", "light" or "dark"; ``text_scale`` multiplies all type sizes;
    ``folders`` are searched for models; ``model`` and ``strategy`` are what was open last;
    ``files`` are models chosen by themselves; ``strategies`` maps a model's path to the way it
    was asked to run; ``window`` is the window's geometry as base64, ``page`` the page it showed.
    ``hub_source`` is "huggingface", "mirror" (its address in ``hub_mirror``) or "modelscope";
    ``download_limit`` is in bytes a second, 0 for none; ``download_folder`` "" is the usual one.
    ``system_prompt`` and ``default_…`` are what a new conversation begins with.
    """

    theme: str = "system"
    text_scale: float = 1.0
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    model: str = ""
    strategy: str = ""
    strategies: dict[str, str] = {}
    window: str = ""
    page: str = ""
    open_last_model: bool = True
    conversation: str = ""
    conversations_shown: bool = True
    chat_settings_shown: bool = False
    system_prompt: str = ""
    default_template: str = ""
    default_think: Think = "off"
    default_limit: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 2048
    default_sampling: Sampling | None = None
    hub_source: str = "huggingface"
    hub_mirror: str = ""
    hub_proxy: str = ""
    downloads_at_once: int = 2
    download_limit: int = 0
    download_connections: int = 4
    download_folder: str = ""


class Settings:
    """Reads once, writes soon after each change; ``trouble`` says what was wrong with the file.

    Only what was changed here is written over the file, so that two windows and newer programs
    keep what they wrote: unknown keys stay.  ``on_failure`` is called, in another thread, when
    the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        changes: Changes | None = None,
        on_failure: Callable[[Failure], None] | None = None,
    ) -> None:
        self._path = path
        self._changes = changes or Changes()
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None
        self._unsaved: Json = {}
        self._writing: Json = {}
        self.trouble: Failure | None = None
        self.now = Values()
        try:
            self.now = _values(_stored(path))
        except Failure as failure:
            self.trouble = failure

    def change(self, **values: object) -> None:
        """Set some of Values' fields, now and for the next start; an unknown name is an error."""
        with self._lock:
            now = msgspec.structs.replace(self.now, **values)
            if now == self.now:
                return
            self.now = now
            self._unsaved |= {name: msgspec.to_builtins(value) for name, value in values.items()}
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_all, name="settings")
                self._writer.start()
        self._changes.tell(Change("settings"))

    def look_again(self, *names: str) -> bool:
        """Take over what another window has written for these fields; True where it differs.

        What was changed here and is not written yet stays.  Reads the file: not for the thread
        that paints, but it may be called from any.
        """
        with self._lock:
            try:
                found = _values(_stored(self._path))
            except StoreError:
                return False  # the next write tells what is wrong
            mine = self._unsaved.keys() | self._writing.keys()
            theirs = {name: getattr(found, name) for name in names if name not in mine}
            before, self.now = self.now, msgspec.structs.replace(self.now, **theirs)
            different = self.now != before
        if different:
            self._changes.tell(Change("settings"))
        return different

    def close(self) -> None:
        """Wait until everything is written."""
        writer = self._writer
        if writer is not None:
            writer.join()

    def _write_all(self) -> None:
        while True:
            with self._lock:
                unsaved, self._unsaved = self._unsaved, {}
                self._writing = unsaved
                if not unsaved:
                    self._writer = None
                    return
            try:
                _update(self._path, unsaved)
            except Failure as failure:
                self.trouble = failure
                if self._on_failure is not None:
                    self._on_failure(failure)


def _values(stored: Mapping[str, Any]) -> Values:
    """The stored values of the right type; defaults for the rest."""
    taken = {}
    for field in msgspec.structs.fields(Values):
        if field.name in stored:
            with contextlib.suppress(msgspec.ValidationError):
                taken[field.name] = msgspec.convert(stored[field.name], field.type)
    return Values(**taken)


def _stored(path: Path) -> Json:
    """What the file holds; a damaged one is first renamed, so that a new one can be written."""
    try:
        found = json.loads(patiently(path.read_text, "utf-8"))
        if isinstance(found, dict):
            return found
        why = "not an object"
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError(str(error), path=str(path), why="refused") from error
    except ValueError as damage:  # neither UTF-8 nor JSON
        why = str(damage)
    kept = path.with_name(path.name + ".broken")
    trouble = StoreError(why, path=str(path), why="damaged")
    with contextlib.suppress(OSError):
        patiently(os.replace, path, kept)
        trouble.facts["kept"] = str(kept)
    raise trouble


def _update(path: Path, values: Json) -> None:
    """Write beside the file and rename: it is the old one or the new one, never half of it."""
    try:
        stored = _stored(path)
    except StoreError as failure:
        if failure.facts.get("why") != "damaged":
            raise
        stored = {}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, stored | values)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(str(error), path=str(path)) from error
        raise StoreError(str(error), path=str(path), why="refused") from error


def _replace(path: Path, values: Json) -> None:
    handle, name = tempfile.mkstemp(prefix=path.name, suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(values, file, ensure_ascii=False, indent=2, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        patiently(os.replace, name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise

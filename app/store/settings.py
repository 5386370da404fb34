"""What the person has chosen, kept in one JSON file; knows no widget and no default look."""

import contextlib
import errno
import json
import os
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from app.errors import DiskFull, Failure, StoreError
from app.runtime.planning.machine import Limits
from app.runtime.planning.plan import Policy
from app.runtime.protocol.prompts import Sampling
from app.system.atomic_file import replacing, retry_while_in_use
from app.system.bug_hook import SurvivingBugs
from app.system.file_lock import locked_beside
from app.system.json_file import loads
from app.system.log import describe, logger
from app.system.small_file import read_small

from .changes import Change, Changes
from .chosen_adapters import ChosenAdapter
from .comparisons.comparison_records import Grid
from .documents.document_records import WritingSettings
from .edits import Edit, Edits, Json, applied
from .kept_batches import KeptBatch
from .records import ReplyOptions, Think

OF_ONE_WINDOW = (
    *("model", "strategy", "window", "page", "conversation"),
    *("conversations_shown", "chat_settings_shown"),
    *("document", "documents_shown", "writing_settings_shown", "comparison"),
)
"""Fields that each window has for itself while it is open; the file keeps the last one's."""

_LARGEST = 4 << 20

MOST_THREADS = 256


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting there is, with its default.

    ``theme`` is "system", "light" or "dark"; ``text_scale`` multiplies all type sizes;
    ``folders`` are searched for models; ``model`` and ``strategy`` are what was open last;
    ``files`` are models chosen by themselves; ``strategies`` maps a model's path to the way it
    was asked to run, ``templates`` a model's fingerprint to the prompt template that was chosen for
    it, ``adapters`` a model's path to what is merged into it; ``window`` is the window's geometry
    as base64, ``page`` the page it showed.
    ``hub_source`` is "huggingface", "mirror" (its address in ``hub_mirror``) or "modelscope";
    ``download_limit`` is in bytes a second, 0 for none; ``download_folder`` "" is the usual one.
    ``comparison`` is what was set to be compared last, and perhaps not begun.
    ``writing_presets`` are settings of the playground that a person has saved, by their names, and
    ``batches`` what was run through a model row by row, by their ids.
    ``system_prompt`` and ``default_…`` are what a new conversation begins with;
    ``automatic_titles``: from its first message, or by the model.  ``folded_sections`` are the keys
    of what is folded away in the list of conversations.  ``read_drafts``: the model reads what is
    typed before it is sent.
    ``run_policy`` decides where nothing is chosen for a model; ``cpu_limit`` and ``gpu_limit`` are
    bytes that a model may take on the processor's side and on a card, 0 for all there is;
    ``gpu`` is the card that is used: "" the best, "cpu" none, or its device ("cuda:1").
    ``threads`` are those that compute, 0 for one a core; ``keep_minutes`` is how long a model
    stays loaded that nobody asks anything, 0 for always, and ``park_model`` has some of it kept in
    memory then.  ``keep_states``: what models remember is
    kept on the disk, ``state_budget`` bytes at most, of which ``state_day_limit`` are written in a
    day; ``state_half`` rounds it to 16 bits.  ``named_states_budget`` is how many bytes the states
    that a person has named may take.
    """

    theme: str = "system"
    text_scale: Annotated[float, msgspec.Meta(ge=0.5, le=4.0)] = 1.0
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    model: str = ""
    strategy: str = ""
    strategies: dict[str, str] = {}
    templates: dict[str, str] = {}
    adapters: dict[str, tuple[ChosenAdapter, ...]] = {}
    window: str = ""
    page: str = ""
    open_last_model: bool = True
    conversation: str = ""
    conversations_shown: bool = True
    chat_settings_shown: bool = False
    document: str = ""
    documents_shown: bool = True
    writing_settings_shown: bool = True
    writing_presets: dict[str, WritingSettings] = {}
    comparison: Grid = Grid()
    batches: dict[str, KeptBatch] = {}
    system_prompt: str = ""
    default_template: str = ""
    default_think: Think = "off"
    default_limit: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 2048
    default_sampling: Sampling | None = None
    default_options: ReplyOptions = ReplyOptions()
    automatic_titles: Literal["first", "model", "off"] = "first"
    folded_sections: tuple[str, ...] = ("archive",)
    read_drafts: bool = True
    hub_source: str = "huggingface"
    hub_mirror: str = ""
    hub_proxy: str = ""
    downloads_at_once: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    download_limit: Annotated[int, msgspec.Meta(ge=0, le=1 << 50)] = 0
    download_connections: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    download_folder: str = ""
    run_policy: Policy = "balanced"
    cpu_limit: Annotated[int, msgspec.Meta(ge=0, le=1 << 50)] = 0
    gpu_limit: Annotated[int, msgspec.Meta(ge=0, le=1 << 50)] = 0
    gpu: str = ""
    threads: Annotated[int, msgspec.Meta(ge=0, le=MOST_THREADS)] = 0
    keep_minutes: Annotated[int, msgspec.Meta(ge=0, le=10_080)] = 0
    park_model: bool = False
    keep_states: bool = True
    state_budget: Annotated[int, msgspec.Meta(ge=0, le=1 << 50)] = 10_000_000_000
    state_day_limit: Annotated[int, msgspec.Meta(ge=0, le=1 << 50)] = 20_000_000_000
    state_half: bool = False
    named_states_budget: Annotated[int, msgspec.Meta(ge=0, le=1 << 50)] = 8_000_000_000

    @property
    def limits(self) -> Limits:
        """What a model may take."""
        return Limits(gpu_bytes=self.gpu_limit or None, cpu_bytes=self.cpu_limit or None)


_SHARED = frozenset(Values.__struct_fields__).difference(OF_ONE_WINDOW)
_TYPES = {field.name: field.type for field in msgspec.structs.fields(Values)}


class Settings:
    """Reads once, writes soon after each change; ``trouble`` says what was wrong with the file.

    Only what was changed here is written over the file, as a change: a folder that was added is
    added to those that are there by then.  So two windows and newer programs keep what they wrote,
    and unknown keys stay.  What cannot be written is tried again with the next change and when the
    window closes; ``on_failure`` is called, in another thread, when a change cannot be written.
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
        self._unsaved: Edits = {}
        self._writing: Edits = {}
        self._unwritten: Edits = {}
        self._closing = False
        self._seen: tuple[int, ...] = ()
        self.trouble: Failure | None = None
        self.now = Values()
        try:
            self.now = _values(_stored(path))
        except Failure as failure:
            self.trouble = failure

    def change(self, **values: object) -> None:
        """Set some of Values' fields, now and for the next start; an unknown name is an error."""
        with self._lock:
            before, now = self.now, msgspec.structs.replace(self.now, **values)
            if now == before:
                return
            self.now = now
            self._take_up_unwritten()
            for name in values:
                first = self._unsaved.get(name)
                was = first.before if first else msgspec.to_builtins(getattr(before, name))
                self._unsaved[name] = Edit(was, msgspec.to_builtins(getattr(now, name)))
            self._begin_writing()
        self._changes.tell(Change("settings"))

    def look_again(self, *names: str) -> bool:
        """Take over what another window has written for these fields; True where it differs.

        Without names, for all that windows share, if the file is another one than at the last
        such look.  What was changed here and is not written yet stays.  Reads the file: not for
        the thread that paints, but it may be called from any.
        """
        with self._lock:
            seen = _signature(self._path)
            if not names and seen == self._seen:
                return False
            try:
                found = _values(_stored(self._path))
            except StoreError:
                return False  # the next write tells what is wrong
            mine = self._unsaved.keys() | self._writing.keys() | self._unwritten.keys()
            if not names:
                self._seen = () if mine else seen
            wanted = set(names or _SHARED) - mine
            theirs = {name: getattr(found, name) for name in wanted}
            before, self.now = self.now, msgspec.structs.replace(self.now, **theirs)
            different = self.now != before
        if different:
            self._changes.tell(Change("settings"))
        return different

    def close(self) -> None:
        """Wait until everything is written; what was refused before is tried once more."""
        self._wait()
        with self._lock:
            self._closing = bool(self._unwritten)  # which was told when it was refused
            self._take_up_unwritten()
            self._begin_writing()
        self._wait()

    def _wait(self) -> None:
        writer = self._writer
        if writer is not None:
            writer.join()

    def _take_up_unwritten(self) -> None:
        """Later changes of the same stand; what they are compared with is what the file has."""
        for name, edit in self._unwritten.items():
            later = self._unsaved.get(name)
            self._unsaved[name] = Edit(edit.before, later.after) if later else edit
        self._unwritten = {}

    def _begin_writing(self) -> None:
        if self._writer is None and self._unsaved:
            self._writer = threading.Thread(target=self._write_all, name="settings")
            self._writer.start()

    def _write_all(self) -> None:
        while True:
            with self._lock:
                unsaved, self._unsaved = self._unsaved, {}
                self._writing = unsaved
                if not unsaved:
                    self._writer = None
                    return
            with SurvivingBugs() as bugs:
                try:
                    _update(self._path, unsaved)
                except Failure as failure:
                    self._note_failure(unsaved, failure)
            if bugs.error is not None:
                told = StoreError(path=str(self._path), why="unwritten", said=bugs.place)
                self._note_failure(unsaved, told)

    def _note_failure(self, edits: Edits, failure: Failure) -> None:
        with self._lock:
            for name, edit in edits.items():
                later = self._unsaved.get(name)
                if later:
                    self._unsaved[name] = Edit(edit.before, later.after)
                else:
                    self._unwritten[name] = edit
            self._writing = {}
            self.trouble = failure
        logger("settings").warning("%s unsaved: %s", ", ".join(edits), describe(failure))
        if self._on_failure is not None and not self._closing:
            self._on_failure(failure)


def _values(stored: Mapping[str, Any]) -> Values:
    """The stored values of the right type; defaults for the rest."""
    taken = {}
    for name in _TYPES.keys() & stored.keys():
        with contextlib.suppress(msgspec.ValidationError):
            taken[name] = msgspec.convert(stored[name], _TYPES[name])
    return Values(**taken)


def _without_odd_ones(stored: Json, names: Collection[str]) -> Json:
    """``stored`` but for those of the named values that are of a wrong type: nothing joins them."""
    odd = set()
    for name in stored.keys() & names:
        try:
            msgspec.convert(stored[name], _TYPES[name])
        except msgspec.ValidationError:
            odd.add(name)
    return {name: value for name, value in stored.items() if name not in odd}


def _signature(path: Path) -> tuple[int, ...]:
    """What differs when the file was written; () where it is not there."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _stored(path: Path) -> Json:
    """What the file holds; a damaged one is first renamed, so that a new one can be written."""
    try:
        return _read(path)
    except StoreError as found:
        damage = found
    if damage.facts["why"] != "damaged":
        raise damage
    try:
        with locked_beside(path):  # another window may have written a good one meanwhile
            return _sound(path)
    except StoreError as failure:
        raise (failure if failure.facts["why"] == "damaged" else damage) from None


def _sound(path: Path) -> Json:
    """As ``_read``; puts a damaged file aside.  For whoever has locked it."""
    try:
        return _read(path)
    except StoreError as damage:
        if damage.facts["why"] == "damaged":
            kept = path.with_name(path.name + ".broken")
            with contextlib.suppress(OSError):
                retry_while_in_use(os.replace, path, kept)
                damage.facts["kept"] = str(kept)
        raise


def _read(path: Path) -> Json:
    try:
        found = loads(read_small(path, _LARGEST))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError(str(error), path=str(path), why="refused") from error
    except ValueError as damage:  # no file, too large, neither UTF-8 nor JSON
        raise StoreError(str(damage), path=str(path), why="damaged") from damage
    if isinstance(found, dict):
        return found
    raise StoreError("not-an-object", path=str(path), why="damaged")


def _update(path: Path, edits: Edits) -> None:
    """Read, change and write it while no other window does; it is never half of anything."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(str(error), path=str(path)) from error
        raise StoreError(str(error), path=str(path), why="refused") from error
    with locked_beside(path):
        try:
            stored = _sound(path)
        except StoreError as failure:
            if failure.facts["why"] != "damaged":
                raise
            stored = {}
        whole = _encoded(applied(edits, _without_odd_ones(stored, edits.keys())))
        with replacing(path, 0o600, through_links=True) as file:
            file.write(whole)


def _encoded(values: Json) -> bytes:
    """Letters as they are, but where one is half of a pair, such as of a path that is no text."""
    try:
        return json.dumps(values, ensure_ascii=False, indent=2, sort_keys=True).encode()
    except UnicodeEncodeError:
        return json.dumps(values, indent=2, sort_keys=True).encode()

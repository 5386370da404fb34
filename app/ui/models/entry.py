"""One model file dressed for the list: its plain name, what it needs, or why it cannot be used."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.errors import BY_CODE, Failure
from app.runtime.library import ModelFile, describe, scan
from app.runtime.spec import Spec
from app.runtime.strategy import KNOWN, choose, footprint, parse
from app.ui.status.machine import total_bytes

from .naming import plain_name


@dataclass(frozen=True)
class Way:
    """One way to run a model: its strategy text, the number format, and the bytes it takes."""

    strategy: str
    format: str
    bytes: int


@dataclass(frozen=True)
class Entry:
    """``ways`` are the ways it can run, ``strategy`` the usual one; none for an unusable file,
    whose ``reason`` is the sentence to show.
    """

    file: ModelFile
    title: str
    strategy: str = ""
    ways: tuple[Way, ...] = ()
    reason: str = ""

    @property
    def usable(self) -> bool:
        """Whether it is a model that can be opened."""
        return self.file.spec is not None

    def needed_bytes(self, strategy: str = "") -> int:
        """The memory it takes as ``strategy``, or in the usual way."""
        wanted = strategy or self.strategy
        return next((way.bytes for way in self.ways if way.strategy == wanted), 0)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return Path(self.file.path)

    @property
    def generation(self) -> str:
        """ "7.0" and the like; empty for what cannot be used."""
        return self.file.spec.generation if self.file.spec else ""


def entries_of(folders: Iterable[Path], files: Iterable[Path]) -> tuple[Entry, ...]:
    """Read the headers of all models there: the guide first, the rest by name.

    Reads the disk: to be called in a thread.
    """
    found = {one.path: one for one in scan([folder for folder in folders if folder.is_dir()])}
    for file in files:
        found[str(file)] = describe(file)
    dressed = [entry_of(file) for file in found.values()]
    return tuple(sorted(dressed, key=_order))


def _order(entry: Entry) -> tuple[bool, bool, str]:
    """The guide first, what is no use last, by name between."""
    return not entry.file.embedded, not entry.usable, entry.title.casefold()


def entry_of(file: ModelFile) -> Entry:
    """Dress one file."""
    if file.spec is None:
        return Entry(file, title=Path(file.path).name, reason=_reason(file))
    usual = choose(file.spec, file.dtype, total_bytes()).text
    ways = tuple(_way(file.spec, file.dtype, text) for text in KNOWN)
    return Entry(file, plain_name(file.name, file.spec.parameters), usual, ways)


def _way(spec: Spec, dtype: str, text: str) -> Way:
    strategy = parse(text)
    return Way(strategy.text, strategy.format, footprint(spec, strategy, dtype).total)


def _reason(file: ModelFile) -> str:
    from app.words import say  # the sentences are read only when one is needed

    failure = BY_CODE.get(file.failure_code, Failure)()
    failure.facts |= file.failure_facts
    return say(failure).sentences

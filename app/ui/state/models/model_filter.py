"""Which rows are shown and in what order: words, filters and sorting; knows no widget.

What is refused stands behind everything else in every order.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .entry import COMFORTABLE_BYTES, Entry
from .kinds import USELESS

SIZES = (("tiny", 0.0, 3e8), ("small", 3e8, 1e9), ("middle", 1e9, 4e9), ("large", 4e9, 1e15))
"""Names of the classes of size, with the number of parameters from which and up to which."""

ORDERS = ("best", "newest", "name", "smallest", "largest")


@dataclass(frozen=True)
class ModelFilter:
    """What the person asked to see; "" stands for all of a kind.

    ``generation`` is a first digit, ``size`` a name of SIZES, ``kind`` one of the kinds or
    "useless", ``language`` a code.  ``order`` is one of ORDERS.
    """

    words: tuple[str, ...] = ()
    fits: bool = False
    here: bool = False
    generation: str = ""
    size: str = ""
    kind: str = ""
    language: str = ""
    order: str = "best"

    @property
    def narrows(self) -> bool:
        """Whether anything is left out."""
        chosen = (self.generation, self.size, self.kind, self.language)
        return bool(self.words or self.fits or self.here or any(chosen))

    def accepts(self, entry: Entry, good: Callable[[Entry], bool]) -> bool:
        """Whether this one is shown; ``good`` tells whether a model fits this machine."""
        return (
            (not self.here or entry.here)
            and (not self.generation or entry.generation.startswith(self.generation))
            and (not self.size or size_class(entry.parameters) == self.size)
            and (not self.kind or _is_of(entry, self.kind))
            and (not self.language or _speaks(entry, self.language))
            and all(word in entry.words for word in self.words)
            and (not self.fits or good(entry))
        )

    def applied(self, entries: Iterable[Entry], good: Callable[[Entry], bool]) -> list[Entry]:
        """Those that are shown, in order."""
        kept = [entry for entry in entries if self.accepts(entry, good)]
        return in_order(kept, self.order, good)


def in_order(entries: Sequence[Entry], order: str, good: Callable[[Entry], bool]) -> list[Entry]:
    """``entries`` sorted, the refused ones last; each order falls back on the name."""
    return sorted(_sorted(entries, order, good), key=lambda entry: entry.refused)


def _sorted(entries: Sequence[Entry], order: str, good: Callable[[Entry], bool]) -> list[Entry]:
    by_name = sorted(entries, key=lambda entry: entry.title.casefold())
    match order:
        case "newest":
            return sorted(by_name, key=lambda entry: entry.released, reverse=True)
        case "smallest":
            return sorted(by_name, key=lambda entry: entry.bytes)
        case "largest":
            return sorted(by_name, key=lambda entry: -entry.bytes)
        case "name":
            return by_name
    newest = sorted(by_name, key=lambda entry: entry.released, reverse=True)
    return sorted(newest, key=lambda entry: _rank(entry, good))


_STANDINGS = {"recommended": 0, "current": 1, "archival": 2}
_WITHDRAWN = 3


def _rank(entry: Entry, good: Callable[[Entry], bool]) -> tuple[int, ...]:
    """The guide, what is here, what is recommended (first the largest that is quick), the rest."""
    if entry.here:
        return (0, not entry.embedded, not entry.usable)
    if not entry.fetchable:
        return (3,)
    standing = _STANDINGS[entry.offer.standing] if entry.offer else 1
    if entry.withdrawn:
        return (2, _WITHDRAWN, not good(entry))
    if standing == 0:
        quick = entry.bytes <= COMFORTABLE_BYTES
        return (1, not good(entry), not quick, -entry.bytes if quick else entry.bytes)
    return (2, standing, not good(entry))


def size_class(parameters: int) -> str:
    """The name of its class, "" for a size that is not known."""
    return next((name for name, low, high in SIZES if low < parameters <= high), "")


def _is_of(entry: Entry, kind: str) -> bool:
    if kind == "useless":
        return bool(entry.reason) or entry.kind in USELESS
    return entry.kind == kind


def _speaks(entry: Entry, language: str) -> bool:
    return language in entry.languages or (language != "multi" and "multi" in entry.languages)

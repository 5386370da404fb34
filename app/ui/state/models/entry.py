"""One row of the Models page: a file on this disk, something on a hub, or one that is both."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from app.errors import BY_CODE, Failure
from app.hub.catalogue.entries import Entry as Offer
from app.hub.catalogue.vocabulary_files import download_bytes
from app.messages.translate import tr
from app.runtime.checkpoint.describe import ModelFile
from app.runtime.spec import Spec

from .matching import Offers, begun, prints_of
from .model_names import plain_name

COMFORTABLE_BYTES = 4_000_000_000
"""Of a file so large a processor reads about what a word at reading speed allows."""

_ADAPTERS = ("state", "lora")
_WHOLE = ("model", *_ADAPTERS)


@dataclass(frozen=True)
class Entry:
    """At least one of ``file`` (on this disk) and ``offer`` (on a hub) is there.

    ``ways`` are the ways it can run, ``strategy`` the usual one; none for what cannot be run,
    whose ``reason`` is the sentence to show.  ``hashes`` are the SHA-256 of the file's parts, as
    far as they were read to their end.  ``newest`` is what is to be taken instead, for what the hub
    has no more.
    """

    title: str
    file: ModelFile | None = None
    offer: Offer | None = None
    reason: str = ""
    hashes: tuple[str, ...] = ()
    newest: Offer | None = None

    @cached_property
    def key(self) -> str:
        """Names it among all rows, for as long as it stays where it is."""
        return self.file.path if self.file else f"hub:{self.offer.key}" if self.offer else ""

    @property
    def here(self) -> bool:
        """Whether it is on this disk."""
        return self.file is not None

    @property
    def usable(self) -> bool:
        """Whether it is a model on this disk that can be opened."""
        return self.file is not None and self.file.spec is not None

    @property
    def runs(self) -> bool:
        """Whether it is a model that can be run, here or once it is downloaded."""
        if self.file is not None:
            return self.file.spec is not None
        return self.offer is not None and self.offer.is_model and not self.offer.why_not

    @property
    def fetchable(self) -> bool:
        """Whether it is not here and worth a download."""
        if self.offer is None or self.file is not None:
            return False
        return not self.offer.why_not or self.offer.format in _ADAPTERS

    @property
    def resumable(self) -> bool:
        """Whether it is a download that no queue knows any more, of something that is on offer."""
        return self.offer is not None and self.file is not None and bool(begun(self.file))

    @property
    def refused(self) -> bool:
        """Whether nothing can be done with it: no model, or one that cannot be run."""
        if self.kind in _ADAPTERS or self.kind == "unfinished":
            return False
        return not (self.usable or self.fetchable)

    @property
    def withdrawn(self) -> bool:
        """Whether it is not here, and the hub has it no more."""
        return self.offer is not None and self.file is None and self.offer.withdrawn

    @property
    def unknown(self) -> bool:
        """Whether its makers are neither in the catalogue nor known otherwise."""
        if self.offer is None:
            return not self.embedded
        return self.offer.unknown

    @property
    def note(self) -> str:
        """What is to be said of it in its row, where it can be used all the same; else ""."""
        if not self.withdrawn:
            return tr("Publisher not known") if self.offer and self.unknown else ""
        if self.newest is None:
            return tr("Withdrawn")
        return tr("Withdrawn; newest: {}").format(self.newest.title.partition(",")[0])

    @property
    def path(self) -> Path | None:
        """Where it lies, if it is here."""
        return Path(self.file.path) if self.file else None

    @property
    def embedded(self) -> bool:
        """Whether it is the guide that ships with the program."""
        return self.file is not None and self.file.embedded

    @property
    def spec(self) -> Spec | None:
        """Its shape: from its header, else as its name tells."""
        if self.file is not None:
            return self.file.spec
        return self.offer.spec if self.offer else None

    @property
    def generation(self) -> str:
        """ "7.0" and the like; empty where it is not known."""
        if self.file and self.file.spec:
            return self.file.spec.generation
        return self.offer.generation if self.offer else ""

    @property
    def bytes(self) -> int:
        """All its files together; 0 where that is not known."""
        if self.file is not None:
            return self.file.bytes
        return self.offer.bytes if self.offer else 0

    @cached_property
    def download_bytes(self) -> int:
        """All that downloading it brings; 0 where that is not known."""
        return download_bytes(self.offer) if self.offer else 0

    @property
    def kind(self) -> str:
        """What it is for or made of, as ``Offer.kind``; a file that is no use says why."""
        if self.file is not None and self.file.kind != "model":
            return self.file.kind
        return self.offer.kind if self.offer else ""

    @property
    def languages(self) -> tuple[str, ...]:
        """Two-letter codes, or "multi"."""
        return self.offer.languages if self.offer else ()

    @property
    def released(self) -> str:
        """ISO date, or ""."""
        return self.offer.released if self.offer else ""

    @property
    def parameters(self) -> int:
        """How many numbers it has; 0 where that is not known."""
        if self.file and self.file.spec:
            return self.file.spec.parameters
        return self.offer.parameters if self.offer else 0

    @cached_property
    def below(self) -> str:
        """The line under the title: the file, and whose repository."""
        if self.file is not None:
            return Path(self.file.path).name
        return f"{self.offer.name} · {self.offer.repo}" if self.offer else ""

    @cached_property
    def words(self) -> str:
        """Everything a search looks at, in lower case."""
        repo = self.offer.repo if self.offer else ""
        name = Path(self.file.path).name if self.file else self.offer.name if self.offer else ""
        return f"{self.title} {name} {repo} rwkv-{self.generation} {self.kind}".casefold()


def dressed(
    files: Iterable[ModelFile], hashes_of: Callable[[ModelFile], tuple[str, ...]] = lambda file: ()
) -> tuple[Entry, ...]:
    """Rows for what is on this disk: the guide first, what is no use last, by name between."""
    rows = (replace(entry_of(file), hashes=hashes_of(file)) for file in files)
    return tuple(sorted(rows, key=_order))


def _order(entry: Entry) -> tuple[bool, bool, str]:
    return not entry.embedded, not entry.usable, entry.title.casefold()


def entry_of(file: ModelFile) -> Entry:
    """Dress one file."""
    if file.spec is None:
        reason = "" if file.kind in _ADAPTERS else _reason(file)
        return Entry(Path(file.path).name, file, reason=reason)
    return Entry(plain_name(file.name, file.spec.parameters), file)


def offered(offer: Offer, newest: Offer | None = None) -> Entry:
    """Dress something on a hub; ``newest`` is what is to be taken instead."""
    from app.messages.failures import say  # the sentences are read only when one is needed

    reason = say(offer.failure).sentences if offer.failure is not None else ""
    return Entry(offer.title or offer.name, None, offer, reason, newest=newest)


def joined(here: Sequence[Entry], offers: Sequence[Entry]) -> tuple[Entry, ...]:
    """The files of this disk, each with its offer, and behind them what is only on a hub.

    ``Offers.find`` tells which it is.  Other offers of the same bytes are not listed beside it.
    """
    known = Offers(one.offer for one in offers if one.offer is not None)
    files = [_with_offer(entry, known) for entry in here]
    taken = {one.offer.key for one in files if one.offer}
    same = {prints for one in files if one.offer and (prints := prints_of(one.offer))}
    rest = [
        one
        for one in offers
        if one.offer and one.offer.key not in taken and prints_of(one.offer) not in same
    ]
    return (*files, *rest)


def _with_offer(entry: Entry, offers: Offers) -> Entry:
    file = entry.file
    offer = offers.find(file, entry.hashes) if file is not None else None
    if file is None or offer is None:
        return entry
    title = offer.title or entry.title
    if begun(file):
        said = tr("Its download was not finished; it can go on.")
        return replace(entry, title=title, offer=offer, reason=said)
    return replace(entry, title=title, offer=offer) if file.kind in _WHOLE else entry


def _reason(file: ModelFile) -> str:
    if begun(file):
        return tr("A download that was not finished, of something that is on no list here.")
    from app.messages.failures import say  # the sentences are read only when one is needed

    failure = BY_CODE.get(file.failure_code, Failure)()
    failure.facts |= file.failure_facts
    return say(failure).sentences

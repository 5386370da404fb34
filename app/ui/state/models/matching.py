"""Which offer a file of this disk is: by repository and hash, never by name and size alone."""

from collections.abc import Iterable
from pathlib import Path

from app.hub.catalogue.entries import Entry as Offer
from app.hub.downloads.destination import tells_nothing
from app.hub.downloads.placing import is_of, parts_of
from app.runtime.checkpoint.describe import ModelFile
from app.runtime.checkpoint.file_names import OWN_PART_ENDING, WEIGHT_ENDINGS, folder_name


def is_weights(name: str) -> bool:
    """Whether a file of this name holds numbers, as an index or a vocabulary does not."""
    return name.lower().endswith(WEIGHT_ENDINGS)


def begun(file: ModelFile) -> str:
    """The name that an unfinished download will have; "" for every other file."""
    name = Path(file.path).name
    if file.kind != "unfinished" or not name.endswith(OWN_PART_ENDING):
        return ""
    return name.removesuffix(OWN_PART_ENDING)


def prints_of(offer: Offer) -> frozenset[str]:
    """The hashes of all its weights; empty where one is not known."""
    hashes = frozenset(one.sha256.lower() for one in parts_of(offer) if is_weights(one.path))
    return frozenset() if "" in hashes else hashes


class Offers:
    """What is on hubs, found by repository and hash."""

    def __init__(self, offers: Iterable[Offer]) -> None:
        self._by_prints: dict[frozenset[str], list[Offer]] = {}
        self._by_repo: dict[str, list[Offer]] = {}
        self._by_name: dict[str, list[Offer]] = {}
        for offer in offers:
            if prints := prints_of(offer):
                self._by_prints.setdefault(prints, []).append(offer)
            self._by_repo.setdefault(offer.repo.casefold(), []).append(offer)
            self._by_name.setdefault(_telling(offer), []).append(offer)

    def find(self, file: ModelFile, hashes: Iterable[str]) -> Offer | None:
        """The offer that this file is, whole or begun; ``hashes`` of its weights, "" unread.

        By its bytes where all were read; else as the note of its download says, unless a hash says
        otherwise.  What has neither, as from earlier versions, is taken for the one offer that has
        its telling name, size and shape, until its bytes are read.
        """
        read = frozenset(hashes)
        if read and "" not in read:
            return self._by_bytes(read, file)
        noted = self._noted(file)
        return noted if noted is not None or file.origin is not None else self._alike(file)

    def _by_bytes(self, hashes: frozenset[str], file: ModelFile) -> Offer | None:
        same = self._by_prints.get(hashes, [])
        repo = file.origin.repo.casefold() if file.origin else ""
        own = [one for one in same if one.repo.casefold() == repo]
        if found := own or same:
            return found[0]
        return self._noted(file, unhashed=True)

    def _noted(self, file: ModelFile, *, unhashed: bool = False) -> Offer | None:
        """As its note says; ``unhashed``: only an offer for which nobody tells a hash."""
        origin = file.origin
        if origin is None:
            return None
        for offer in self._by_repo.get(origin.repo.casefold(), []):
            size = begun(file) or offer.bytes in (0, file.bytes, _bytes_noted(file))
            if size and is_of(origin, offer) and not (unhashed and prints_of(offer)):
                return offer
        return None

    def _alike(self, file: ModelFile) -> Offer | None:
        """The one offer that has its name, and for what is whole its size and shape too."""
        path = Path(file.path)
        growing = begun(file)
        name = growing or (folder_name(path.parent) if tells_nothing(path.name) else path.name)
        if growing and tells_nothing(growing):
            return None
        found = self._by_name.get(name, [])
        if not growing:
            found = [one for one in found if one.bytes == file.bytes and _has_shape(one, file)]
        several = len({(one.repo, one.sha256) for one in found}) > 1
        return None if several or not found else found[0]


def _telling(offer: Offer) -> str:
    """What a file of it is recognised by where nothing else tells: its name or its folder's."""
    return offer.repo.rsplit("/", 1)[-1] if tells_nothing(offer.name) else offer.name


def _bytes_noted(file: ModelFile) -> int:
    return sum(one.bytes for one in file.origin.files) if file.origin else 0


def _has_shape(offer: Offer, file: ModelFile) -> bool:
    """Whether the header agrees with what the offer tells of generation and sizes."""
    spec = file.spec
    if spec is None:
        return not offer.is_model or bool(offer.why_not)
    told = (
        (offer.generation, spec.generation),
        (offer.layers, spec.layers),
        (offer.width, spec.width),
        (offer.vocabulary, spec.vocabulary),
    )
    return all(told in ("", 0, real) for told, real in told)

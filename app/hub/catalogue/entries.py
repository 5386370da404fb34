"""What can be downloaded, as entries; the bundled ones need no network.  Knows no client.

``resources/make_catalogue.py`` writes the bundled entries; live ones come from ``remote``.
"""

from collections.abc import Iterable
from functools import cache
from typing import Literal

import msgspec

from app.errors import BY_CODE, Failure
from app.resources import resource
from app.runtime.sizes import spec_of
from app.runtime.spec import Spec

Standing = Literal["recommended", "current", "archival"]

KNOWN_ACCOUNTS = ("BlinkDL", "RWKV", "fla-hub", "rwkv-rs", "shoumenchougou")
"""Whose releases are listed: the author's, his partners', and the GGUF conversions.

What the names of their files tell is believed; of anybody else's only what a file itself says.
"""

_ARCHIVAL = ("4", "5")
_TALKS = ("chat", "reasoning")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an entry: its path in the repository, bytes (0 unknown), sha256 or ""."""

    path: str
    bytes: int = 0
    sha256: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing on a hub that can be downloaded; what is not known is 0, "" or ().

    ``file`` is what opens it: of a model in several files its index or first part, and then
    ``parts`` names every file with it.  ``bytes`` counts all of them.  ``format`` is "pth",
    "safetensors", "gguf", "state" or "lora"; ``generation`` a word of ``Spec``; ``dtype`` that
    of its numbers, e.g. "bf16" or "q8_0"; ``released`` an ISO date; ``context`` the tokens it
    was trained on at once.  ``kind`` is "reasoning", "chat", "raven", "pile", "novel", "music",
    "state", "lora" or "research"; ``languages`` two-letter codes or "multi"; ``family`` the
    name of a family in ``app.runtime.families``.  ``why_not`` is "" or the code of the failure
    that opening it would end in, and ``found`` what it is instead.  ``source`` is "bundled" or
    "live".  ``unknown``: it is neither in the catalogue nor of a known account.  ``withdrawn``: the
    hub listed the repository without it; ``revision`` is then one that had it, where that is known.
    """

    repo: str
    file: str
    parts: tuple[Part, ...] = ()
    revision: str = "main"
    bytes: int = 0
    sha256: str = ""
    title: str = ""
    format: str = ""
    generation: str = ""
    parameters: int = 0
    layers: int = 0
    width: int = 0
    vocabulary: int = 0
    dtype: str = ""
    released: str = ""
    context: int = 0
    kind: str = ""
    languages: tuple[str, ...] = ()
    licence: str = ""
    family: str = ""
    standing: Standing = "current"
    why_not: str = ""
    found: str = ""
    source: Literal["bundled", "live"] = "bundled"
    unknown: bool = False
    withdrawn: bool = False

    @property
    def key(self) -> str:
        """A stable id: ``owner/name/path/of/file``."""
        return f"{self.repo}/{self.file}"

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.file.rsplit("/", 1)[-1]

    @property
    def spec(self) -> Spec | None:
        """The model's shape, if its sizes are known; else None."""
        return spec_of(self.generation, self.layers, self.width, self.vocabulary)

    @property
    def failure(self) -> Failure | None:
        """Why it cannot be run, as a Failure; None if it can."""
        if not self.why_not:
            return None
        return BY_CODE.get(self.why_not, Failure)(path=self.file, found=self.found)

    @property
    def is_model(self) -> bool:
        """Whether it runs by itself, unlike states and LoRAs."""
        return self.format in ("pth", "safetensors", "gguf")


@cache
def bundled() -> tuple[Entry, ...]:
    """The entries of the catalogue that came with the program, the newest first."""
    return msgspec.json.decode(resource("catalogue.json").read_bytes(), type=tuple[Entry, ...])


def merged(bundled: Iterable[Entry], live: Iterable[Entry]) -> tuple[Entry, ...]:
    """Both lists joined by repository and file, ordered, and with recommendations set anew.

    A live entry wins over a bundled one, but for facts that it does not have.
    """
    entries = {entry.key: entry for entry in bundled}
    for entry in live:
        known = entries.get(entry.key)
        entries[entry.key] = _completed(entry, known) if known else entry
    return ordered(with_standings(entries.values()))


_OWN = ("sha256", "bytes", "parts", "unknown", "withdrawn")


def _completed(live: Entry, known: Entry) -> Entry:
    """``live`` with the facts that only the catalogue has; never the hash of other bytes."""
    if live.unknown and (known.unknown or not _may_be_same(live, known)):
        return live  # another file under a name that the catalogue has
    if live.unknown:
        told = msgspec.structs.replace(known, withdrawn=False, revision=live.revision)
        live = msgspec.structs.replace(told, source="live", parts=live.parts, bytes=live.bytes)
    names = [field for field in Entry.__struct_fields__ if field not in _OWN]
    gaps = {name: getattr(known, name) for name in names if not getattr(live, name)}
    if live.bytes in (0, known.bytes):
        gaps["bytes"] = known.bytes
        gaps["sha256"] = live.sha256 or known.sha256
        gaps["parts"] = live.parts or known.parts
    return msgspec.structs.replace(live, **gaps)


def _may_be_same(live: Entry, known: Entry) -> bool:
    both = live.sha256 and known.sha256
    return live.sha256 == known.sha256 if both else known.bytes in (0, live.bytes)


def with_standings(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Entries with ``standing`` by rule.

    RWKV-4 and 5 are archival.  Of each size, the newest official model that talks, of the newest
    generation, is recommended: one file, the original checkpoint before conversions of it.
    """
    listed = tuple(entries)
    best: dict[float, Entry] = {}
    for entry in filter(_could_be_recommended, listed):
        size = _size_class(entry)
        if size not in best or _rank(entry) > _rank(best[size]):
            best[size] = entry
    chosen = {entry.key for entry in best.values()}
    return tuple(
        msgspec.structs.replace(entry, standing=_standing(entry, chosen)) for entry in listed
    )


def newest_like(entry: Entry, entries: Iterable[Entry]) -> Entry | None:
    """Another entry that is recommended for the same size; None if there is none."""
    alike = (one for one in entries if one.standing == "recommended" and one.key != entry.key)
    return next((one for one in alike if _size_class(one) == _size_class(entry)), None)


def ordered(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Sorted by generation and release, the newest first, and by size, the smallest first."""
    by_name = sorted(entries, key=lambda entry: (entry.parameters, entry.key))
    by_day = sorted(by_name, key=lambda entry: entry.released, reverse=True)
    return tuple(sorted(by_day, key=lambda entry: entry.generation, reverse=True))


def matching(entries: Iterable[Entry], text: str) -> tuple[Entry, ...]:
    """The entries that have every word of ``text`` in title, repository, file name or facts."""
    words = text.casefold().split()
    return tuple(one for one in entries if all(word in _said(one) for word in words))


def _said(entry: Entry) -> str:
    facts = (entry.title, entry.key, entry.kind, entry.format, entry.dtype, entry.standing)
    named = f"rwkv-{entry.generation} rwkv{entry.generation}"
    return " ".join((*facts, *entry.languages, named)).casefold()


def _standing(entry: Entry, chosen: set[str]) -> Standing:
    if entry.key in chosen:
        return "recommended"
    if entry.unknown:
        return "current"
    return "archival" if entry.generation.startswith(_ARCHIVAL) else "current"


def _could_be_recommended(entry: Entry) -> bool:
    official = entry.repo.split("/")[0] in ("BlinkDL", "RWKV")
    runs = entry.is_model and not entry.why_not and entry.parameters > 0
    runs = runs and not entry.withdrawn
    return official and runs and entry.kind in _TALKS and entry.generation >= "6"


def _size_class(entry: Entry) -> float:
    """The size as people call it: 1.5 for all from 1.4 to 1.7 billion parameters."""
    billions = entry.parameters / 1e9
    return next((size for size in _SIZES if billions <= size * 1.2), round(billions))


_SIZES = (0.2, 0.45, 1.5, 2.9, 7.2, 13.3)


def _rank(entry: Entry) -> tuple[str, str, bool]:
    return entry.generation, entry.released, entry.format == "pth"

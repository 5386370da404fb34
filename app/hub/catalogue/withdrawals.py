"""Which entries of the catalogue a hub does not have any more; asks nobody."""

from collections.abc import Iterable, Mapping

import msgspec

from .entries import Entry


class Seen(msgspec.Struct, frozen=True):
    """The files that a repository had when it was last listed.

    ``older`` are files that it had before, each with a revision that still holds it.
    """

    files: frozenset[str]
    older: Mapping[str, str]


def with_withdrawals(entries: Iterable[Entry], seen: Mapping[str, Seen]) -> tuple[Entry, ...]:
    """``entries``, those marked that their repository was listed without.

    Of a repository that was never listed nothing is said.
    """
    return tuple(_marked(entry, seen.get(entry.repo)) for entry in entries)


def _marked(entry: Entry, repository: Seen | None) -> Entry:
    if repository is None or entry.file in repository.files:
        return entry
    revision = repository.older.get(entry.file, entry.revision)
    return msgspec.structs.replace(entry, withdrawn=True, revision=revision)

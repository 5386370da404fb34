"""Finds entries of the catalogue that a hub no longer has, by its last listing."""

from collections.abc import Iterable, Mapping

import msgspec

from .entries import Entry


class Seen(msgspec.Struct, frozen=True):
    """The files of a repository when it was last listed.

    ``older`` are files that it had before, each with a commit that still has it.
    """

    files: frozenset[str]
    older: Mapping[str, str]


def with_withdrawals(entries: Iterable[Entry], seen: Mapping[str, Seen]) -> tuple[Entry, ...]:
    """``entries``, with those marked as withdrawn that the last listing lacks.

    Entries of a repository that was never listed stay as they are.
    """
    return tuple(_marked(entry, seen.get(entry.repo)) for entry in entries)


def _marked(entry: Entry, repository: Seen | None) -> Entry:
    if repository is None or entry.file in repository.files:
        return entry
    revision = repository.older.get(entry.file, entry.revision)
    return msgspec.structs.replace(entry, withdrawn=True, revision=revision)

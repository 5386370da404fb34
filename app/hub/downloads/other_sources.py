"""Where a file of the catalogue may still be had when the hub does not list it any more."""

from collections.abc import Iterator, Sequence

from app.errors import HubError
from app.hub.catalogue.entries import Entry, Part
from app.hub.sources.remote import Hub


def sources(hub: Hub, others: Sequence[Hub], entry: Entry, part: Part) -> Iterator[tuple[Hub, str]]:
    """Hub and revision, the usual ones first; the next is asked for where the one before has none.

    Others are asked only for what the catalogue names, so that nobody hears of a private
    repository, and only where it knows the hash, so that nobody need be trusted.
    """
    yield hub, entry.revision
    if entry.source != "bundled":
        return
    if entry.revision != "main":
        yield hub, "main"
    for other in others:
        if part.sha256 and _has(other, entry.repo, part):
            yield other, "main"


def _has(hub: Hub, repo: str, part: Part) -> bool:
    """Whether it answers now, and with the very file."""
    try:
        return hub.facts(repo, part.path).sha256.lower() == part.sha256.lower()
    except HubError:
        return False

"""Other hubs that may still have a file of the catalogue after its hub has withdrawn it."""

from collections.abc import Iterator, Sequence

from app.errors import HubError
from app.hub.catalogue.entries import Entry, Part
from app.hub.sources.remote import Hub


def sources(hub: Hub, others: Sequence[Hub], entry: Entry, part: Part) -> Iterator[tuple[Hub, str]]:
    """Hubs and revisions to try, the usual one first.

    Other hubs are asked only for files of the catalogue, so that none hears of a private
    repository, and only if the hash is known, so that none need be trusted.
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
    """Whether the hub has this very file, by its hash."""
    try:
        return hub.facts(repo, part.path).sha256.lower() == part.sha256.lower()
    except HubError:
        return False

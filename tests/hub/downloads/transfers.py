"""A transfer from the hub of the tests, with little patience; for tests and fault runs."""

from pathlib import Path

from app.hub.downloads.connection_pool import FetchOptions
from app.hub.downloads.transfer import Order, Transfer
from app.hub.sources.endpoints import endpoint_at
from app.hub.sources.remote import Hub
from tests.support.hub_server import HubServer

REPO, FILE = "BlinkDL/some", "some.pth"

QUICK = FetchOptions(connections=1, stall_s=0.6, tries=6, first_wait_s=0.01, longest_wait_s=0.05)


def hub_at(url: str, folder: Path, token: str = "") -> Hub:
    """A hub client for a server on loopback."""
    return Hub(endpoint_at(url), token, cache_dir=folder / "cache", limit_s=5.0)


def transfer(
    server: HubServer, folder: Path, how: FetchOptions = QUICK, **wanted: object
) -> Transfer:
    """Of the one file that the tests have."""
    order = Order(repo=REPO, file=FILE, path=str(folder / FILE), **wanted)  # type: ignore[arg-type]
    return Transfer(hub_at(server.url, folder), order, how=how)

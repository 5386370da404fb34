"""A hub on loopback for the pictures: true names and sizes, made-up bytes."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.hub_server import HubServer, Virtual, repository

SMALL = "rwkv7-g1d-0.1b-20260129-ctx8192.pth"
MIDDLE = "rwkv7-g1d-0.4b-20260210-ctx8192.pth"
LARGE = "rwkv7-g1k-1.5b-20260930-ctx25600.pth"
_PAGE = """# RWKV-7 G1

Reasoning models of 0.1 to 13.3 billion parameters. This page stands on a hub of the pictures.
"""


@contextmanager
def stage() -> Iterator[str]:
    """The address of the hub, for as long as it stands."""
    files = {
        "README.md": _PAGE.encode(),
        SMALL: Virtual(382_223_725),
        MIDDLE: Virtual(901_776_749),
        LARGE: Virtual(3_055_444_605),
    }
    with HubServer([repository("BlinkDL/rwkv7-g1", files)]) as server:
        yield server.url

"""What the log says of a download: that it began, and how it ended."""

import contextlib
import time
from collections.abc import Callable, Iterator

from app.errors import Failure
from app.hub.catalogue.entries import Entry
from app.hub.sources.remote import Hub
from app.system.log import describe, logger

from .transfer import Progress, StoppedError

_log = logger("download")


@contextlib.contextmanager
def logged(hub: Hub, entry: Entry, progress: Callable[[], Progress]) -> Iterator[None]:
    """Log the download of ``entry`` from ``hub``, which happens in the block."""
    what, begun_s = f"{entry.repo}/{entry.file}", time.monotonic()
    _log.info("%s begins, %d bytes from %s", what, entry.bytes, hub.endpoint.host)
    try:
        yield
    except StoppedError:
        _log.info("%s was stopped at %d bytes", what, progress().done)
        raise
    except Failure as failure:
        _log.warning("%s was refused at %d bytes: %s", what, progress().done, describe(failure))
        raise
    _log.info("%s is whole after %.1f s", what, time.monotonic() - begun_s)

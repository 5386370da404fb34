"""The log of the command line: what a verb does with models and hubs, and why one failed."""

import contextlib
import os
from collections.abc import Iterator

from app.errors import Failure
from app.store.paths import standard_paths
from app.system import crash_log, log

_AT_WORK = ("generate", "score", "bench", "chat", "pack", "batch", "compare", "download", "serve")
"""Verbs that compute or fetch; others are over at once, and write only if they fail."""

_KIND = "command"


@contextlib.contextmanager
def recorded(verb: str) -> Iterator[None]:
    """Log what happens in the block, and the failure that ends it."""
    logs = standard_paths(os.environ.get("ROOKERY_HOME", "")).logs
    at_work = verb in _AT_WORK
    try:
        with contextlib.ExitStack() as watching:
            if at_work:
                log.begin_as_asked(_KIND, logs, os.environ, at_once=False)
                watching.enter_context(crash_log.watched(_KIND, logs))
            yield
    except Failure as failure:
        log.begin_as_asked(_KIND, logs, os.environ, at_once=False)
        log.logger(_KIND).warning("%s was refused: %s", verb, log.describe(failure))
        raise
    finally:
        log.end()

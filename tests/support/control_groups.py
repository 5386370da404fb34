"""Real control groups of Linux with a limit of memory."""

import contextlib
import os

import pytest

from app.system.cgroups import own_groups


@contextlib.contextmanager
def group_of(limit_bytes):
    """A group with so much memory and no swap; skips the test where none can be made."""
    for folder, newer in own_groups():
        group = folder / f"rookery-test-{os.getpid()}"
        limit = "memory.max" if newer else "memory.limit_in_bytes"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(limit_bytes))
        except OSError:
            group.rmdir()
            continue
        with contextlib.suppress(OSError):
            (group / "memory.swap.max").write_text("0")
        try:
            yield group
        finally:
            group.rmdir()
        return
    pytest.skip("no control group can be made here")

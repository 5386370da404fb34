"""Tests in several processes take turns: one that is marked ``alone`` runs while the others wait.

Each process holds a lock of its own while a test of it runs.  Whoever wants to run alone closes
the gate, before which new tests wait, and takes the others' locks as their tests end.
"""

import contextlib
from pathlib import Path

from filelock import FileLock

_OFTEN_S = 0.005


class Turns:
    """The turns of process ``number`` of ``count``, agreed upon in a folder that all know."""

    def __init__(self, folder: Path, number: int, count: int):
        self._gate = FileLock(folder / "gate")
        self._locks = [FileLock(folder / str(one)) for one in range(count)]
        self._own = self._locks[number % count]  # after one has died its follower is beyond

    @contextlib.contextmanager
    def taken(self, *, alone: bool):
        """One test's turn; may wait for the tests of the other processes to end."""
        with contextlib.ExitStack() as held:
            with _held(self._gate):
                if not alone:
                    held.enter_context(_held(self._own))
                else:
                    for lock in self._locks:
                        held.enter_context(_held(lock))
            yield


def _held(lock: FileLock):
    return lock.acquire(poll_interval=_OFTEN_S)

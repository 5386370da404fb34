"""Tells every screen of this process what was stored; knows neither tables nor widgets."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """``what`` is "conversations", "messages", "personas" or "settings"; ``id`` is the one that was
    touched, or "".
    """

    what: str
    id: str = ""


Listener = Callable[[Change], None]


class Changes:
    """Listeners are called in the thread that stored, after it is safely stored."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every change from now on; returns what ends that."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def forget() -> None:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not listener)

        return forget

    def tell(self, change: Change) -> None:
        """Report ``change`` to all who listen."""
        for listener in self._listeners:
            listener(change)

    def tell_after(self, written: "Future[Any]", change: Change) -> None:
        """Report ``change`` once ``written`` is stored; never where that fails."""

        def look(done: "Future[Any]") -> None:
            if not done.cancelled() and done.exception() is None:
                self.tell(change)

        written.add_done_callback(look)

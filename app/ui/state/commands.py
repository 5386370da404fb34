"""What the person can ask for by name or by key: the palette and the shortcuts sheet list these."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One thing to do; ``keys`` is a portable key sequence such as ``Ctrl+K``, or empty."""

    title: str
    act: Callable[[], None]
    keys: str = ""
    picture: str = "command"
    group: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Habit:
    """A key that a page answers by itself, listed on the shortcuts sheet only."""

    title: str
    keys: str
    group: str

"""Finds words in all messages of the branch that is shown, a little at a time; shows nothing."""

import time
from typing import NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from app.store.folding import fold
from app.store.records import Message
from app.ui.look.text_style import TextStyle
from app.ui.state.chat.conversation import ConversationController

from .message_words import MessageWords, RawWords

_SLICE_S = 0.008
_GROWTH_MS = 250  # so often a reply that is being written is looked through again


class Hit(NamedTuple):
    """One place: which one it is of all in its message."""

    message: str
    number: int


class Finder(QObject):
    """``found`` comes as more is known: ``total`` hits so far, all of them unless ``looking``.

    What was read of a message is kept until ``end``, so that the next letter is found at once.
    """

    found = Signal()

    def __init__(
        self, controller: ConversationController, text_style: TextStyle, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._controller, self._text_style = controller, text_style
        self._read: dict[str, MessageWords] = {}
        self._raw: dict[str, RawWords] = {}
        self._path: list[str] = []
        self._places: dict[str, int] = {}
        self._counts: list[tuple[int, int]] = []  # in the thought, and in all of a message
        self._todo: list[int] = []
        self._grown: set[str] = set()
        self.term = ""
        self._work = QTimer(self, interval=0)
        self._work.timeout.connect(self._go_on)
        self._soon = QTimer(self, singleShot=True, interval=_GROWTH_MS)
        self._soon.timeout.connect(self._read_on)
        controller.grew.connect(self._note_growth)
        controller.ended.connect(self._note_growth)

    @property
    def looking(self) -> bool:
        """Whether messages are left that were not looked through."""
        return bool(self._todo)

    @property
    def total(self) -> int:
        """How many hits are known."""
        return sum(whole for _, whole in self._counts)

    def look_for(self, words: str, first: str) -> None:
        """Begin with the message ``first``, go on to the end, then from the beginning."""
        self.term = fold(words) if words.strip() else ""
        self._path = [message.id for message in self._controller.tree.path()]
        self._places = {ident: at for at, ident in enumerate(self._path)}
        self._counts = [(0, 0)] * len(self._path)
        at, count = self._places.get(first, 0), len(self._path)
        order = [*range(at, count), *range(at)] if self.term else []
        self._todo = order[::-1]
        self._work.start()

    def end(self) -> None:
        """Nothing is searched any more."""
        self.look_for("", "")
        self._read.clear()
        self._raw.clear()

    def first(self, ident: str) -> Hit | None:
        """The first hit in a message or behind it, else the first of all."""
        at = self._places.get(ident, 0)
        return self._nearest([*range(at, len(self._path)), *range(at)], last=False)

    def beside(self, hit: Hit, *, forward: bool) -> Hit | None:
        """The hit after this one or before it; behind the last comes the first."""
        at = self._places.get(hit.message)
        if at is None:
            return self.first("")
        number = hit.number + (1 if forward else -1)
        if 0 <= number < self._counts[at][1]:
            return Hit(hit.message, number)
        after, before = range(at + 1, len(self._path)), range(at + 1)
        if forward:
            return self._nearest([*after, *before], last=False)
        return self._nearest([*reversed(range(at)), *reversed(range(at, len(self._path)))])

    def number(self, hit: Hit) -> int:
        """Which of all known hits one is, from 1; 0 where it is none any more."""
        at = self._places.get(hit.message)
        if at is None or hit.number >= self._counts[at][1]:
            return 0
        return sum(whole for _, whole in self._counts[:at]) + hit.number + 1

    def in_thought(self, ident: str) -> int:
        """How many of a message's hits are in its thought; they are its first."""
        at = self._places.get(ident)
        return 0 if at is None else self._counts[at][0]

    def _nearest(self, order: list[int], *, last: bool = True) -> Hit | None:
        for at in order:
            if whole := self._counts[at][1]:
                return Hit(self._path[at], whole - 1 if last else 0)
        return None

    def _go_on(self) -> None:
        until = time.monotonic() + _SLICE_S
        while self._todo:
            at = self._todo.pop()
            self._counts[at] = self._count(self._path[at])
            if time.monotonic() > until:
                break
        if not self._todo:
            self._work.stop()
        self.found.emit()

    def _count(self, ident: str) -> tuple[int, int]:
        if ident not in self._controller.tree:
            return 0, 0
        message = self._controller.tree[ident]
        known = self._read.get(ident)
        if known is None or known.text != message.text or message.status == "writing":
            if not self._may_have(message):
                return 0, 0
            known = self._read.setdefault(ident, MessageWords(self._text_style))
            known.take(message)
        return known.count(self.term)

    def _may_have(self, message: Message) -> bool:
        """Without making its rows' words, which takes fifty times longer."""
        if message.status == "writing" or message.id in self._read:
            return True
        raw = self._raw.get(message.id)
        if raw is None or raw.text != message.text:
            raw = self._raw[message.id] = RawWords(message.text)
        return raw.may_have(self.term)

    def _note_growth(self, ident: str) -> None:
        if self.term:
            self._grown.add(ident)
            if not self._soon.isActive():
                self._soon.start()

    def _read_on(self) -> None:
        grown, self._grown = self._grown, set()
        for ident in grown:
            at = self._places.get(ident)
            if at is not None:
                self._counts[at] = self._count(ident)
        self.found.emit()

"""The colours of one block of code that may grow, laid over its plain words as they come."""

import weakref
from collections.abc import Iterator, Sequence

from PySide6.QtCore import QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QAbstractTextDocumentLayout, QTextBlock, QTextCharFormat, QTextCursor
from shiboken6 import isValid

from app.ui.look.text_style import TextStyle
from app.ui.markdown.colouring import Job, shared_colouring
from app.ui.markdown.highlight_process import Line

from .text_block import TextBlock

_ANEW = 2000  # characters at the end that are coloured anew while it grows
_REST_MS = 800
_MOST, _MOST_IN_A_LINE = 1000, 120  # a line of 7,000 colours takes 6 s to paint
Selection = QAbstractTextDocumentLayout.Selection


class CodeColours(QObject):
    """Asks for one piece at a time; dies with its ``text``, and nothing is coloured after it.

    Of code that grows only the end is coloured, from a line near it on; once it rests, all of it.
    """

    def __init__(self, text: TextBlock, language: str, text_style: TextStyle) -> None:
        super().__init__(text)
        self._text, self._language, self._text_style = text, language.lower(), text_style
        self._formats: dict[str, QTextCharFormat] = {}
        self._source = self._asked = ""
        self._kept = self._kept_lines = 0
        self._jobs: list[Job] = []  # the one that is not answered yet
        self._lines: list[Line] = []
        self._rest = QTimer(self, singleShot=True, interval=_REST_MS)
        self._rest.timeout.connect(self._ask_for_all)
        text.colours = self.selections
        jobs = self._jobs
        self.destroyed.connect(lambda: _cancel(jobs))  # it must not hold on to ``self``

    def begin_anew(self) -> None:
        """Another document is shown."""
        _cancel(self._jobs)
        self._lines = []
        self._rest.stop()
        self._source = self._asked = ""
        self._kept = self._kept_lines = 0

    def show(self, source: str) -> None:
        """Colour ``source``, of which all that was shown before is the beginning."""
        if source == self._source or not self._language:
            return
        self._source = source
        if self._kept:
            self._rest.start()
        self._ask()

    def _ask(self) -> None:
        """Unless something is under way: then what is there by its end is asked for."""
        if self._jobs or self._asked == self._source:
            return
        self._asked = self._source
        piece = self._source[self._kept :]
        known = shared_colouring().known(self._language, piece)
        if known is not None:
            self._lay(known)
            return
        me = weakref.ref(self)

        def answer(lines: Sequence[Line]) -> None:
            alive = me()
            if alive is not None and isValid(alive):
                alive.take(lines)

        self._jobs.append(shared_colouring().ask(self._language, piece, answer))

    def _ask_for_all(self) -> None:
        """From the first line on: what stands in the middle may have begun far above."""
        if self._jobs:
            self._rest.start()
            return
        self._kept = self._kept_lines = 0
        self._asked = ""
        self._ask()

    def take(self, lines: Sequence[Line]) -> None:
        """What was asked for, line by line; nothing where it stays plain."""
        self._jobs.clear()
        self._lay(lines)

    def _lay(self, lines: Sequence[Line]) -> None:
        if lines:
            self._lines[self._kept_lines :] = lines
            self._text.update()
        if self._asked != self._source:
            self._keep_beginning()
            self._ask()

    def _keep_beginning(self) -> None:
        """What lies far above the end is not looked at again while it grows."""
        asked = self._asked
        if len(asked) - self._kept > _ANEW:
            kept = asked.rfind("\n", self._kept, len(asked) - _ANEW // 4) + 1
            if kept > self._kept:
                self._kept_lines += asked.count("\n", self._kept, kept)
                self._kept = kept

    def selections(self, top: float, bottom: float) -> list[Selection]:
        """The colours of the lines between two heights of the document, as parts to be painted.

        They are no formats of the document: to lay 3,000 lines out anew takes a fifth of a second.
        """
        document = self._text.document
        layout = document.documentLayout()
        at = layout.hitTest(QPointF(0.0, top), Qt.HitTestAccuracy.FuzzyHit)
        block = document.findBlock(max(at, 0))
        made: list[Selection] = []
        while block.isValid() and layout.blockBoundingRect(block).top() <= bottom:
            if block.blockNumber() >= len(self._lines):
                break
            line = self._lines[block.blockNumber()]
            made += self._in_line(block, line[:_MOST_IN_A_LINE])
            block = block.next()
        return made[:_MOST]

    def _in_line(self, block: QTextBlock, line: Line) -> Iterator[Selection]:
        at, end = block.position(), block.position() + block.length() - 1
        for length, role in line:
            if role != "text" and at < end:
                one = Selection()
                cursor = QTextCursor(block)
                cursor.setPosition(at)
                cursor.setPosition(min(at + length, end), QTextCursor.MoveMode.KeepAnchor)
                one.cursor, one.format = cursor, self._format(role)
                yield one
            at += length

    def _format(self, role: str) -> QTextCharFormat:
        if role not in self._formats:
            made = QTextCharFormat()
            made.setForeground(self._text_style.color(role))
            self._formats[role] = made
        return self._formats[role]


def _cancel(jobs: list[Job]) -> None:
    for job in jobs:
        job.cancelled = True
    jobs.clear()

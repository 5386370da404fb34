"""A text with each token on a tint, painted as far as it is in sight; it knows no model.

100,000 tokens stay fluid: lines are broken some milliseconds at a time, and only those in sight are
laid out and painted.
"""

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea

from app.ui.look.theme import Theme
from app.ui.state.playground.token_cells import TokenCells

from .token_lines import TokenBox, TokenLines

_SLICE_S = 0.005  # of breaking lines, between two events
_FIRST_S = 0.012  # of the same at once, where something is in sight
_SPACING = 1.4  # of a line of letters, for a gap between tints
_ROUND = 3.0


class TokenCanvas(QAbstractScrollArea):
    """``tint`` gives a token's colour role.

    ``in_sight`` carries first and last token in sight.  ``current`` is the token that the keyboard
    is at, ``selection`` the first token that is selected and the one behind the last.
    """

    in_sight = Signal(int, int)

    def __init__(self, theme: Theme, tint: Callable[[int], str]) -> None:
        super().__init__()
        self._theme, self._tint = theme, tint
        self._cells = TokenCells(())
        self._lines = self._made()
        self._coming: TokenLines | None = None
        self._follows = False
        self.current = self._marked = -1
        self.setProperty("column", "true")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._more = QTimer(self, singleShot=True, interval=0)
        self._more.timeout.connect(self._break_lines)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        theme.changed.connect(self._relay)

    @property
    def selection(self) -> tuple[int, int] | None:
        """Nothing, where nothing can be selected."""
        return None

    def show_cells(self, cells: TokenCells) -> None:
        """Another text."""
        self._cells, self._coming = cells, None
        self.current = self._marked = -1
        self._lines = self._made()
        self.verticalScrollBar().setValue(0)
        self.grown()

    def follow(self, *, now: bool) -> None:
        """Whether whoever is at the end of the text stays there while it grows."""
        self._follows = now

    def grown(self) -> None:
        """The text has more tokens, or more is known of them."""
        bar = self.verticalScrollBar()
        at_end = self._follows and bar.value() >= bar.maximum()
        if not self._lines.complete and not self._more.isActive():
            self._lines.advance(_SLICE_S)
            self._more.start()
        self._add_up()
        if at_end:
            bar.setValue(bar.maximum())
        self.viewport().update()

    @property
    def cells(self) -> TokenCells:
        """The text that is shown."""
        return self._cells

    @property
    def lines(self) -> TokenLines:
        """How it is broken."""
        return self._lines

    @property
    def line_height(self) -> int:
        """Of each line, in pixels."""
        return round(self._theme.line_px("body") * _SPACING)

    def mark(self, token: int) -> None:
        """Mark a token as one that is pointed at elsewhere; -1 marks none."""
        if token != self._marked:
            self._marked = token
            self.viewport().update()

    def reveal(self, token: int) -> None:
        """Scroll, if need be, until a token is in sight; lines are broken up to there."""
        if not 0 <= token < len(self._cells):
            return
        begin, _ = self._cells.span_of(token)
        if self._lines.line_of(begin) >= self._lines.count - 1:
            self._lines.advance(1.0, until=begin)
            self._add_up()
        top, bar = self._top_of(self._lines.line_of(begin)), self.verticalScrollBar()
        height = self.viewport().height()
        if top < bar.value():
            bar.setValue(max(0, top - self.line_height))
        elif top + self.line_height > bar.value() + height:
            bar.setValue(top + 2 * self.line_height - height)

    def place_of(self, token: int) -> QRect:
        """Where the first part of a token is painted, in the viewport; null where it is not."""
        begin, _ = self._cells.span_of(token)
        line = self._lines.line_of(begin)
        top = self._top_of(line) - self.verticalScrollBar().value()
        if not self._lines.count or not -self.line_height < top < self.viewport().height():
            return QRect()
        for box in self._lines.painted(line).boxes:
            if box.token == token:
                return self._rect(box, top).toRect()
        return QRect()

    def token_at(self, place: QPoint) -> int:
        """The token at a place of the viewport; -1 where there is none."""
        line = (place.y() + self.verticalScrollBar().value() - self._edge) // self.line_height
        if not 0 <= line < self._lines.count:
            return -1
        found = self._lines.painted(line).token_at(place.x() - self._left)
        return -1 if found is None else found

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._theme.color("text"))
        value = self.verticalScrollBar().value()
        colours: dict[str, QColor] = {}
        for line in self._shown(event.rect()):
            top = self._top_of(line) - value
            ready = self._lines.painted(line)
            self._paint_tints(painter, ready.boxes, top, colours)
            painter.setPen(self._theme.color("text"))
            ready.draw(painter, self._left, top, self.line_height)
            self._paint_marks(painter, ready.boxes, top)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        if abs(self._column - self._lines.width) >= 1:
            self._relay()
        else:
            self._add_up()

    # inside

    @property
    def _edge(self) -> int:
        return self._theme.space("m")

    @property
    def _column(self) -> int:
        """How wide the text is."""
        return max(
            40, min(self._theme.column, self.viewport().width() - 2 * self._theme.space("l"))
        )

    @property
    def _left(self) -> int:
        return max(self._theme.space("l"), (self.viewport().width() - self._column) // 2)

    def _made(self) -> TokenLines:
        return TokenLines(self._cells, self._theme.font("body"), self._column)

    def _relay(self) -> None:
        """Break all lines anew; the old ones stay in sight until the new ones are there."""
        self._coming = self._made()
        self._swap(_FIRST_S)
        self.viewport().update()

    def _swap(self, limit_s: float) -> None:
        """Show the lines that come once they reach as far as what is in sight."""
        if self._coming is None:
            return
        old, bar = self._lines, self.verticalScrollBar()
        first, offset = divmod(max(0, bar.value() - self._edge), self.line_height)
        anchor = old.span(min(first, old.count - 1))[0] if old.count else 0
        screen = 4 * self.viewport().height() * max(1, self._column) // self.line_height // 10
        self._coming.advance(limit_s, until=anchor + screen)
        if self._coming.complete or self._coming.line_of(anchor) < self._coming.count - 1:
            self._lines, self._coming = self._coming, None
            self._add_up()
            bar.setValue(
                self._top_of(self._lines.line_of(anchor)) + offset if first else bar.value()
            )
        if self._coming is not None or not self._lines.complete:
            self._more.start()

    def _break_lines(self) -> None:
        if self._coming is not None:
            self._swap(_SLICE_S)
            return
        self._lines.advance(_SLICE_S)
        self._add_up()
        if not self._lines.complete:
            self._more.start()

    def _add_up(self) -> None:
        """The scroll bar's range, for as many lines as there will be."""
        bar, height = self.verticalScrollBar(), self.viewport().height()
        whole = self._lines.expected * self.line_height + 2 * self._edge
        bar.setSingleStep(self.line_height)
        bar.setPageStep(height)
        bar.setRange(0, max(0, whole - height))
        self._tell_sight()

    def _scrolled(self) -> None:
        if not self._lines.complete:
            height = self.verticalScrollBar().value() + self.viewport().height()
            if height // self.line_height > self._lines.count:
                self._lines.advance(_FIRST_S)
        self.viewport().update()
        self._tell_sight()

    def _tell_sight(self) -> None:
        shown = self._shown(self.viewport().rect())
        if shown:
            first, last = self._lines.tokens(shown[0]), self._lines.tokens(shown[-1])
            self.in_sight.emit(first[0], last[-1])

    def _shown(self, rect: QRect) -> range:
        value = self.verticalScrollBar().value() - self._edge
        first = max(0, (value + rect.top()) // self.line_height)
        last = (value + rect.bottom()) // self.line_height + 1
        return range(min(first, self._lines.count), min(max(last, 0), self._lines.count))

    def _top_of(self, line: int) -> int:
        return self._edge + line * self.line_height

    def _rect(self, box: TokenBox, top: float) -> QRectF:
        left = self._left + box.left
        width = min(box.right, self._lines.width + 6) - box.left
        return QRectF(left, top + 2, max(1.0, width - box.ends), self.line_height - 4)

    def _paint_tints(
        self, painter: QPainter, boxes: list[TokenBox], top: float, colours: dict[str, QColor]
    ) -> None:
        chosen = self.selection or (0, 0)
        painter.setPen(Qt.PenStyle.NoPen)
        for box in boxes:
            role = self._tint(box.token)
            colour = colours.get(role) or colours.setdefault(role, self._theme.color(role))
            painter.setBrush(colour)
            painter.drawRoundedRect(self._rect(box, top), _ROUND, _ROUND)
            if chosen[0] <= box.token < chosen[1]:
                rect = self._rect(box, top)
                line = QRectF(rect.left(), rect.bottom() - 1, rect.width() + 1, 3)
                painter.fillRect(line, self._theme.color("accent"))

    def _paint_marks(self, painter: QPainter, boxes: list[TokenBox], top: float) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for token, role in ((self._marked, "text-dim"), (self.current, "accent")):
            if token < 0 or (token == self.current and not self.hasFocus() and role == "accent"):
                continue
            painter.setPen(QPen(self._theme.color(role), 2 if role == "accent" else 1))
            for box in boxes:
                if box.token == token:
                    rect = self._rect(box, top).adjusted(0.5, 0.5, -0.5, -0.5)
                    painter.drawRoundedRect(rect, _ROUND, _ROUND)

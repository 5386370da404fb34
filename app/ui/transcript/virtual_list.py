"""A column of rows of unlike heights, of which only those in sight are widgets.

Rows out of sight have an estimated height; once shown they are measured, and what the reader
looks at stays where it is.  At the end of the column it follows what is added.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QWidget

_NEAR_END_PX = 24
_STEP_PX = 48
_TRIES = 12


class Row(Protocol):
    """What the column shows; ``gap`` is the distance to the row above, in pixels.

    A row with a method ``unfold`` stands for the rows that it returns, until it comes in sight.
    One with ``outset`` begins so many pixels left of the column: its buttons have room around their
    pictures, which stand in line with the words above.
    """

    @property
    def gap(self) -> int: ...

    def estimate(self, width: int) -> int:
        """About how high it will be."""

    def make(self) -> QWidget:
        """A widget that shows it and answers heightForWidth."""


@dataclass
class _Slot:
    row: Row
    height: int
    width: int = -1
    widget: QWidget | None = None
    became: "_Slot | None" = None

    @property
    def whole(self) -> int:
        return self.height + self.row.gap


class VirtualList(QAbstractScrollArea):
    """Shows rows in a column of at most ``widest`` pixels; ``end_changed`` as it is left or met.

    ``arranged`` when what is in sight has its place, after every change.
    """

    end_changed = Signal(bool)
    arranged = Signal()

    def __init__(self, widest: int, edge: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("column", "true")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAutoFillBackground(False)
        self._widest, self._edge = widest, edge
        self._slots: list[_Slot] = []
        self._tops: list[int] = [0]
        self._at_end = True
        self._busy = False
        self._held: tuple[_Slot, int] | None = None
        self.verticalScrollBar().setSingleStep(_STEP_PX)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)

    # rows

    @property
    def rows(self) -> Sequence[Row]:
        """What is shown, from the top."""
        return [slot.row for slot in self._slots]

    def splice(self, start: int, count: int, rows: Sequence[Row]) -> None:
        """Put ``rows`` in the place of ``count`` rows from ``start`` on; then ``settle``."""
        self._hold()
        width = self.column_width
        made = [_Slot(row, row.estimate(width)) for row in rows]
        for slot in self._slots[start : start + count]:
            self._drop(slot)
            slot.became = made[0] if made else None
        self._slots[start : start + count] = made

    def remeasure(self, index: int) -> None:
        """The content of a row has changed: its widget knows already, its height does not."""
        self._slots[index].width = -1

    def settle(self) -> None:
        """Measure and place what is in sight; once after any number of changes."""
        self._arrange()

    def index_of(self, row: Row) -> int:
        """Where a row stands; -1 if it does not."""
        return next((index for index, slot in enumerate(self._slots) if slot.row is row), -1)

    def widget_of(self, index: int) -> QWidget | None:
        """The widget of a row, if it is in sight."""
        return self._slots[index].widget

    def rect_of(self, index: int) -> QRect:
        """Where a row lies in the viewport."""
        left = (self.viewport().width() - self.column_width) // 2
        top = self._tops[index] + self._slots[index].row.gap - self.verticalScrollBar().value()
        return QRect(left, top, self.column_width, self._slots[index].height)

    def index_at(self, point: QPoint) -> int:
        """The row nearest to a point of the viewport; -1 if there is none."""
        at = bisect_right(self._tops, point.y() + self.verticalScrollBar().value()) - 1
        return min(max(at, 0), len(self._slots) - 1)

    @property
    def column_width(self) -> int:
        """How wide rows are, in pixels."""
        return max(min(self.viewport().width() - 2 * self._edge, self._widest), 120)

    # the reader's place

    @property
    def at_end(self) -> bool:
        """Whether the end is in sight, and will be followed."""
        return self._at_end

    def go_to_end(self) -> None:
        """Show the last row and follow what is added."""
        self._set_at_end(now=True)
        self._arrange()

    def stay(self) -> None:
        """Follow what is added no more."""
        self._set_at_end(now=False)

    def show_row(self, index: int) -> None:
        """Bring a row into sight, its top first."""
        self._set_at_end(now=False)
        for _ in range(3):  # what was estimated between here and there is measured on arrival
            self.verticalScrollBar().setValue(self._tops[index])
            self._arrange()
        self._note_end()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        bar = self.verticalScrollBar()
        moves = {
            Qt.Key.Key_Up: bar.value() - _STEP_PX,
            Qt.Key.Key_Down: bar.value() + _STEP_PX,
            Qt.Key.Key_PageUp: bar.value() - bar.pageStep(),
            Qt.Key.Key_PageDown: bar.value() + bar.pageStep(),
            Qt.Key.Key_Space: bar.value() + bar.pageStep(),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: bar.maximum(),
        }
        if event.key() in moves:
            bar.setValue(moves[Qt.Key(event.key())])
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        tabbed = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._show_ring(now=event.reason() in tabbed)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        self._show_ring(now=False)
        super().focusOutEvent(event)

    def _show_ring(self, *, now: bool) -> None:
        if bool(self.property("ring")) != now:
            self.setProperty("ring", now)
            self.style().polish(self)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        self._arrange()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if event.type() is QEvent.Type.LayoutRequest:
            self._remeasure_shown()
        return super().viewportEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802, FBT001 (Qt's name)
        """Tab goes through the controls as they are read, whenever they were made."""
        stops = sorted(self._stops(), key=self._where)
        now = QApplication.focusWidget()
        at = stops.index(now) if now in stops else -1
        goes_in = now is self and forward and bool(stops)
        if at < 0 and not goes_in:
            return super().focusNextPrevChild(forward)
        at += 1 if forward else -1
        if at < 0:
            self.setFocus(Qt.FocusReason.BacktabFocusReason)
            return True
        return self._focus(stops[at]) if at < len(stops) else self._leave()

    # inside

    def _focus(self, stop: QWidget) -> bool:
        stop.setFocus(Qt.FocusReason.TabFocusReason)
        place = QRect(stop.mapTo(self.viewport(), QPoint(0, 0)), stop.size())
        bar = self.verticalScrollBar()
        if place.bottom() > self.viewport().height():
            bar.setValue(bar.value() + place.bottom() - self.viewport().height() + _STEP_PX)
        elif place.top() < 0:
            bar.setValue(bar.value() + place.top() - _STEP_PX)
        return True

    def _leave(self) -> bool:
        """Focus what comes after the column in the window."""
        after = self.nextInFocusChain()
        while after is not None and after is not self:
            usable = bool(after.focusPolicy() & Qt.FocusPolicy.TabFocus) and after.isEnabled()
            if usable and after.isVisible() and not self.isAncestorOf(after):
                after.setFocus(Qt.FocusReason.TabFocusReason)
                return True
            after = after.nextInFocusChain()
        return False

    def _stops(self) -> list[QWidget]:
        return [
            child
            for child in self.viewport().findChildren(QWidget)
            if child.focusPolicy() & Qt.FocusPolicy.TabFocus
            and child.isEnabled()
            and child.isVisibleTo(self.viewport())
        ]

    def _where(self, stop: QWidget) -> tuple[int, int]:
        place = stop.mapTo(self.viewport(), QPoint(0, 0))
        return place.y(), place.x()

    def _scrolled(self) -> None:
        if self._busy:
            return
        self._note_end()
        self._arrange()

    def _note_end(self) -> None:
        bar = self.verticalScrollBar()
        self._set_at_end(now=bar.value() >= bar.maximum() - _NEAR_END_PX)

    def _set_at_end(self, *, now: bool) -> None:
        if now != self._at_end:
            self._at_end = now
            self.end_changed.emit(now)

    def _remeasure_shown(self) -> None:
        width = self.column_width
        for slot in self._slots:
            if slot.widget is not None and slot.widget.heightForWidth(width) != slot.height:
                slot.width = -1
        self._arrange()

    def _arrange(self) -> None:
        """Measure what is in sight until nothing moves any more, then place it."""
        if self._busy:
            return
        self._busy = True
        try:
            self._hold()
            for _ in range(_TRIES):
                self._add_up()
                shown = self._in_sight()
                if not self._unfold(shown) and not self._measure(shown):
                    break
            self._place()
        finally:
            self._held = None
            self._busy = False
        self.arranged.emit()

    def _hold(self) -> None:
        """Remember the first row in sight and where it lies, before anything changes."""
        if self._held is None and self._slots and len(self._tops) == len(self._slots) + 1:
            value = self.verticalScrollBar().value()
            at = min(max(bisect_right(self._tops, value) - 1, 0), len(self._slots) - 1)
            self._held = (self._slots[at], value - self._tops[at])

    def _add_up(self) -> None:
        """Tops of all rows and the scroll bar's range; the row that is held keeps its place."""
        bar = self.verticalScrollBar()
        self._tops = list(accumulate((slot.whole for slot in self._slots), initial=self._edge))
        height = self.viewport().height()
        bar.setPageStep(height)
        bar.setRange(0, max(self._tops[-1] + self._edge - height, 0))
        if self._at_end:
            bar.setValue(bar.maximum())
        elif self._held is not None:
            slot, offset = self._held
            while slot.became is not None:
                slot = slot.became
            at = next((index for index, one in enumerate(self._slots) if one is slot), -1)
            if at >= 0:
                bar.setValue(self._tops[at] + offset)

    def _unfold(self, shown: range) -> bool:
        """Put the rows of folded ones that came in sight in their place; whether there were any."""
        folded = [
            (index, unfold)
            for index in reversed(shown)
            if (unfold := getattr(self._slots[index].row, "unfold", None)) is not None
        ]
        for index, unfold in folded:
            self.splice(index, 1, unfold())
        return bool(folded)

    def _in_sight(self) -> range:
        """The rows in the viewport and half a screen around it."""
        top, height = self.verticalScrollBar().value(), self.viewport().height()
        first = bisect_right(self._tops, top - height // 2) - 1
        last = bisect_right(self._tops, top + height + height // 2)
        return range(max(first, 0), min(last, len(self._slots)))

    def _measure(self, shown: range) -> bool:
        """Make and measure the rows of ``shown``; whether any height was not as thought."""
        width, moved = self.column_width, False
        for slot in (self._slots[index] for index in shown):
            if slot.widget is None:
                slot.widget = slot.row.make()
                slot.widget.setParent(self.viewport())
                slot.width = -1
            if slot.width != width:
                height = max(slot.widget.heightForWidth(width), 0)
                moved = moved or height != slot.height
                slot.height, slot.width = height, width
        return moved

    def _place(self) -> None:
        shown = self._in_sight()
        focus = QApplication.focusWidget()
        for index, slot in self._with_widgets():
            if index in shown:
                place = self.rect_of(index).adjusted(-getattr(slot.row, "outset", 0), 0, 0, 0)
                slot.widget.setGeometry(place)  # type: ignore[union-attr]
                slot.widget.show()  # type: ignore[union-attr]
            elif not (focus and slot.widget and slot.widget.isAncestorOf(focus)):
                self._drop(slot)

    def _with_widgets(self) -> Iterator[tuple[int, _Slot]]:
        return ((index, slot) for index, slot in enumerate(self._slots) if slot.widget is not None)

    def _drop(self, slot: _Slot) -> None:
        if slot.widget is not None:
            slot.widget.hide()
            slot.widget.deleteLater()
            slot.widget = None

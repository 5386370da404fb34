"""Draws one row: name, file, generation, size, fit or progress, and its one button."""

from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from app.messages.translate import tr
from app.messages.units import size
from app.ui.look.theme import Theme
from app.ui.state.download_progress import progress_words, share
from app.ui.state.models.entry import Entry
from app.ui.state.models.fit_words import Fit
from app.ui.state.models.kinds import USELESS, kind_name

from .entry_list_model import ENTRY, FIT, ITEM, OPEN
from .row_painter import EDGE, RowPainter, is_tight

if TYPE_CHECKING:
    from app.hub.downloads.download_queue import Item

Index = QModelIndex | QPersistentModelIndex
_ROW = 60  # at the usual text size
_AROUND, _SPARE = 24, 0.6  # above and below the words; of a line for higher letters
_BUTTON = 92
_NARROWEST = 120  # what is wider than the view would be cut off
_AT_REST = ("paused", "failed")


class RowDelegate(QStyledItemDelegate):
    """``pressed`` carries the Entry whose button was pressed."""

    pressed = Signal(object)

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        body, small = self._theme.line_px(), self._theme.line_px("small")
        return QSize(_NARROWEST, max(_ROW, body + small + max(_AROUND, round(_SPARE * body))))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: Entry | None = index.data(ENTRY)
        if entry is None:
            heading = RowPainter(painter, self._theme, option)
            heading.heading(index.data())
            return
        fit: Fit | None = index.data(FIT)
        item: Item | None = index.data(ITEM)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row = RowPainter(painter, self._theme, option)
        row.back()
        below = entry.reason or " · ".join(filter(None, (entry.note, entry.below)))
        if item is not None:
            self._progress(row, item, option)
            below = progress_words(item) if row.compact else below
        elif entry.usable or entry.fetchable:
            self._offer(row, entry, fit, option)
            if row.compact:
                weight = size(entry.bytes) if entry.bytes else ""
                word = fit.word if fit else ""
                below = " · ".join(filter(None, (entry.note, weight, word, entry.below)))
        elif entry.resumable:
            if not self._is_tight(option.rect):
                row.button(tr("Resume"), self.button_box(option.rect))
            row.gap()
            if not row.compact:
                row.size(size(entry.bytes))
        else:
            word = kind_name(entry.kind) if entry.kind in USELESS else tr("Cannot be used")
            if entry.kind == "unfinished":
                word = f"{word} · {size(entry.bytes)}"
            row.mark("alert", "warn", word)
        if index.data(OPEN):
            row.dot()
        told = bool(entry.reason or entry.note)
        row.words(entry.title, below, dim=bool(entry.reason) or entry.withdrawn, end=told)
        painter.restore()

    def _offer(
        self, row: RowPainter, entry: Entry, fit: Fit | None, option: QStyleOptionViewItem
    ) -> None:
        if not self._is_tight(option.rect):
            word = tr("Chat") if entry.usable else tr("Download")
            row.button(word, self.button_box(option.rect), strong=entry.usable)
        if fit is not None:
            row.fit(fit)
        elif not row.compact:
            row.gap()
        if not row.compact:
            row.size(size(entry.bytes) if entry.bytes else "")
            row.chip(f"RWKV-{entry.generation}" if entry.generation else "")

    def _progress(self, row: RowPainter, item: "Item", option: QStyleOptionViewItem) -> None:
        done = share(item)
        words = f"{done * 100:.0f} %"
        if item.state in _AT_REST:
            words = tr("Resume") if item.state == "paused" else tr("Try again")
        if item.retryable:
            row.button(words, self.button_box(option.rect), filled=done)
        else:
            row.mark("alert", "bad", tr("Cannot be fetched"))
        if not row.compact:
            row.progress(done, progress_words(item), failed=item.state == "failed")

    def editorEvent(  # noqa: N802 (Qt's name)
        self, event: QEvent, model: object, option: QStyleOptionViewItem, index: Index
    ) -> bool:
        entry: Entry | None = index.data(ENTRY)
        if entry is None:
            return False
        item: Item | None = index.data(ITEM)
        live = entry.usable or entry.fetchable or entry.resumable
        if item is not None:
            # a second click on Download does nothing
            live = item.state in _AT_REST and item.retryable
        elif self._is_tight(option.rect):
            live = False
        if (
            isinstance(event, QMouseEvent)
            and event.type() is QEvent.Type.MouseButtonRelease
            and event.button() is Qt.MouseButton.LeftButton
            and live
            and self.button_box(option.rect).contains(event.position().toPoint())
        ):
            self.pressed.emit(entry)
            return True
        return False

    def button_box(self, row: QRect) -> QRect:
        """The button's place in a row."""
        metrics = QFontMetrics(self._theme.font())
        words = (tr("Chat"), tr("Download"), tr("Resume"), tr("Try again"))
        widest = max(metrics.horizontalAdvance(word) for word in words)
        box = QRect(0, 0, max(_BUTTON, widest + 20), max(30, self._theme.line_px() + 10))
        box.moveCenter(QPoint(row.right() - EDGE - box.width() // 2, row.center().y()))
        return box

    def _is_tight(self, row: QRect) -> bool:
        return is_tight(row, self.button_box(row), self._theme)

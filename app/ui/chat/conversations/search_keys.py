"""The keyboard's way from a search field to the list of what it found, and back; finds nothing."""

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QListView

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class SearchKeys(QObject):
    """Down goes into the list and Up out of it again; Enter opens, Escape takes the search back.

    ``entered``: Enter in the field.  ``chosen`` carries the row of Enter in the list, ``left``
    comes with Escape in an empty field.
    """

    entered = Signal()
    chosen = Signal(QModelIndex)
    left = Signal()

    def __init__(self, field: QLineEdit, hits: QListView) -> None:
        super().__init__(field)
        self._field, self._hits = field, hits
        field.installEventFilter(self)
        hits.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if not isinstance(event, QKeyEvent) or event.type() is not QEvent.Type.KeyPress:
            return False
        key = Qt.Key(event.key())
        return self._in_field(key) if watched is self._field else self._in_list(key)

    def _in_field(self, key: Qt.Key) -> bool:
        if key in (Qt.Key.Key_Down, Qt.Key.Key_PageDown):
            self._enter_list()
        elif key in _ENTER:
            self.entered.emit()
        elif key == Qt.Key.Key_Escape:
            if self._field.text():
                self._field.clear()
            else:
                self.left.emit()
        else:
            return False
        return True

    def _in_list(self, key: Qt.Key) -> bool:
        at = self._hits.currentIndex()
        if key in _ENTER and at.isValid():
            self.chosen.emit(at)
            return True
        above = key == Qt.Key.Key_Up and at.row() <= self._first().row()
        if above or (key == Qt.Key.Key_Escape and self._field.text()):
            self._back()
            return True
        return False

    def _enter_list(self) -> None:
        first = self._first()
        if first.isValid():
            self._hits.setFocus(Qt.FocusReason.TabFocusReason)
            self._hits.setCurrentIndex(first)

    def _back(self) -> None:
        self._field.setFocus(Qt.FocusReason.BacktabFocusReason)
        self._field.selectAll()

    def _first(self) -> QModelIndex:
        """The first row that is no heading."""
        model = self._hits.model()
        rows = (model.index(row, 0) for row in range(model.rowCount()))
        usable = Qt.ItemFlag.ItemIsEnabled
        return next((one for one in rows if model.flags(one) & usable), QModelIndex())

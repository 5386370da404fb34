"""A card over the dimmed window: keeps the focus, closes with Escape or a click beside it."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QFrame, QVBoxLayout, QWidget

_VEIL = QColor(0, 0, 0, 90)


class Overlay(QWidget):
    """Covers its parent; what is shown goes into ``card``. ``closed`` once it is gone."""

    closed = Signal()

    def __init__(self, parent: QWidget, width: int) -> None:
        super().__init__(parent)
        self._window, self._width = parent, width
        self._focus_before: QWidget | None = None
        self.card = QFrame(self)
        self.card.setObjectName("overlay")
        self.body = QVBoxLayout(self.card)
        parent.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        """Show the card and give it the keyboard."""
        self._focus_before = QApplication.focusWidget()
        self._place()
        self.show()
        self.raise_()
        first = self._stops()
        (first[0] if first else self).setFocus(Qt.FocusReason.PopupFocusReason)

    def close_card(self) -> None:
        """Hide it and give the keyboard back."""
        if self.isHidden():
            return
        self.hide()
        if self._focus_before is not None and self._focus_before.isVisible():
            self._focus_before.setFocus(Qt.FocusReason.PopupFocusReason)
        self._focus_before = None
        self.closed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if watched is self._window and event.type() is QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Escape:
            self.close_card()
        else:
            event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        if not self.card.geometry().contains(event.position().toPoint()):
            self.close_card()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        """The rest of the double click that opened it closes nothing."""
        event.accept()

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802, FBT001 (Qt's name)
        stops = self._stops()
        if stops:
            now = QApplication.focusWidget()
            at = stops.index(now) if now in stops else -1
            stops[(at + (1 if forward else -1)) % len(stops)].setFocus(
                Qt.FocusReason.TabFocusReason
            )
        return True

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self)
        painter.fillRect(self.rect(), _VEIL)
        painter.end()

    def _stops(self) -> list[QWidget]:
        return [
            child
            for child in self.card.findChildren(QWidget)
            if child.focusPolicy() & Qt.FocusPolicy.TabFocus
            and child.focusProxy() is None
            and child.isEnabled()
            and child.isVisibleTo(self)
        ]

    def _place(self) -> None:
        parent = self._window
        self.setGeometry(parent.rect())
        width = min(self._width, parent.width() - 48)
        self.card.setFixedWidth(width)
        self.card.setMaximumHeight(parent.height() - 64)
        self.body.activate()
        high = self.card.sizeHint().height()
        if self.body.hasHeightForWidth():  # words that wrap are higher where there is less room
            high = self.body.totalHeightForWidth(width)
        self.card.resize(width, min(high, self.card.maximumHeight()))
        top = min(parent.height() // 8, (parent.height() - self.card.height()) // 2)
        self.card.move((parent.width() - width) // 2, max(16, top))

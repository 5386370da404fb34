"""How the mouse behaves in every window of the program; knows no page and no widget by name."""

import time

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent, QWindow
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QScrollBar,
    QTabBar,
    QWidget,
)

_HOLDS_A_VALUE = (QComboBox, QAbstractSpinBox, QAbstractSlider, QTabBar)
_NEAR_PX = 8
_PRESSES = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick)


class Pointer(QObject):
    """The wheel scrolls and changes no value; a double click on a button presses it once.

    It holds for every widget of ``app``, whenever that is made, as long as ``parent`` lives.  The
    wheel goes on to what can scroll, and moves the keyboard nowhere.  A button with the property
    ``steps``, a check box and the buttons of a dialog take every press.
    """

    def __init__(self, app: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        self._pressed_at = -_interval_s()
        self._place = QPoint()
        self._rest_ms = -1  # when the press came that is the rest of a double click
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if isinstance(event, QWheelEvent):
            return self._turn(watched, event)
        if isinstance(event, QMouseEvent):
            return event.type() in _PRESSES and self._press(watched, event)
        if event.type() == QEvent.Type.Polish and isinstance(watched, QWidget):
            self._calm(watched)
        return False

    def _calm(self, widget: QWidget) -> None:
        """Let the wheel alone not bring the keyboard to a widget."""
        if widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
            widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _turn(self, watched: QObject, event: QWheelEvent) -> bool:
        """Whether the wheel is kept from ``watched``; it then goes on to what lies below."""
        if not isinstance(watched, _HOLDS_A_VALUE) or isinstance(watched, QScrollBar):
            return False
        event.ignore()
        return True

    def _press(self, watched: QObject, event: QMouseEvent) -> bool:
        """Whether a press is the rest of a double click, which presses no button again.

        What lies under the pointer by then may be another button, or mean something else.
        """
        if isinstance(watched, QWindow):  # the window hears of it first, then what lies there
            self._note_press(event)
            return False
        if not isinstance(watched, QAbstractButton) or _takes_every_press(watched):
            return False
        twice = event.type() == QEvent.Type.MouseButtonDblClick
        return twice or event.timestamp() == self._rest_ms

    def _note_press(self, event: QMouseEvent) -> None:
        """Whether it comes soon after another at the same place: also a third, a fourth."""
        before, self._pressed_at = self._pressed_at, time.monotonic()
        was, self._place = self._place, event.globalPosition().toPoint()
        near = (self._place - was).manhattanLength() <= _NEAR_PX
        soon = self._pressed_at - before < _interval_s()
        self._rest_ms = event.timestamp() if near and soon else -1


class Gesture:
    """Tells a new press from the rest of a double click, for what must not be done twice."""

    def __init__(self) -> None:
        self._at = -_interval_s()

    def begins(self) -> bool:
        """Note a press; whether it is one of its own."""
        before, self._at = self._at, time.monotonic()
        return self._at - before >= _interval_s()

    def note(self) -> None:
        """What lies under the pointer means something else: a press now was meant for before."""
        self._at = time.monotonic()


def _takes_every_press(button: QAbstractButton) -> bool:
    return (
        button.isCheckable()
        or button.property("steps") == "true"
        or isinstance(button.window(), QDialog)
    )


def _interval_s() -> float:
    return QApplication.doubleClickInterval() / 1000

"""The mouse as the window system tells of it, without letting anything else happen meanwhile."""

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget


def double_click(widget: QWidget) -> None:
    """Press, release, press, release on the middle of a widget, whatever is there by then."""
    kinds = (
        *(QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease),
        *(QEvent.Type.MouseButtonDblClick, QEvent.Type.MouseButtonRelease),
    )
    window, where = _middle(widget)
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    for kind in kinds:
        held = none if kind == QEvent.Type.MouseButtonRelease else left
        place = window.mapToGlobal(where)
        event = QMouseEvent(kind, where, QPointF(place), left, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(window.windowHandle(), event)


def turn_wheel(widget: QWidget, by: int = -120) -> None:
    """One step of the wheel over the middle of a widget."""
    window, where = _middle(widget)
    event = QWheelEvent(
        where,
        QPointF(window.mapToGlobal(where)),
        QPoint(),
        QPoint(0, by),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(window.windowHandle(), event)


def _middle(widget: QWidget) -> tuple[QWidget, QPointF]:
    window = widget.window()
    return window, QPointF(widget.mapTo(window, widget.rect().center()))

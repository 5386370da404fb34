"""Finds the words of a window that have no room."""

from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QRadioButton,
    QScrollArea,
    QWidget,
)

from app.ui.widgets.parts import Elided

_WORDS = (QLabel, QAbstractButton, QLineEdit, QComboBox)


def squeezed(window):
    """What shows words and is lower, or narrower, than they are."""
    found = []
    for part in window.findChildren(QWidget):
        if not isinstance(part, _WORDS) or not part.isVisible() or part.visibleRegion().isEmpty():
            continue
        words = part.text() if isinstance(part, (QLabel, QAbstractButton, QLineEdit)) else "…"
        if not words:
            continue
        least = part.minimumSizeHint()
        high = least.height()
        if isinstance(part, QLabel) and part.wordWrap():
            high = part.heightForWidth(part.width())
        wide = 0 if isinstance(part, (Elided, QLineEdit)) else least.width()
        if part.height() < high or part.width() < wide or not inside(part):
            place = part.mapTo(window, part.rect().topLeft())
            found.append((type(part).__name__, words, part.size(), least, place))
    return found


def inside(part):
    """Whether it ends within the widget it lies in; what scrolls may reach beyond."""
    above = part.parentWidget()
    scrolls = isinstance(above.parentWidget(), QScrollArea)
    return isinstance(part, QRadioButton) or scrolls or above.rect().contains(part.geometry())

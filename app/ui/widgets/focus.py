"""Where the keyboard goes when the widget that has it vanishes; knows no page."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from weakref import WeakKeyDictionary

import shiboken6
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

_WRITES = (QLineEdit, QPlainTextEdit, QTextEdit, QAbstractItemView)
_REMEMBERED = 16


class FocusKeeper(QObject):
    """Focus that loses its widget goes back to where the person was writing or choosing.

    Qt gives it to whatever comes next, where Space and Enter press something that nobody has
    looked at.  A widget is lost when it is hidden, disabled or deleted.  Where the window
    ``window`` has seen no text field or list that is still there, ``home`` is called.
    """

    def __init__(self, app: QApplication, window: QWidget, home: Callable[[], None]) -> None:
        super().__init__(window)
        self._window, self._home = window, home
        self._has: WeakKeyDictionary[QWidget, QWidget] = WeakKeyDictionary()
        self._written: list[QWidget] = []
        self._returning = False
        app.focusChanged.connect(self._note)

    def _note(self, _old: QWidget | None, now: QWidget | None) -> None:
        """The focus has moved, by itself or not."""
        window = now.window() if now is not None else QApplication.activeWindow()
        if window is None:  # another program has the keyboard
            return
        had = self._has.get(window)
        if had is not None and had is not now and not _usable(had) and not self._returning:
            self._has.pop(window)
            self._return(window, had)
        elif now is not None:
            self._has[window] = now
            self._remember(now)

    def _return(self, window: QWidget, had: QWidget) -> None:
        self._written = [one for one in self._written if shiboken6.isValid(one)]
        places = [one for one in self._written if one.window() is window and _usable(one)]
        self._returning = True
        if places:
            places[-1].setFocus(Qt.FocusReason.OtherFocusReason)
        elif window is self._window:
            self._home()
        self._returning = False
        now = QApplication.focusWidget()
        if now is not None:
            self._has[now.window()] = now

    def _remember(self, now: QWidget) -> None:
        if isinstance(now, _WRITES) and not _is_only_read(now):
            self._written = [one for one in self._written if one is not now]
            self._written = [*self._written, now][-_REMEMBERED:]


def _is_only_read(place: QWidget) -> bool:
    return isinstance(place, QLineEdit | QPlainTextEdit | QTextEdit) and place.isReadOnly()


def _usable(widget: QWidget) -> bool:
    return shiboken6.isValid(widget) and widget.isVisible() and widget.isEnabled()


def tab_through(stops: Sequence[QWidget]) -> None:
    """Have the keyboard go from one to the next: parts made later would come after all others."""
    for before, after in pairwise(stops):
        QWidget.setTabOrder(before, after)

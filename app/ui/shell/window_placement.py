"""Where the window was and which page was open, kept from one start to the next."""

import base64
import binascii
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSize
from PySide6.QtGui import QGuiApplication

from .window import Window

if TYPE_CHECKING:
    from app.store.settings import Settings

_FIRST = QSize(1180, 780)


class WindowPlacement:
    """Knows two settings: ``window`` and ``page``."""

    def __init__(self, window: Window, settings: "Settings") -> None:
        self._window, self._settings = window, settings

    def restore(self, page: str) -> None:
        """Put the window where it was, on the page it showed (``page`` at the first start)."""
        if not self._window.restoreGeometry(_bytes(self._settings.now.window)):
            self._window.resize(_fitting(_FIRST))
        known = self._window.knows(self._settings.now.page)
        self._window.go(self._settings.now.page if known else page)
        self._window.page_changed.connect(lambda key: self._settings.change(page=key))

    def save(self) -> None:
        """Remember where the window is now."""
        geometry = self._window.saveGeometry().toBase64().data()
        self._settings.change(window=bytes(geometry).decode("ascii"))


def _bytes(stored: str) -> QByteArray:
    try:
        return QByteArray(base64.b64decode(stored, validate=True))
    except (binascii.Error, ValueError):
        return QByteArray()


def _fitting(wanted: QSize) -> QSize:
    """``wanted``, or what the screen has room for."""
    screen = QGuiApplication.primaryScreen()
    return wanted.boundedTo(screen.availableGeometry().size() * 0.95) if screen else wanted

"""Two tiny drawings for the strip: a level and a line of recent speeds; they know no model."""

from collections import deque

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.ui.look.theme import Theme

_BARS = 24


class Level(QWidget):
    """A share of a whole as a short bar, with a darker part of our own."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._ours = self._used = 0.0
        self.setFixedSize(QSize(56, 6))

    def show_shares(self, ours: float, used: float) -> None:
        """``ours`` and ``used`` are shares of the whole, 0 to 1; ``used`` contains ``ours``."""
        if (round(ours, 2), round(used, 2)) != (round(self._ours, 2), round(self._used, 2)):
            self.update()
        self._ours, self._used = ours, used

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for share, role in ((1.0, "line"), (self._used, "edge"), (self._ours, "accent")):
            painter.setBrush(self._theme.color(role))
            width = self.width() * min(1.0, share)
            if width >= 1:
                painter.drawRoundedRect(QRectF(0, 0, max(width, 4), self.height()), 3, 3)
        painter.end()


class Sparkline(QWidget):
    """The last speeds as small bars, the newest at the right."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._speeds: deque[float] = deque(maxlen=_BARS)
        self.setFixedSize(QSize(_BARS * 3, 16))

    def add(self, tokens_per_s: float) -> None:
        """One more measurement."""
        self._speeds.append(tokens_per_s)
        self.update()

    def clear(self) -> None:
        """Forget the last text's speeds."""
        self._speeds.clear()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        if not self._speeds:
            return
        most = max(self._speeds) or 1.0
        painter = QPainter(self)
        left = self.width() - 3 * len(self._speeds)
        for at, speed in enumerate(self._speeds):
            height = max(1.0, self.height() * speed / most)
            box = QRectF(left + 3 * at, self.height() - height, 2, height)
            painter.fillRect(box, self._theme.color("accent"))
        painter.end()

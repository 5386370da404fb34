"""A picture of how much a state holds: a row for each layer, a square for each head; no numbers."""

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme

_CELL_PX, _LEAST_PX = 12, 3


class NormsPicture(QWidget):
    """Darker squares hold more; pointing at one tells its layer, head and number."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._norms: list[list[float]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_norms(self, norms: list[list[float]]) -> None:
        """A row of numbers for each layer."""
        self._norms = norms
        heads = max(map(len, norms), default=0)
        said = tr("What the state holds, in {} layers of {} heads").format(len(norms), heads)
        self.setAccessibleName(said)
        self.updateGeometry()
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(200, max(1, len(self._norms)) * _CELL_PX)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        most = max((norm for row in self._norms for norm in row), default=0.0) or 1.0
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        colour = self._theme.color("accent")
        for layer, row in enumerate(self._norms):
            wide = self._wide(row)
            for head, norm in enumerate(row):
                colour.setAlphaF(0.06 + 0.94 * min(1.0, norm / most) ** 0.5)
                painter.setBrush(colour)
                painter.drawRect(QRectF(head * wide, layer * _CELL_PX, wide - 1, _CELL_PX - 1))
        painter.end()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            layer = event.pos().y() // _CELL_PX
            row = self._norms[layer] if 0 <= layer < len(self._norms) else []
            head = int(event.pos().x() // self._wide(row)) if row else -1
            if 0 <= head < len(row):
                said = tr("Layer {}, head {}: {}").format(layer, head, f"{row[head]:.3g}")
                QToolTip.showText(event.globalPos(), said, self)
            return True
        return super().event(event)

    def _wide(self, row: list[float]) -> float:
        return min(2.0 * _CELL_PX, max(_LEAST_PX, self.width() / max(1, len(row))))

"""A table of numbers as a picture, each a coloured field, with its scale; it knows no state.

NumPy is loaded when there are numbers to paint.
"""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QLinearGradient, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.widgets.painted_line import CENTRE, LEFT, RIGHT, paint_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_STEPS = 255
_HUGE = 1e29  # the start of generation 4's running maximum is no number to be compared
_SCALE_PX = 8


class NumberPicture(QWidget):
    """``show_numbers`` (R, C); from 0 up, or from below 0 to above it with equal weight.

    ``pointed`` carries row and column under the mouse (-1, -1: none), ``chosen`` those clicked.
    """

    pointed = Signal(int, int)
    chosen = Signal(int, int)

    def __init__(self, theme: Theme, title: str, across: str, down: str) -> None:
        super().__init__()
        self._theme, self._title, self._across, self._down = theme, title, across, down
        self._numbers: NDArray[np.floating[Any]] | None = None
        self._image = QImage()
        self._most, self._signed = 0.0, False
        self._row = self._column = -1
        self.square = False
        self.setMouseTracking(True)
        self.setMinimumSize(QSize(180, 120))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(title)
        theme.changed.connect(self._repaint)

    @property
    def numbers(self) -> "NDArray[np.floating[Any]] | None":
        """What is shown."""
        return self._numbers

    @property
    def image(self) -> QImage:
        """One pixel a number."""
        return self._image

    def show_numbers(
        self, numbers: "NDArray[np.floating[Any]] | None", *, signed: bool = False, title: str = ""
    ) -> None:
        """Show a table, or none."""
        self._numbers, self._signed = numbers, signed
        if title:
            self._title = title
            self.setAccessibleName(title)
        self._repaint()

    def mark(self, row: int, column: int) -> None:
        """Frame a row (and a column), -1 for none."""
        if (row, column) != (self._row, self._column):
            self._row, self._column = row, column
            self.update()

    # Qt

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        theme = self._theme
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text"))
        high = theme.line_px("small")
        paint_line(painter, QRect(0, 0, self.width(), high), self._title, LEFT)
        place = self._place()
        painter.setPen(theme.color("text-dim"))
        if self._image.isNull():
            painter.fillRect(place, theme.color("raised"))
            paint_line(painter, place, tr("Nothing is known yet"), CENTRE)
        else:
            painter.drawImage(place, self._image)
            self._paint_marks(painter, place)
            self._paint_scale(painter, place)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        self.pointed.emit(*self._at(event.position().toPoint()))

    def leaveEvent(self, event: object) -> None:  # noqa: N802 (Qt's name)
        self.pointed.emit(-1, -1)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        row, column = self._at(event.position().toPoint())
        if row >= 0 and event.button() is Qt.MouseButton.LeftButton:
            self.chosen.emit(row, column)

    # inside

    def _place(self) -> QRect:
        """Where the picture is."""
        high, space = self._theme.line_px("small"), self._theme.space("xs")
        below = 2 * high + _SCALE_PX + 2 * space
        rect = QRect(0, high + space, self.width(), self.height() - high - space - below)
        rect.setHeight(max(rect.height(), 8))
        if not self.square:
            return rect
        side = min(rect.width(), rect.height())
        return QRect(rect.left(), rect.top(), side, side)

    def _at(self, place: QPoint) -> tuple[int, int]:
        rect = self._place()
        if self._numbers is None or not rect.contains(place) or not self._numbers.size:
            return -1, -1
        rows, columns = self._numbers.shape
        row = (place.y() - rect.top()) * rows // rect.height()
        column = (place.x() - rect.left()) * columns // rect.width()
        return min(row, rows - 1), min(column, columns - 1)

    def _repaint(self) -> None:
        self._image, self._most = QImage(), 0.0
        if self._numbers is not None and self._numbers.size:
            self._image, self._most = _picture(self._numbers, self._colours(), signed=self._signed)
        self.update()

    def _colours(self) -> list[QColor]:
        """From the least number to the greatest."""
        zero, above = self._theme.color("scale-zero"), self._theme.color("scale-above")
        if not self._signed:
            return [_between(zero, above, at / _STEPS) for at in range(_STEPS + 1)]
        below, half = self._theme.color("scale-below"), _STEPS // 2
        low = [_between(below, zero, at / half) for at in range(half)]
        return [*low, *(_between(zero, above, at / half) for at in range(_STEPS - half + 1))]

    def _paint_marks(self, painter: QPainter, place: QRect) -> None:
        if self._numbers is None:
            return
        rows, columns = self._numbers.shape
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(self._theme.color("text"))
        high, wide = place.height() / rows, place.width() / columns
        if 0 <= self._row < rows:
            top = place.top() + self._row * high
            painter.drawRect(QRectF(place.left(), top, place.width() - 1, max(high, 2.0)))
        if 0 <= self._column < columns:
            left = place.left() + self._column * wide
            painter.drawRect(QRectF(left, place.top(), max(wide, 2.0), place.height() - 1))

    def _paint_scale(self, painter: QPainter, place: QRect) -> None:
        """The axes in words, and the colours with their numbers."""
        high, space = self._theme.line_px("small"), self._theme.space("xs")
        line = QRect(0, place.bottom() + 2, self.width(), high)
        paint_line(painter, line, f"→ {self._across}   ↓ {self._down}", LEFT)
        line.translate(0, high + space)
        least = -self._most if self._signed else 0.0
        middle = tr("0") if self._signed else ""
        words = (f"{least:.3g}", middle, f"{self._most:.3g}")
        width = min(240, self.width())
        bar = QRect(0, line.top() + 1, width, _SCALE_PX)
        shades, colours = QLinearGradient(0, 0, width, 0), self._colours()
        for at in range(0, len(colours), 15):
            shades.setColorAt(at / (len(colours) - 1), colours[at])
        painter.fillRect(bar, shades)
        for text, align in zip(words, (LEFT, CENTRE, RIGHT), strict=True):
            paint_line(painter, QRect(0, bar.bottom() + 2, width, high), text, align)


def _picture(
    numbers: "NDArray[np.floating[Any]]", colours: list[QColor], *, signed: bool
) -> tuple[QImage, float]:
    """One pixel a number, and the number that the last colour stands for."""
    import numpy as np

    known = np.where(np.abs(numbers) < _HUGE, numbers, 0.0).astype(np.float64)
    most = float(np.abs(known).max()) or 1.0
    share = (known / most + 1) / 2 if signed else known / most
    fields = np.ascontiguousarray(np.clip(np.rint(share * _STEPS), 0, _STEPS).astype(np.uint8))
    rows, columns = fields.shape
    image = QImage(fields.tobytes(), columns, rows, columns, QImage.Format.Format_Indexed8).copy()
    image.setColorTable([colour.rgb() for colour in colours])
    return image, most


def _between(one: QColor, other: QColor, share: float) -> QColor:
    parts = (
        (one.redF(), other.redF()),
        (one.greenF(), other.greenF()),
        (one.blueF(), other.blueF()),
    )
    return QColor.fromRgbF(*(a + (b - a) * share for a, b in parts))

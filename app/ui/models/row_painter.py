"""One painting of one row: from the right edge to the left, the words take what is left."""

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QFontMetricsF, QPainter, QPainterPath
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from app.messages.units import size
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme
from app.ui.state.models.fit_words import Fit, all_words
from app.ui.widgets.painted_line import CENTRE, LEFT, RIGHT, paint_line

EDGE, _GAP = 14, 12
_FIT_PX, _SIZE_PX, _CHIP_PX = 122, 62, 66  # at the usual text size
_COMPACT_PX, _ROOMY_PX = 500, 640
_NAME = "Rookery guide"  # what of a name is to be read beside a button
_MARK = 16


def is_tight(row: QRect, button: QRect, theme: Theme) -> bool:
    """Too narrow for ``button`` beside the name: the details have the same one."""
    name = QFontMetricsF(theme.font()).horizontalAdvance(_NAME)
    return row.width() - button.width() - 2 * EDGE - 2 * _GAP - _MARK < name


def _scale(theme: Theme) -> float:
    """How much wider the columns are than usual, so that their longest words have room."""
    wide = QFontMetricsF(theme.font("small")).horizontalAdvance
    return max(
        1.0,
        max(map(wide, all_words())) / _FIT_PX,
        wide(size(888.8e6)) / _SIZE_PX,
    )


class RowPainter:
    """What is drawn first stands at the right."""

    def __init__(self, painter: QPainter, theme: Theme, option: QStyleOptionViewItem) -> None:
        self._painter, self._theme = painter, theme
        self._rect = option.rect
        self._right = option.rect.right() - EDGE
        self._indent = 0
        self._selected = bool(option.state & QStyle.StateFlag.State_Selected)
        self._hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        self._focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        self._small = theme.font("small")
        self._scale = _scale(theme)
        self.compact = option.rect.width() < _COMPACT_PX * self._scale
        self.roomy = option.rect.width() >= _ROOMY_PX * self._scale

    def back(self) -> None:
        """The ground: chosen, under the mouse, with the keyboard."""
        box = self._rect.adjusted(1, 2, -1, -2)
        if self._selected or self._hover:
            self._fill(box, "accent-soft" if self._selected else "hover", 8)
        if self._focus and self._selected:
            self._outline(box, "accent", 8)

    def heading(self, text: str) -> None:
        """The name of a section, above its rows, with a line that parts it from those before."""
        self._painter.save()
        line = self._theme.line_px() + 6
        box = self._rect.adjusted(EDGE, self._rect.height() - line, -EDGE, -2)
        above = box.top() - self._theme.space("xs")
        self._painter.setPen(self._theme.color("line"))
        self._painter.drawLine(box.left(), above, box.right(), above)
        font = self._theme.font("small")
        font.setWeight(QFont.Weight.DemiBold)
        self._text(box, text, "text-dim", font=font)
        self._painter.restore()

    def dot(self) -> None:
        """Before the name of the model that is open."""
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(self._theme.color("good"))
        middle = self._rect.center().y() - 10
        self._painter.drawEllipse(QPoint(self._rect.left() + EDGE + 4, middle), 4, 4)
        self._indent = 16

    def button(
        self, text: str, box: QRect, *, strong: bool = False, filled: float | None = None
    ) -> None:
        """The row's button; ``filled`` shows a share of it done."""
        self._fill(box, "surface", 6)
        if filled:
            path = QPainterPath()
            path.addRoundedRect(QRectF(box), 6, 6)
            self._painter.save()
            self._painter.setClipPath(path)
            done = QRect(box.topLeft(), box.size())
            done.setWidth(round(box.width() * min(1.0, filled)))
            self._painter.fillRect(done, self._theme.color("selection"))
            self._painter.restore()
        self._outline(box, "accent" if strong else "edge", 6)
        self._text(box, text, "accent" if strong else "text", align=CENTRE)
        self._right = box.left() - _GAP

    def fit(self, fit: Fit) -> None:
        """Its mark, and beside it what it means and costs."""
        spot = _MARK
        if not self.compact:
            width = self._column(_FIT_PX)
            box = QRect(self._right - width, self._rect.top(), width, self._rect.height())
            self._lines(box, fit.word, fit.need)
            self._right = box.left() - 6
        middle = self._rect.center().y() - (self._line() // 2 if not self.compact else 0)
        place = QRect(self._right - spot, middle - spot // 2, spot, spot)
        self._draw(place, fit.picture, fit.role)
        self._right = place.left() - _GAP

    def gap(self) -> None:
        """Nothing where the fit would stand, so that the columns stay in line."""
        self._right -= self._column(_FIT_PX) + 6 + _MARK + _GAP

    def size(self, words: str) -> None:
        """How large the file is."""
        width = self._column(_SIZE_PX)
        box = QRect(self._right - width, self._rect.top(), width, self._rect.height())
        self._text(box, words, "text-dim", align=RIGHT, font=self._small)
        self._right = box.left() - _GAP

    def chip(self, text: str) -> None:
        """The generation; only where there is room."""
        if not self.roomy:
            return
        width = max(QFontMetrics(self._small).horizontalAdvance("RWKV-7.0") + 16, _CHIP_PX)
        if text:
            box = QRect(0, 0, width, self._line() + 7)
            box.moveCenter(QPoint(self._right - width // 2, self._rect.center().y()))
            self._fill(box, "surface" if self._selected else "hover", 6)
            self._text(box, text, "text-dim", align=CENTRE, font=self._small)
        self._right -= width + _GAP

    def progress(self, done: float, words: str, *, failed: bool) -> None:
        """How far a download is: a line, and below it speed and time."""
        width = self._column(_FIT_PX + _SIZE_PX + 40)
        left, line = self._right - width, self._line()
        middle = self._rect.center().y()
        track = QRectF(left, middle - line / 2 - 2, width, 4)
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(self._theme.color("line"))
        self._painter.drawRoundedRect(track, 2, 2)
        track.setWidth(max(4.0, width * min(1.0, done)))
        self._painter.setBrush(self._theme.color("bad" if failed else "accent"))
        self._painter.drawRoundedRect(track, 2, 2)
        box = QRect(left, middle, width, line + 4)
        self._text(box, words, "text-dim", font=self._small)
        self._right = left - _GAP

    def mark(self, picture: str, role: str, text: str) -> None:
        """A picture with words, for what has no button."""
        width = QFontMetrics(self._small).horizontalAdvance(text) + 8
        box = QRect(self._right - width, self._rect.top(), width, self._rect.height())
        self._text(box, text, "text-dim", align=RIGHT, font=self._small)
        place = QRect(box.left() - 22, self._rect.center().y() - 8, 16, 16)
        self._draw(place, picture, role)
        self._right = place.left() - _GAP

    def words(self, title: str, below: str, *, dim: bool, end: bool = False) -> None:
        """The name and the line under it; ``end`` cuts that at its end, not in its middle."""
        left = self._rect.left() + EDGE
        width, middle = self._right - left, self._rect.center().y()
        name = self._theme.font()
        name.setWeight(QFont.Weight.Medium)
        high = self._theme.line_px() + 4
        top = QRect(left + self._indent, middle - high, width - self._indent, high)
        self._text(top, title, "text-dim" if dim else "text", font=name)
        under = QRect(left, middle + 1, width, self._line() + 4)
        cut = end or self.compact
        mode = Qt.TextElideMode.ElideRight if cut else Qt.TextElideMode.ElideMiddle
        self._text(under, below, "text-dim", font=self._small, elide=mode)

    def _lines(self, box: QRect, above: str, below: str) -> None:
        """Two short lines around the middle of the row."""
        line, middle = self._line(), self._rect.center().y()
        top = QRect(box.left(), middle - line - 1, box.width(), line + 2)
        self._text(top, above, "text", font=self._small)
        top.moveTop(middle + 1)
        self._text(top, below, "text-dim", font=self._small)

    def _line(self) -> int:
        return self._theme.line_px("small")

    def _column(self, usual: int) -> int:
        return round(usual * self._scale)

    def _draw(self, place: QRect, picture: str, role: str) -> None:
        ratio = self._painter.device().devicePixelRatioF()
        self._painter.drawPixmap(place, pixmap(picture, role, place.width(), ratio))

    def _text(
        self,
        box: QRect,
        text: str,
        role: str,
        *,
        align: Qt.AlignmentFlag = LEFT,
        font: QFont | None = None,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        self._painter.setFont(font or self._theme.font())
        self._painter.setPen(self._theme.color(role))
        paint_line(self._painter, box, text, align, elide)

    def _fill(self, box: QRect, role: str, radius: int) -> None:
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(self._theme.color(role))
        self._painter.drawRoundedRect(box, radius, radius)

    def _outline(self, box: QRect, role: str, radius: int) -> None:
        self._painter.setPen(QColor(self._theme.color(role)))
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.drawRoundedRect(box.adjusted(0, 0, -1, -1), radius, radius)

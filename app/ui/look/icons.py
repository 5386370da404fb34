"""Our icons: SVG drawings tinted with the theme's colours when they are painted."""

from collections.abc import Callable
from functools import cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.resources import resource

Colours = Callable[[str], QColor]
_tint: list[Colours] = []


def tint_with(colours: Colours) -> None:
    """Take the colours of all icons, present and future, from ``colours(role)``."""
    _tint[:] = [colours]


def icon(name: str, role: str = "text", size: int = 20) -> QIcon:
    """The icon ``name`` (a file of resources/icons), in the colour of a theme role.

    It follows the theme by itself and is sharp at any pixel ratio; ``size`` is its own size in
    device-independent pixels, used where the widget asks for none.  Asked to be wider than high
    it stands at the left: the rest is a gap.
    """
    return QIcon(_Tinted(name, role, size))


def pixmap(name: str, role: str = "text", size: int = 20, ratio: float = 1.0) -> QPixmap:
    """One picture of an icon, ``size`` x ``size`` device-independent pixels."""
    return _picture(name, _colour(role).name(), (size, size), ratio)


class _Tinted(QIconEngine):
    """Draws one SVG; the colour is looked up at each painting, so a new theme needs no signal."""

    def __init__(self, name: str, role: str, size: int) -> None:
        super().__init__()
        self._name, self._role, self._size = name, role, size
        _source(name)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        svg = QSvgRenderer(_coloured(self._name, self._shade(mode).name()))
        svg.render(painter, QRectF(_square(rect)))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(  # noqa: N802 (Qt's name)
        self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float
    ) -> QPixmap:
        return _picture(self._name, self._shade(mode).name(), size.toTuple(), scale)

    def actualSize(  # noqa: N802 (Qt's name)
        self, size: QSize, mode: QIcon.Mode, state: QIcon.State
    ) -> QSize:
        return size

    def availableSizes(  # noqa: N802 (Qt's name)
        self, mode: QIcon.Mode = QIcon.Mode.Normal, state: QIcon.State = QIcon.State.Off
    ) -> list[QSize]:
        return [QSize(self._size, self._size)]

    def clone(self) -> "QIconEngine":
        return _Tinted(self._name, self._role, self._size)

    def _shade(self, mode: QIcon.Mode) -> QColor:
        return _colour("edge" if mode is QIcon.Mode.Disabled else self._role)


def _colour(role: str) -> QColor:
    return _tint[0](role) if _tint else QColor(Qt.GlobalColor.gray)


def _square(rect: QRect) -> QRect:
    side = min(rect.width(), rect.height())
    square = QRect(QPoint(0, 0), QSize(side, side))
    square.moveCenter(rect.center())
    if rect.width() > rect.height():  # what is wider keeps the rest as a gap before the words
        square.moveLeft(rect.left())
    return square


@cache
def _source(name: str) -> str:
    return resource("icons", f"{name}.svg").read_text("utf-8")


def _coloured(name: str, colour: str) -> QByteArray:
    return QByteArray(_source(name).replace("currentColor", colour).encode())


@cache
def _picture(name: str, colour: str, size: tuple[int, int], ratio: float) -> QPixmap:
    width, height = size
    if width <= 0 or height <= 0:  # a widget that has no room yet
        return QPixmap()
    picture = QPixmap(round(width * ratio), round(height * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    box = _square(QRect(0, 0, width, height))
    QSvgRenderer(_coloured(name, colour)).render(painter, QRectF(box))
    painter.end()
    return picture

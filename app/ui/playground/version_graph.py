"""The versions of a document as small branches, the way to the one that is shown in the accent."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QToolTip, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.playground.version_tree import VersionTree

GRAPH_EDGE = 10
"""How far the first dot is from the edges, in pixels."""
_STEP, _LANE, _DOT = 18, 14, 4.0


class VersionGraph(QWidget):
    """``chosen`` carries the id of the version that was pressed.

    From left to right it goes on; what came from one version stands below each other.  Arrow keys
    go along the branches: right to what came from a version last, up and down to those beside it.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, describe: Callable[[str], str]) -> None:
        super().__init__()
        self._theme, self._describe = theme, describe
        self._tree, self._shown = VersionTree(), ""
        self._places: dict[str, tuple[int, int]] = {}
        self._path: set[str] = set()
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        theme.changed.connect(self.update)

    def show_versions(self, tree: VersionTree, shown: str | None) -> None:
        """Show these, and which of them the text is."""
        self._tree, self._shown = tree, shown or ""
        self._path = set(tree.path(shown)) if shown else set()
        self._places = places_of(tree)
        self.setAccessibleName(tr("Versions: {} of {}").format(self._number(shown), len(tree)))
        self.setFixedSize(self.sizeHint())
        self.update()

    def place_of(self, version: str) -> QPoint:
        """The middle of a version's dot."""
        column, lane = self._places.get(version, (0, 0))
        return QPoint(GRAPH_EDGE + column * _STEP, GRAPH_EDGE + lane * _LANE)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        columns = max((column for column, _ in self._places.values()), default=0)
        lanes = max((lane for _, lane in self._places.values()), default=0)
        return QSize(2 * GRAPH_EDGE + columns * _STEP, 2 * GRAPH_EDGE + lanes * _LANE)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        seen = event.rect().adjusted(-_STEP, -_LANE, _STEP, _LANE)
        for version in self._places:
            above = self._tree.parent(version)
            if above is not None:
                self._line(painter, above, version)
        for version in self._places:
            if seen.contains(self.place_of(version)):
                self._dot(painter, version)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        version = self._at(event.position().toPoint())
        if version:
            self.chosen.emit(version)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        over = self._at(event.position().toPoint())
        hand, arrow = Qt.CursorShape.PointingHandCursor, Qt.CursorShape.ArrowCursor
        self.setCursor(hand if over else arrow)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            version = self._at(event.pos())
            QToolTip.showText(event.globalPos(), self._describe(version) if version else "", self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        to = self._beside(event.key()) if self._shown in self._tree else None
        if to:
            self.chosen.emit(to)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        super().focusOutEvent(event)
        self.update()

    def _number(self, version: str | None) -> int:
        return next((n for n, one in enumerate(self._tree, 1) if one.id == version), 0)

    def _beside(self, key: int) -> str | None:
        shown, tree = self._shown, self._tree
        if key == Qt.Key.Key_Left:
            return tree.parent(shown)
        if key == Qt.Key.Key_Right:
            below = tree.children(shown)
            return below[-1] if below else None
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            beside = tree.siblings(shown)
            at = beside.index(shown) + (1 if key == Qt.Key.Key_Down else -1)
            return beside[at] if 0 <= at < len(beside) else None
        return None

    def _at(self, point: QPoint) -> str:
        """The version whose dot is under a point."""
        near = [
            ((self.place_of(version) - point).manhattanLength(), version)
            for version in self._places
        ]
        distance, version = min(near, default=(_STEP, ""))
        return version if distance <= _STEP // 2 else ""

    def _line(self, painter: QPainter, above: str, version: str) -> None:
        on_way = version in self._path
        painter.setPen(QPen(self._theme.color("accent" if on_way else "edge"), 1.5))
        start, end = QPointF(self.place_of(above)), QPointF(self.place_of(version))
        if start.y() != end.y():
            corner = QPointF(start.x(), end.y())
            painter.drawLine(start, corner)
            start = corner
        painter.drawLine(start, end)

    def _dot(self, painter: QPainter, version: str) -> None:
        """Full for what a model wrote, a ring for what was typed; the one shown is larger."""
        theme, shown = self._theme, version == self._shown
        colour = theme.color("accent" if version in self._path else "edge")
        written = self._tree[version].kind == "written"
        radius = _DOT + 2 * shown
        painter.setPen(QPen(colour, 1.5))
        painter.setBrush(colour if written else theme.color("surface"))
        painter.drawEllipse(QPointF(self.place_of(version)), radius, radius)
        if shown and self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            place = QPointF(self.place_of(version))
            side = radius + 3
            painter.drawRoundedRect(
                QRectF(place.x() - side, place.y() - side, 2 * side, 2 * side), 4, 4
            )


def places_of(tree: VersionTree) -> dict[str, tuple[int, int]]:
    """Column and lane of each version: the first that came from one stays in its lane."""
    found: dict[str, tuple[int, int]] = {}
    next_lane = 0
    waiting = [(root, 0, -1) for root in reversed(tree.roots)]
    while waiting:
        version, column, lane = waiting.pop()
        if lane < 0:
            lane, next_lane = next_lane, next_lane + 1
        found[version] = (column, lane)
        below = tree.children(version)
        waiting += [(one, column + 1, -1) for one in reversed(below[1:])]
        waiting += [(one, column + 1, lane) for one in below[:1]]
    return found

"""How likely the tokens of a text were, as a curve along it, in step with the text.

pyqtgraph, and NumPy with it, are loaded when the plot is first seen.
"""

from array import array
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QShowEvent, QWheelEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QVBoxLayout, QWidget

from app.messages.translate import tr, tr_noop
from app.ui.look.theme import Theme
from app.ui.state.playground.scored_text import ScoredText
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import Elided, button
from app.ui.widgets.tokens.token_description import likelihood_of, written

_REDRAW_MS = 150
_AROUND = 3  # screens of text that are in the plot at once, on each side of the one in sight
_WHOLE = 1500  # tokens that are shown all at once
_KINDS = (
    ("probability", tr_noop("Probability")),
    ("logprob", tr_noop("Log-probability")),
    ("entropy", tr_noop("Entropy")),
)


class ProbabilityPlot(QWidget):
    """``hovered`` carries the token under the mouse (-1: none), ``pointed`` one that was clicked,
    ``wheeled`` how far the wheel was turned.
    """

    hovered = Signal(int)
    pointed = Signal(int)
    wheeled = Signal(int)

    def __init__(self, theme: Theme, scored: ScoredText) -> None:
        super().__init__()
        self._theme, self._scored = theme, scored
        self.kind = "probability"
        self._chart: Any = None
        self._curve: Any = None
        self._mark: Any = None
        self._sight: Any = None
        self._sight_of = (0, 0)
        self._told = Elided("", "small")
        self._told.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._buttons = QButtonGroup(self)
        self._column = QVBoxLayout(self)
        self._arrange()
        self._redraw = QTimer(self, singleShot=True, interval=_REDRAW_MS)
        self._redraw.timeout.connect(self._draw)
        scored.began.connect(self._due)
        scored.grew.connect(self._due)
        theme.changed.connect(self._dress)

    @property
    def loaded(self) -> bool:
        """Whether the chart was built."""
        return self._chart is not None

    def points(self) -> list[tuple[float, float]]:
        """The curve as it is drawn: token from 0, and number."""
        if self._curve is None:
            return []
        x, y = self._curve.getOriginalDataset()
        return [] if x is None else list(zip(x.tolist(), y.tolist(), strict=True))

    def choose(self, kind: str) -> None:
        """Draw the "probability", "logprob" or "entropy"."""
        self.kind = kind
        for one in self._buttons.buttons():
            one.setChecked(one.property("curve") == kind)
        self._draw()

    def mark(self, token: int) -> None:
        """Mark a token that is pointed at elsewhere; -1 marks none."""
        self._tell(token)
        if self._mark is None:
            return
        self._mark.setVisible(token >= 0)
        if token >= 0:
            self._mark.setPos(token)

    def show_sight(self, first: int, last: int) -> None:
        """Show which tokens are in sight in the text, and keep them in the plot."""
        self._sight_of = first, last
        if self._sight is None:
            return
        self._sight.setRegion((first - 0.5, last + 0.5))
        self._follow()

    # Qt

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        super().showEvent(event)
        if self._chart is None:
            self._build()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if isinstance(event, QWheelEvent):  # the wheel scrolls the text, and zooms nothing
            self.wheeled.emit(event.angleDelta().y())
            return True
        if event.type() is QEvent.Type.Leave:
            self.mark(-1)
            self.hovered.emit(-1)
        return False

    # inside

    def _arrange(self) -> None:
        row, space = QHBoxLayout(), self._theme.space("s")
        row.setSpacing(space)
        switch = Flow(self._theme.space("xs"))
        for kind, words in _KINDS:
            one = button(tr(words), role="toggle")
            one.setCheckable(True)
            one.setChecked(kind == self.kind)
            one.setProperty("curve", kind)
            one.clicked.connect(lambda _=False, kind=kind: self.choose(kind))
            self._buttons.addButton(one)
            switch.addWidget(one)
        row.addLayout(switch, 1)
        row.addWidget(self._told, 1)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(space)
        self._column.addLayout(row)

    def _build(self) -> None:
        import pyqtgraph

        chart = pyqtgraph.PlotWidget()
        chart.setMenuEnabled(False)
        chart.hideButtons()
        chart.setMouseEnabled(x=True, y=False)
        chart.setMinimumHeight(84)
        chart.setMaximumHeight(260)
        chart.setAccessibleName(tr("Probability along the text"))
        self._sight = pyqtgraph.LinearRegionItem(movable=False)
        self._sight.setZValue(-10)
        self._curve = pyqtgraph.PlotDataItem(connect="finite", skipFiniteCheck=False)
        self._curve.setClipToView(True)
        self._mark = pyqtgraph.InfiniteLine(angle=90, movable=False)
        self._mark.setVisible(False)
        for item in (self._sight, self._curve, self._mark):
            chart.addItem(item, ignoreBounds=item is not self._curve)
        chart.scene().sigMouseMoved.connect(self._moved)
        chart.scene().sigMouseClicked.connect(self._clicked)
        chart.viewport().installEventFilter(self)
        self._chart = chart
        self._column.addWidget(chart, 1)
        self._dress()
        self._draw()
        self.show_sight(*self._sight_of)

    def _dress(self) -> None:
        if self._chart is None:
            return
        import pyqtgraph

        theme = self._theme
        self._chart.setBackground(theme.color("surface"))
        for side in ("left", "bottom"):
            axis = self._chart.getAxis(side)
            axis.setPen(theme.color("line"))
            axis.setTextPen(theme.color("text-dim"))
            axis.setStyle(tickFont=theme.font("small"))
        self._curve.setPen(pyqtgraph.mkPen(theme.color("accent"), width=1))
        self._mark.setPen(pyqtgraph.mkPen(theme.color("text-dim"), width=1))
        shade = QColor(theme.color("selection"))
        shade.setAlpha(110)
        self._sight.setBrush(shade)
        for line in self._sight.lines:
            line.setPen(pyqtgraph.mkPen(theme.color("edge"), width=1))

    def _due(self) -> None:
        if self._chart is not None and not self._redraw.isActive():
            self._redraw.start()

    def _draw(self) -> None:
        if self._chart is None:
            return
        import numpy as np

        numbers = self._scored.numbers
        source: array[float] = numbers.entropies if self.kind == "entropy" else numbers.logprobs
        y = np.array(source, np.float64)
        if self.kind == "probability":
            y = np.exp(y)
        known = np.flatnonzero(~np.isnan(y))
        first = int(known[0]) if len(known) else len(y)
        gaps = len(known) < len(y) - first
        self._curve.setDownsampling(auto=not gaps, method="peak")
        self._curve.setData(np.arange(first, len(y), dtype=np.float64), y[first:])
        box = self._chart.getViewBox()
        box.setLimits(xMin=-1, xMax=max(len(self._scored), 2) + 1)
        ticks = [[(one, f"{one:g}") for one in (0.0, 0.5, 1.0)]]
        self._chart.getAxis("left").setTicks(ticks if self.kind == "probability" else None)
        if self.kind == "probability":
            box.setYRange(0.0, 1.0, padding=0.06)
        else:
            box.enableAutoRange(axis="y")
        self._follow()

    def _follow(self) -> None:
        """Keep what is in sight in the plot; of a short text all is."""
        if self._chart is None:
            return
        whole, (first, last) = len(self._scored), self._sight_of
        if whole <= _WHOLE:
            self._chart.setXRange(0, max(whole, 2), padding=0)
            return
        (left, right), _ = self._chart.viewRange()
        if left <= first and last <= right and right - left < 0.9 * whole:
            return
        around = _AROUND * max(last - first, 50)
        begin = max(0, min(first - around, whole - 2 * around))
        self._chart.setXRange(begin, min(whole, last + around), padding=0)

    def _token_at(self, place: QPointF) -> int:
        box = self._chart.getViewBox()
        if not box.sceneBoundingRect().contains(place):
            return -1
        token = round(box.mapSceneToView(place).x())
        return token if 0 <= token < len(self._scored) else -1

    def _moved(self, place: QPointF) -> None:
        token = self._token_at(place)
        self.mark(token)
        self.hovered.emit(token)

    def _clicked(self, event: Any) -> None:
        token = self._token_at(event.scenePos())
        if event.button() == Qt.MouseButton.LeftButton and token >= 0:
            self.pointed.emit(token)

    def _tell(self, token: int) -> None:
        scored = self._scored
        if not 0 <= token < len(scored):
            self._told.setText("")
            return
        words = written(scored.cells.bytes_of(token))
        self._told.setText(f"{words}  {likelihood_of(scored, token)}")

"""What was measured beside what was predicted: two bars a row, with their figures in words."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme

from .plot_look import bare_plot, dress, pen

_ROW_PX, _EDGE_PX = 52, 12
_BAR = 0.34  # of a row
_ROOM = 1.32  # of the longest bar: words stand behind it


class Bars(NamedTuple):
    """One row; the words stand behind the bars."""

    title: str
    measured: float
    predicted: float
    words: str
    predicted_words: str


class BarPlot:
    """Measured bars are filled, predicted ones are outlines below them."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._plot = bare_plot(tr("Measured beside predicted"))
        self._rows: tuple[Bars, ...] = ()
        self._drawn: list[Any] = []
        item = self._plot.getPlotItem()
        item.hideAxis("bottom")
        item.invertY()
        theme.changed.connect(self._draw)

    @property
    def widget(self) -> QWidget:
        """What is shown."""
        plot: QWidget = self._plot
        return plot

    def show_rows(self, rows: Sequence[Bars]) -> None:
        """Draw these, the first on top."""
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self._draw()

    def _draw(self) -> None:
        item, rows, colour = self._plot.getPlotItem(), self._rows, self._theme.color
        dress(self._plot, self._theme)
        for one in self._drawn:
            item.removeItem(one)
        self._drawn.clear()
        most = max((max(row.measured, row.predicted) for row in rows), default=0.0) or 1.0
        measured, predicted = [row.measured for row in rows], [row.predicted for row in rows]
        self._bars(-_BAR / 2 - 0.02, measured, colour("accent"), colour("accent"))
        self._bars(_BAR / 2 + 0.02, predicted, colour("raised"), colour("edge"))
        for at, row in enumerate(rows):
            self._words(row.words, row.measured, at - _BAR / 2, "text")
            self._words(row.predicted_words, row.predicted, at + _BAR / 2, "text-dim")
        item.getAxis("left").setTicks([[(at, row.title) for at, row in enumerate(rows)]])
        item.getAxis("left").setTextPen(colour("text"))
        item.setXRange(0, most * _ROOM, padding=0)
        item.setYRange(-0.5, max(len(rows), 1) - 0.5, padding=0)
        self._plot.setFixedHeight(_ROW_PX * max(len(rows), 1) + _EDGE_PX)

    def _bars(self, shift: float, widths: list[float], fill: Any, edge: Any) -> None:
        if not widths:
            return
        places = [at + shift for at in range(len(widths))]
        bars = pg.BarGraphItem(
            x0=0, y=places, width=widths, height=_BAR, brush=pg.mkBrush(fill), pen=pen(edge, 1)
        )
        self._plot.getPlotItem().addItem(bars)
        self._drawn.append(bars)

    def _words(self, words: str, right: float, at: float, role: str) -> None:
        text = pg.TextItem(words, color=self._theme.color(role), anchor=(0, 0.5))
        text.setFont(self._theme.font("small"))
        text.setPos(right, at)
        self._plot.getPlotItem().addItem(text)
        self._drawn.append(text)

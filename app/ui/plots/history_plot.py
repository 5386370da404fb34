"""One quantity over the last minutes as a line, or two that share an axis."""

import math
from collections.abc import Sequence
from itertools import pairwise

import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme

from .plot_look import Ticks, bare_plot, dress, pen

_GAP_S = 12.0  # with nothing measured between, as the window was hidden
_HIGH_PX, _LINE_PX = 132, 1.8
_RIGHT_PX = 18  # half of the word below the end of the axis


class HistoryPlot:
    """The last ``span_s`` seconds.

    ``roles`` are the colours of the lines, the one that matters most last.
    """

    def __init__(self, theme: Theme, name: str, roles: Sequence[str], span_s: float) -> None:
        self._theme, self._roles = theme, roles
        self._plot = bare_plot(name)
        self._plot.setFixedHeight(_HIGH_PX)
        item = self._plot.getPlotItem()
        self._grid = [pg.InfiniteLine(angle=0) for _ in range(3)]
        for line in self._grid:
            item.addItem(line)
        self.lines = [item.plot([], [], connect="finite", antialias=True) for _ in roles]
        item.layout.setContentsMargins(0, 4, _RIGHT_PX, 0)
        item.setXRange(-span_s, 0, padding=0)
        past = range(int(span_s // 60), 0, -1)
        minutes = [(-60.0 * ago, tr("{} min").format(f"−{ago}")) for ago in past]
        item.getAxis("bottom").setTicks([[*minutes, (0.0, tr("now"))]])
        item.getAxis("bottom").setStyle(hideOverlappingLabels=False)
        theme.changed.connect(self._dress)
        self._dress()

    @property
    def widget(self) -> QWidget:
        """What is shown."""
        plot: QWidget = self._plot
        return plot

    def show_values(
        self, ages_s: Sequence[float], *values: Sequence[float], most: float, ticks: Ticks
    ) -> None:
        """``ages_s`` are zero or negative and rise; ``most`` is the top of the axis."""
        for line, series in zip(self.lines, values, strict=True):
            line.setData(*_with_gaps(ages_s, series))
        item = self._plot.getPlotItem()
        item.setYRange(0, most, padding=0.04)
        item.getAxis("left").setTicks([list(ticks)])
        for line, (at, _) in zip(self._grid, ticks, strict=False):
            line.setValue(at)

    def _dress(self) -> None:
        dress(self._plot, self._theme)
        for line in self._grid:
            line.setPen(pen(self._theme.color("line"), 1))
        for line, role in zip(self.lines, self._roles, strict=True):
            line.setPen(pen(self._theme.color(role), _LINE_PX))


def _with_gaps(ages_s: Sequence[float], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """With a break where nothing was measured."""
    x, y = list(ages_s[:1]), list(values[:1])
    for (before, now), value in zip(pairwise(ages_s), values[1:], strict=True):
        if now - before > _GAP_S:
            x.append(now)
            y.append(math.nan)
        x.append(now)
        y.append(value)
    return x, y

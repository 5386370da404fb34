"""What all plots have in common: no buttons, no mouse, and the theme's colours."""

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen

from app.ui.look.theme import Theme

Ticks = Sequence[tuple[float, str]]


def bare_plot(name: str) -> Any:
    """A plot widget that is only looked at: the wheel and the mouse belong to the page."""
    widget = pg.PlotWidget()
    widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    widget.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    widget.setAccessibleName(name)
    item = widget.getPlotItem()
    item.setMenuEnabled(False)
    item.hideButtons()
    item.setMouseEnabled(x=False, y=False)
    item.getViewBox().disableAutoRange()
    return widget


def dress(widget: Any, theme: Theme) -> None:
    """Colours and letters of the theme, for ground and axes."""
    widget.setBackground(theme.color("raised"))
    for side in ("left", "bottom"):
        axis = widget.getPlotItem().getAxis(side)
        axis.setPen(pen(theme.color("line"), 1))
        axis.setTextPen(theme.color("text-dim"))
        axis.setTickFont(theme.font("small"))
        axis.setStyle(tickLength=0)


def pen(colour: QColor, width: float) -> QPen:
    """A solid line that is as wide on every screen."""
    made: QPen = pg.mkPen(colour, width=width)
    return made

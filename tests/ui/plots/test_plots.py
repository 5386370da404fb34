"""Plots are only looked at: lines with gaps, bars with words, and the theme's colours."""

import numpy
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from app.ui.look.theme import Theme
from app.ui.plots.bar_plot import BarPlot, Bars
from app.ui.plots.history_plot import HistoryPlot
from app.ui.widgets.pointer import Pointer

TICKS = ((0.0, "0"), (5.0, "5"), (10.0, "10"))


@pytest.fixture
def theme(qapp):
    made = Theme("light")
    made.apply(qapp)
    return made


def test_a_line_breaks_where_nothing_was_measured(theme):
    plot = HistoryPlot(theme, "Speed", ("accent",), 300.0)
    plot.show_values([-40.0, -38.0, -2.0, 0.0], [1.0, 2.0, 3.0, 4.0], most=10.0, ticks=TICKS)
    x, y = plot.lines[0].getData()
    assert list(x) == [-40.0, -38.0, -2.0, -2.0, 0.0]
    assert list(numpy.isnan(y)) == [False, False, True, False, False]
    assert plot.widget.accessibleName() == "Speed"
    plot.widget.grab()


def test_the_wheel_over_a_plot_scrolls_the_page_and_changes_no_plot(qapp, theme):
    """Without a loop of tasks: QTest's wheel lets events happen, which a task must not do."""
    plot = HistoryPlot(theme, "Speed", ("accent",), 300.0)
    plot.show_values([-2.0, 0.0], [3.0, 4.0], most=10.0, ticks=TICKS)
    scroll, body = QScrollArea(), QWidget()
    column = QVBoxLayout(body)
    column.addWidget(plot.widget)
    column.addSpacing(2000)
    scroll.setWidget(body)
    scroll.setWidgetResizable(True)
    scroll.resize(400, 300)
    pointer = Pointer(qapp, scroll)
    scroll.show()
    QTest.qWaitForWindowExposed(scroll)
    before = plot.widget.getPlotItem().viewRange()
    where = plot.widget.mapTo(scroll, plot.widget.rect().center())
    QTest.wheelEvent(scroll.windowHandle(), where, QPoint(0, -120))
    assert scroll.verticalScrollBar().value() > 0
    assert plot.widget.getPlotItem().viewRange() == before
    scroll.close()
    qapp.removeEventFilter(pointer)


def test_bars_follow_rows_and_theme(theme):
    plot = BarPlot(theme)
    rows = [
        Bars("8-bit", 21.0, 20.0, "21 tok/s", "about 20 tok/s"),
        Bars("16-bit", 11.0, 0.0, "11 tok/s", ""),
    ]
    plot.show_rows(rows)
    items = plot.widget.getPlotItem().items
    bars = [one for one in items if isinstance(one, pg.BarGraphItem)]
    assert [list(one.opts["width"]) for one in bars] == [[21.0, 11.0], [20.0, 0.0]]
    words = {one.toPlainText() for one in items if isinstance(one, pg.TextItem)}
    assert words == {"21 tok/s", "about 20 tok/s", "11 tok/s", ""}
    high = plot.widget.height()
    theme.choose("dark")
    assert plot.widget.backgroundBrush().color() == theme.color("raised")
    plot.show_rows(rows[:1])
    assert plot.widget.height() < high
    plot.widget.grab()
    plot.show_rows([])
    assert not [one for one in plot.widget.getPlotItem().items if isinstance(one, pg.TextItem)]

"""The last minutes as plots, in one column or two; the plots are made when they are first seen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.system.gpus import Gpu
from app.ui.look.theme import Theme
from app.ui.state.services import Services
from app.ui.state.status.readings import KEPT_S, Sample
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import label

from .history_series import Series, series_of

if TYPE_CHECKING:
    from app.ui.plots.history_plot import HistoryPlot

_TWO_COLUMNS_PX = 640


class History(QWidget):
    """Follows ``services.readings`` while it can be seen; ``cards`` are the plots in order."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services, self._readings = services, services.readings
        self.cards: list[HistoryCard] = []
        self._gpus: tuple[str, ...] = ()
        self._columns = 0
        self.note = label(tr("The plots are being prepared…"), "dim", wrap=True)
        self._grid = QGridLayout()
        self._grid.setSpacing(services.theme.space("m"))
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._make)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.note)
        column.addLayout(self._grid)
        self._readings.sampled.connect(self._follow)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        """The page is painted first: reading pyqtgraph and NumPy takes a part of a second."""
        self._soon.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        self._soon.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        self._place()

    def _follow(self) -> None:
        if self.isVisible() and not self._soon.isActive():
            self._make()

    def _make(self) -> None:
        samples = list(self._readings.samples)
        if not samples:
            return
        gpus = samples[-1].gpus
        names = tuple(gpu.name for gpu in gpus)
        if not self.cards or names != self._gpus:
            self._gpus = names
            self._rebuild(gpus)
        for card in self.cards:
            card.show_samples(samples)

    def _rebuild(self, gpus: Sequence[Gpu]) -> None:
        try:
            from app.ui.plots.history_plot import HistoryPlot  # brings NumPy along
        except ImportError as error:
            said = tr("Plots cannot be drawn, as a package cannot be loaded: {}")
            self.note.setText(said.format(error))
            return
        self.note.hide()
        for card in self.cards:
            self._grid.removeWidget(card)
            card.hide()
            card.deleteLater()
        theme = self._services.theme
        self._columns = 0
        self.cards = [
            HistoryCard(theme, series, HistoryPlot(theme, series.title, series.roles, KEPT_S))
            for series in series_of(gpus)
        ]
        self._place()

    def _place(self) -> None:
        columns = 2 if self.width() >= _TWO_COLUMNS_PX else 1
        if self._grid.count() == len(self.cards) and columns == self._columns:
            return
        self._columns = columns
        for at, card in enumerate(self.cards):
            self._grid.addWidget(card, at // columns, at % columns)
        for column in range(2):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)


class HistoryCard(QFrame):
    """A title, what it is now, and the plot."""

    def __init__(self, theme: Theme, series: Series, plot: "HistoryPlot") -> None:
        super().__init__()
        self.setProperty("card", "true")
        self.series, self.plot = series, plot
        self.values = [label("") for _ in series.roles]
        # as narrow as the page: two columns side by side ask for no more than there is
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        space = theme.space
        told = Flow(space("m"))
        for role, value in zip(series.roles, self.values, strict=True):
            told.addWidget(_with_swatch(theme, role, value) if len(series.roles) > 1 else value)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("m"), space("s"), space("m"), space("xs"))
        column.setSpacing(2)
        column.addWidget(label(series.title, "strong", wrap=True))
        column.addLayout(told)
        column.addSpacing(space("xs"))
        column.addWidget(plot.widget)

    def show_samples(self, samples: Sequence[Sample]) -> None:
        """Draw these; the last one is told in words, too."""
        series, last = self.series, samples[-1]
        axis = series.axis(samples)
        columns = zip(*(series.values(one) for one in samples), strict=True)
        ages = [one.at - last.at for one in samples]
        self.plot.show_values(ages, *columns, most=axis.most, ticks=axis.ticks)
        words = series.words(last)
        for value, name, said in zip(self.values, series.names, words, strict=True):
            value.setText(tr("{} {}").format(name, said) if name else said)
        self.plot.widget.setAccessibleDescription(", ".join(one.text() for one in self.values))


def _with_swatch(theme: Theme, role: str, value: QLabel) -> QWidget:
    both = QWidget()
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.space("xs"))
    row.addWidget(Swatch(theme, role), 0, Qt.AlignmentFlag.AlignVCenter)
    row.addWidget(value)
    return both


class Swatch(QWidget):
    """A short line in the colour of a line of a plot, beside its name."""

    def __init__(self, theme: Theme, role: str) -> None:
        super().__init__()
        self._theme, self._role = theme, role
        self.setFixedSize(QSize(14, 10))
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self)
        painter.fillRect(QRectF(0, 4, self.width(), 3), self._theme.color(self._role))
        painter.end()

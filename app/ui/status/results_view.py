"""What was measured: one quantity as bars beside the prediction, all of them as a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.status.benchmark_words import METRICS, ResultRow
from app.ui.widgets.parts import button, label

if TYPE_CHECKING:
    from app.ui.plots.bar_plot import BarPlot


class ResultsView(QWidget):
    """``export_wanted`` when they are to be written into a file."""

    export_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: tuple[ResultRow, ...] = ()
        self._metric = METRICS[0]
        self.plot: BarPlot | None = None
        self.chips: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self, exclusive=True)
        self.save = button(tr("Export…"), "save")
        self.legend = label(
            tr("Filled: measured here. Outlined: predicted by what the machine did meanwhile."),
            "small",
            wrap=True,
        )
        self._plot_room = QVBoxLayout()
        self.table = QGridLayout()
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._draw)
        self.save.clicked.connect(self.export_wanted)
        self._arrange()

    def show_rows(self, rows: Sequence[ResultRow]) -> None:
        """Show these; nothing where there are none."""
        self.setVisible(bool(rows))
        if tuple(rows) == self._rows:
            return
        self._rows = tuple(rows)
        self._fill_table()
        self._draw_soon()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        self._draw_soon()

    def _choose(self, metric: str) -> None:
        self._metric = metric
        self._draw_soon()

    def _draw_soon(self) -> None:
        """Once it is seen: reading pyqtgraph takes a part of a second."""
        if self._rows and self.isVisible():
            self._soon.start()

    def _draw(self) -> None:
        if self.plot is None:
            try:
                from app.ui.plots.bar_plot import BarPlot  # brings NumPy along
            except ImportError:
                return  # the history above tells of it; the table is there
            self.plot = BarPlot(self._theme)
            self._plot_room.addWidget(self.plot.widget)
        from app.ui.plots.bar_plot import Bars

        at = self._metric
        self.plot.show_rows(
            [
                Bars(
                    row.title,
                    row.measured[at],
                    row.predicted[at],
                    row.words[at],
                    row.predicted_words[at],
                )
                for row in self._rows
            ]
        )

    def _fill_table(self) -> None:
        while (item := self.table.takeAt(0)) is not None:
            part = item.widget()
            if part is not None:
                part.hide()
                part.deleteLater()
        heads = (tr("Way"), tr("Writes"), tr("Reads"), tr("Takes while it writes"), tr("Measured"))
        for column, words in enumerate(heads):
            self.table.addWidget(self._cell(words, "small", column), 0, column)
        for at, row in enumerate(self._rows, 1):
            self._fill_row(row, 2 * at - 1)

    def _fill_row(self, row: ResultRow, line: int) -> None:
        """Two lines: as measured, and as predicted."""
        self.table.addWidget(self._cell(row.title, "", 0), line, 0)
        for column, metric in enumerate(METRICS, 1):
            words = "—" if row.short and column > 1 else row.words[metric]
            self.table.addWidget(self._cell(words, "", column), line, column)
            foretold = self._cell(row.predicted_words[metric], "small", column)
            foretold.setContentsMargins(0, 0, 0, self._theme.space("xs"))
            self.table.addWidget(foretold, line + 1, column)
        last = len(METRICS) + 1
        self.table.addWidget(self._cell(row.when, "small", last), line, last)

    def _cell(self, words: str, kind: str, column: int) -> QLabel:
        made = label(words, kind, wrap=column == 0)
        if column:
            made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return made

    def _arrange(self) -> None:
        space = self._theme.space
        head = QHBoxLayout()
        head.setSpacing(space("s"))
        names = (tr("Writing"), tr("Reading"), tr("Memory"))
        for metric, name in zip(METRICS, names, strict=True):
            chip = QPushButton(name)
            chip.setProperty("role", "chip")
            chip.setCheckable(True)
            chip.setChecked(metric == self._metric)
            chip.clicked.connect(lambda _on, metric=metric: self._choose(metric))
            self._group.addButton(chip)
            self.chips[metric] = chip
            head.addWidget(chip)
        head.addStretch(1)
        head.addWidget(self.save)
        self.table.setHorizontalSpacing(space("l"))
        self.table.setVerticalSpacing(2)
        self.table.setColumnStretch(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space("s"))
        column.addLayout(head)
        column.addLayout(self._plot_room)
        column.addWidget(self.legend)
        column.addLayout(self.table)

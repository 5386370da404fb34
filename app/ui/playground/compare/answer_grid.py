"""The answers of a comparison: a line for each prompt with its settings, the ways beside it."""

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.store.comparisons.comparison_records import Place
from app.ui.look.theme import Theme
from app.ui.state.comparison.answer_texts import parting
from app.ui.state.comparison.comparison_words import (
    cell_titles,
    figures_in_words,
    row_in_words,
)
from app.ui.state.comparison.grid_controller import GridController
from app.ui.widgets.focus import tab_through
from app.ui.widgets.parts import label

from .answer_cell import AnswerCell

_LEAST_PX, _WIDEST_PX = 210, 600  # of a cell: others are read badly


class AnswerGrid(QWidget):
    """``chosen_changed`` when other cells are chosen; ``asked`` carries a Place and what is wanted
    of its answer.

    The keyboard comes to the answers after the part that they follow (``follows``).
    """

    chosen_changed = Signal()
    asked = Signal(object, str)

    def __init__(self, theme: Theme, controller: GridController, follows: QWidget) -> None:
        super().__init__()
        self._theme, self._controller, self.follows = theme, controller, follows
        self.cells: dict[Place, AnswerCell] = {}
        self._body: QWidget | None = None
        self._table = QGridLayout()
        self._heads: list[QLabel] = []
        self._columns = 1
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        controller.opened.connect(self.rebuild)
        controller.changed.connect(self._show_all)
        controller.grew.connect(self._show_touched)
        theme.changed.connect(self._show_all)

    @property
    def chosen(self) -> list[Place]:
        """The cells that are ticked, line by line."""
        return sorted(place for place, cell in self.cells.items() if cell.choose.isChecked())

    def choose_none(self) -> None:
        """Tick no cell."""
        for cell in self.cells.values():
            cell.choose.setChecked(False)

    def rebuild(self) -> None:
        """Cells for the comparison that is shown; none where there is none."""
        if self._body is not None:
            self._body.hide()
            self._body.deleteLater()
        self._body, self.cells, self._heads = None, {}, []
        if self._controller.shown is not None:
            self._build()
        self._show_all()
        self.chosen_changed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        if self._body is not None and self._beside() != self._columns:
            self._place()

    def _build(self) -> None:
        grid = self._controller.grid
        self._body = QWidget()
        self._body.setMaximumWidth(max(1, len(grid.ways)) * (_WIDEST_PX + self._theme.space("s")))
        self._table = QGridLayout(self._body)
        self._table.setContentsMargins(0, 0, 0, 0)
        self._table.setSpacing(self._theme.space("s"))
        several, titles = len(grid.rows) > 1, cell_titles(grid)
        for number, row in enumerate(grid.rows):
            prompt, settings = row_in_words(grid, row)
            self._heads.append(self._head(prompt, settings, several=several))
            for way, title in enumerate(titles):
                self._cell(Place(number, way), title)
        self._place()
        self._column.addWidget(self._body)
        in_order = [self.cells[place] for place in sorted(self.cells)]
        stops = [part for cell in in_order for part in (cell.choose, cell.more)]
        tab_through([self.follows, *stops])

    def _beside(self) -> int:
        """So many ways have room beside each other; the others stand below them."""
        ways, room = max(1, len(self._controller.grid.ways)), self.width() // _LEAST_PX
        if room >= ways:
            return ways
        return max(1, min(room, -(-ways // 2)))

    def _place(self) -> None:
        """Put heads and cells where they have room."""
        table, columns = self._table, self._beside()
        ways = max(1, len(self._controller.grid.ways))
        for column in range(max(columns, self._columns)):
            table.setColumnStretch(column, int(column < columns))
        self._columns, lines = columns, 1 - (-ways // columns)
        for number, head in enumerate(self._heads):
            table.addWidget(head, lines * number, 0, 1, columns)
        for place, cell in self.cells.items():
            line, column = divmod(place.way, columns)
            table.addWidget(cell, lines * place.row + 1 + line, column)

    def _head(self, prompt: str, settings: str, *, several: bool) -> QLabel:
        said = tr("{prompt} ({settings})").format(prompt=prompt, settings=settings)
        made = label(said if prompt else settings, "small", wrap=True)
        made.setContentsMargins(0, self._theme.space("s") if several else 0, 0, 0)
        return made

    def _cell(self, place: Place, way: str) -> AnswerCell:
        cell = self.cells[place] = AnswerCell(self._theme, place, way)
        cell.ticked.connect(self.chosen_changed)
        cell.asked.connect(lambda key: self.asked.emit(place, key))
        return cell

    def _show_all(self) -> None:
        self._show(self.cells)
        for place, cell in self.cells.items():
            first = Place(place.row, 0)
            known = self._controller.divergence(first, place) if place.way else None
            cell.show_difference(figures_in_words(known.figures) if known else "")

    def _show_touched(self) -> None:
        rows = {place.row for place in self._controller.touched}
        self._show(place for place in self.cells if place.row in rows)

    def _show(self, places: Iterable[Place]) -> None:
        controller = self._controller
        for place in places:
            answer, first = (controller.answers.get(one) for one in (place, Place(place.row, 0)))
            growing = controller.is_growing(place)
            both = place.way and first and answer and not growing
            whole = both and first and answer and not (first.failed or answer.failed)
            parts = parting(first, answer) if whole and first and answer else None
            self.cells[place].show_answer(
                answer, controller.text_at(place), growing=growing, parts=parts
            )

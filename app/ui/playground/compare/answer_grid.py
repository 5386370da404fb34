"""The answers of a comparison: a line for each prompt with its settings, the ways beside it."""

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.store.comparisons.comparison_records import Place
from app.ui.look.theme import Theme
from app.ui.state.comparison.answer_texts import parting
from app.ui.state.comparison.comparison_words import (
    figures_in_words,
    row_in_words,
    way_in_words,
)
from app.ui.state.comparison.grid_controller import GridController
from app.ui.widgets.parts import label

from .answer_cell import AnswerCell, keyboard_order


class AnswerGrid(QWidget):
    """``chosen_changed`` when other cells are chosen; ``asked`` carries a Place and what is wanted
    of its answer."""

    chosen_changed = Signal()
    asked = Signal(object, str)

    def __init__(self, theme: Theme, controller: GridController) -> None:
        super().__init__()
        self._theme, self._controller = theme, controller
        self.cells: dict[Place, AnswerCell] = {}
        self._body: QWidget | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        controller.opened.connect(self.rebuild)
        controller.changed.connect(self._show_all)
        controller.grew.connect(self._show_touched)
        theme.changed.connect(self.rebuild)

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
        self._body, self.cells = None, {}
        if self._controller.shown is not None:
            self._build()
        self._show_all()
        self.chosen_changed.emit()

    def _build(self) -> None:
        grid, space = self._controller.grid, self._theme.space
        self._body = QWidget()
        table = QGridLayout(self._body)
        table.setContentsMargins(0, 0, 0, 0)
        table.setHorizontalSpacing(space("s"))
        table.setVerticalSpacing(space("s"))
        ways = max(1, len(grid.ways))
        several = len(grid.rows) > 1
        for number, row in enumerate(grid.rows):
            prompt, settings = row_in_words(grid, row)
            table.addWidget(self._head(prompt, settings, several=several), 2 * number, 0, 1, ways)
            for way, one in enumerate(grid.ways):
                cell = self._cell(Place(number, way), way_in_words(one))
                table.addWidget(cell, 2 * number + 1, way)
        for way in range(ways):
            table.setColumnStretch(way, 1)
        table.setColumnStretch(ways, 0)
        keyboard_order([self.cells[place] for place in sorted(self.cells)])
        self._column.addWidget(self._body)

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

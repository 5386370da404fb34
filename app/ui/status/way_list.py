"""The ways of a model as boxes to tick, each with what it takes, or why there is no room."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from app.ui.look.theme import Theme
from app.ui.state.status.benchmark_words import WayChoice
from app.ui.widgets.parts import label


class WayList(QWidget):
    """``ticked`` carries a strategy and whether it is to be measured."""

    ticked = Signal(str, bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.space("m"))
        self._grid.setVerticalSpacing(theme.space("xs"))
        self._grid.setColumnStretch(1, 1)
        self.boxes: list[QCheckBox] = []
        self._figures: list[QLabel] = []
        self._choices: list[WayChoice] = []

    def show_choices(self, choices: Sequence[WayChoice], *, enabled: bool) -> None:
        """One line each; ``enabled``: whether they can be changed now."""
        while len(self.boxes) < len(choices):
            self._add()
        self._choices = list(choices)
        for at, (box, figures) in enumerate(zip(self.boxes, self._figures, strict=True)):
            there = at < len(choices)
            box.setVisible(there)
            figures.setVisible(there)
            if there:
                self._show(box, figures, choices[at], enabled=enabled)

    def _show(self, box: QCheckBox, figures: QLabel, choice: WayChoice, *, enabled: bool) -> None:
        box.setText(choice.title)
        box.setChecked(choice.chosen)
        box.setEnabled(enabled and choice.able)
        said = choice.why or choice.figures
        figures.setText(said)
        kind = "" if choice.measured and not choice.why else "dim"
        if figures.property("kind") != kind:
            figures.setProperty("kind", kind)
            figures.style().polish(figures)
        box.setAccessibleName(choice.title)
        box.setAccessibleDescription(said)

    def _add(self) -> None:
        at = len(self.boxes)
        box, figures = QCheckBox(), label("", "dim", wrap=True)
        box.clicked.connect(lambda on: self.ticked.emit(self._choices[at].strategy, on))
        self._grid.addWidget(box, at, 0)
        self._grid.addWidget(figures, at, 1)
        self.boxes.append(box)
        self._figures.append(figures)

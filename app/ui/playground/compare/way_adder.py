"""The models of a comparison as chips, and a line with which one more is added."""

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.messages.failures import one_line
from app.messages.translate import tr
from app.store.comparisons.comparison_records import MOST_WAYS, ModelRun
from app.ui.look.icons import icon
from app.ui.state.comparison.comparison_words import way_in_words
from app.ui.state.comparison.way_choices import WayChoices
from app.ui.state.services import Services
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import button, label

_SHORTENS = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class WayAdder(QWidget):
    """``changed`` carries the ways when one was added or taken away."""

    changed = Signal(object)

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._ways: tuple[ModelRun, ...] = ()
        self._listed: list[tuple[str, str]] = []
        self.choices = WayChoices(services, self)
        self.model, self.way = QComboBox(), QComboBox()
        for box, name in ((self.model, tr("Model to add")), (self.way, tr("How it runs"))):
            box.setAccessibleName(name)
            box.setSizeAdjustPolicy(_SHORTENS)
            box.setMinimumContentsLength(5)
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.add = button(tr("Add"), "plus")
        self.add.setAccessibleName(tr("Add this model to the comparison"))
        self.note = label("", "small", wrap=True)
        self.chips: list[QPushButton] = []
        self._shown = QWidget()
        self._flow = Flow(services.theme.space("s"), self._shown)
        self._arrange()
        self.model.activated.connect(self._choose)
        self.way.currentIndexChanged.connect(self._show_note)
        self.add.clicked.connect(self._add)
        self.choices.changed.connect(self._list_ways)
        services.library.changed.connect(self.look)
        services.session.was_opened.connect(self.look)

    def show_ways(self, ways: tuple[ModelRun, ...]) -> None:
        """Show these as chips; a press takes one away."""
        self._ways = ways
        for chip in self.chips:
            chip.hide()
            chip.deleteLater()
        self.chips = [self._chip(way) for way in ways]
        for chip in self.chips:
            self._flow.addWidget(chip)
        self._shown.setVisible(bool(ways))
        strategy = self.way.currentData()
        if strategy:
            self.way.setCurrentIndex(self.way.findData(self._next(strategy)))
        self._show_note()

    def look(self) -> None:
        """List the models of this disk, and the ways of the one that is chosen."""
        found = self.choices.models
        if found != self._listed:
            chosen = str(self.choices.path or "")
            self._listed = found
            self.model.clear()
            for title, place in found:
                self.model.addItem(title, place)
            self.model.setCurrentIndex(max(0, self.model.findData(chosen)))
        if found:
            self._choose()

    def _choose(self) -> None:
        self.choices.choose(Path(str(self.model.currentData())))

    def _list_ways(self) -> None:
        before = self.way.currentData()
        wanted = before if self._knows(before) else self.choices.recommended
        if not before:
            wanted = self._next(wanted)
        blocked = QSignalBlocker(self.way)  # nothing is chosen meanwhile that could be added
        self.way.clear()
        for choice in self.choices.ways:
            self.way.addItem(choice.title, choice.way.strategy)
        self.way.setCurrentIndex(max(0, self.way.findData(wanted)))
        blocked.unblock()
        self._show_note()

    def _next(self, strategy: str) -> str:
        """This way, or where it is there already the next one that has room."""
        ways = self.choices.ways
        at = next((n for n, one in enumerate(ways) if one.way.strategy == strategy), 0)
        left = (one for one in (*ways[at:], *ways[:at]) if one.way not in self._ways)
        return next((one.way.strategy for one in left if not one.why), strategy)

    def _knows(self, strategy: object) -> bool:
        return any(choice.way.strategy == strategy for choice in self.choices.ways)

    def _add(self) -> None:
        at = self.way.currentIndex()
        if 0 <= at < len(self.choices.ways) and len(self._ways) < MOST_WAYS:
            way = self.choices.ways[at].way
            if way not in self._ways:
                self.changed.emit((*self._ways, way))

    def _remove(self, way: ModelRun) -> None:
        self.changed.emit(tuple(one for one in self._ways if one != way))

    def _show_note(self) -> None:
        """Why the way that is chosen has no room now, or cannot be added."""
        at, choices = self.way.currentIndex(), self.choices
        chosen = choices.ways[at] if 0 <= at < len(choices.ways) else None
        there = chosen is not None and chosen.way in self._ways
        full = len(self._ways) >= MOST_WAYS
        self.add.setEnabled(chosen is not None and not there and not full)
        said = ""
        if choices.failure is not None:
            said = one_line(choices.failure)
        elif full:
            said = tr("These are {} models, the most that stand beside each other.").format(
                MOST_WAYS
            )
        elif there:
            said = tr("It is there already.")
        elif chosen is not None:
            said = chosen.why
        self.note.setText(said)
        self.note.setVisible(bool(said))

    def _chip(self, way: ModelRun) -> QPushButton:
        words = way_in_words(way)
        chip = QPushButton(words)
        chip.setProperty("role", "chip")
        chip.setIcon(icon("close", "text-dim", 12))
        chip.setIconSize(QSize(18, 12))
        chip.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        chip.setToolTip(tr("Take it out of the comparison"))
        chip.setAccessibleName(tr("Take {} out of the comparison").format(words))
        chip.clicked.connect(lambda: self._remove(way))
        return chip

    def _arrange(self) -> None:
        space = self._services.theme.space
        line = QHBoxLayout()
        line.setSpacing(space("s"))
        line.addWidget(self.model, 1)
        line.addWidget(self.way, 1)
        line.addWidget(self.add)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space("s"))
        column.addWidget(self._shown)
        column.addLayout(line)
        column.addWidget(self.note)

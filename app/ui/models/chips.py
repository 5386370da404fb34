"""The chips above the list: two that are on or off, and those that offer a choice."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.state.models.entry import Entry
from app.ui.state.models.kinds import MODEL_KINDS, USELESS, kind_name, language_name
from app.ui.state.models.model_filter import ORDERS, SIZES, ModelFilter, size_class
from app.ui.widgets.flow_layout import Flow

Choices = dict[str, str]


class Chips(QWidget):
    """``changed`` when the person chose something; ``narrowing`` holds it, without words."""

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Filters"))
        self.fits = _toggle(tr("Fits"), tr("Only what fits this computer"))
        self.here = _toggle(tr("Downloaded"), tr("Only what is on this computer"))
        self.generation = Choice(tr("Generation"))
        self.scale = Choice(tr("Size"))
        self.kind = Choice(tr("Kind"))
        self.language = Choice(tr("Language"))
        self.order = Choice(tr("Sort"), usual="best")
        self._row = row = Flow(theme.space("xs"), self)
        for chip in (self.fits, self.here):
            chip.clicked.connect(self.changed)
            row.addWidget(chip)
        for choice in (self.generation, self.scale, self.kind, self.language, self.order):
            choice.chosen.connect(self.changed)
            row.addWidget(choice)
        self.order.offer(order_choices())

    def add(self, widget: QWidget) -> None:
        """Something behind the chips."""
        self._row.addWidget(widget)

    def show_for(self, entries: Sequence[Entry]) -> None:
        """Offer what is there; a choice that is gone gives way to all."""
        self.generation.offer(_generations(entries))
        self.scale.offer(_sizes(entries))
        self.kind.offer(_kinds(entries))
        self.language.offer(_languages(entries))

    @property
    def narrowing(self) -> ModelFilter:
        """What is chosen."""
        return ModelFilter(
            fits=self.fits.isChecked(),
            here=self.here.isChecked(),
            generation=self.generation.value,
            size=self.scale.value,
            kind=self.kind.value,
            language=self.language.value,
            order=self.order.value,
        )

    def clear(self) -> None:
        """Leave nothing out; the order stays."""
        for chip in (self.fits, self.here):
            chip.setChecked(False)
        for choice in (self.generation, self.scale, self.kind, self.language):
            choice.choose("")
        self.changed.emit()


class Choice(QPushButton):
    """A chip with a menu; ``value`` is what is chosen in it, ``usual`` where nothing is."""

    chosen = Signal()

    def __init__(self, name: str, usual: str = "") -> None:
        super().__init__(name)
        self._name, self._usual = name, usual
        self.value = usual
        self._choices: Choices = {}
        self.setProperty("role", "chip")
        self.setIcon(icon("chevron-down", "text-dim", 14))
        self.setIconSize(QSize(14, 14))
        self.setLayoutDirection(self.layoutDirection().RightToLeft)
        self._menu = QMenu(self)
        self._group = QActionGroup(self)
        self.setMenu(self._menu)
        self._say()

    def offer(self, choices: Choices) -> None:
        """Values with their words; the chip hides where there is nothing to choose between."""
        if choices == self._choices:
            return
        self._choices = choices
        for action in self._group.actions():
            self._group.removeAction(action)
        self._menu.clear()
        for value, words in choices.items():
            action = self._menu.addAction(words.replace("&", "&&"))
            action.setCheckable(True)
            action.setData(value)
            action.setChecked(value == self.value)
            action.triggered.connect(self._take)
            self._group.addAction(action)
        self.setVisible(len(choices) > 1)
        if self.value not in choices and choices:
            self.choose(self._usual)
            self.chosen.emit()
        self._say()

    def choose(self, value: str) -> None:
        """Choose without telling anyone."""
        self.value = value
        for action in self._group.actions():
            action.setChecked(action.data() == value)
        self._say()

    def _take(self) -> None:
        action = self._group.checkedAction()
        if action is not None and action.data() != self.value:
            self.choose(str(action.data()))
            self.chosen.emit()

    def _say(self) -> None:
        chosen = self.value != self._usual
        words = self._choices.get(self.value, "") if chosen else ""
        self.setText((words or self._name).replace("&", "&&"))
        self.setAccessibleName(f"{self._name}: {words}" if words else self._name)
        if self.property("chosen") != chosen:
            self.setProperty("chosen", chosen)
            self.style().unpolish(self)
            self.style().polish(self)


def order_choices() -> Choices:
    """The orders there are."""
    words = {
        "best": tr("Best first"),
        "newest": tr("Newest first"),
        "name": tr("By name"),
        "smallest": tr("Smallest first"),
        "largest": tr("Largest first"),
    }
    return {order: words[order] for order in ORDERS}


def _generations(entries: Sequence[Entry]) -> Choices:
    digits = sorted({one.generation[0] for one in entries if one.generation}, reverse=True)
    return {"": tr("Every generation")} | {digit: f"RWKV-{digit}" for digit in digits}


def _sizes(entries: Sequence[Entry]) -> Choices:
    words = {
        "tiny": tr("Up to 0.3B"),
        "small": tr("0.3 to 1B"),
        "middle": tr("1 to 4B"),
        "large": tr("Over 4B"),
    }
    there = {size_class(one.parameters) for one in entries}
    return {"": tr("Every size")} | {name: words[name] for name, *_ in SIZES if name in there}


def _kinds(entries: Sequence[Entry]) -> Choices:
    there = {one.kind for one in entries}
    kinds = {kind: kind_name(kind) for kind in MODEL_KINDS if kind in there}
    useless = any(one.reason or one.kind in USELESS for one in entries)
    return {"": tr("Every kind")} | kinds | ({"useless": tr("Not usable")} if useless else {})


def _languages(entries: Sequence[Entry]) -> Choices:
    codes = {code for one in entries for code in one.languages}
    named = {code: language_name(code) for code in codes}
    by_name = sorted(named, key=lambda code: (code != "multi", named[code]))
    return {"": tr("Every language")} | {code: named[code] for code in by_name}


def _toggle(words: str, tip: str) -> QPushButton:
    chip = QPushButton(words)
    chip.setAccessibleName(words)
    chip.setToolTip(tip)
    chip.setProperty("role", "chip")
    chip.setCheckable(True)
    return chip

"""The chips above the list: all, those that fit, one generation, or the files that are no use."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QPushButton, QWidget

from app.ui.theme import Theme
from app.ui.widgets.flow import Flow

from .entry import Entry


class Kinds(QWidget):
    """``chosen`` carries "", "fits", "unusable", or a generation's first digit."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Kinds of model"))
        self.kind = ""
        self._group = QButtonGroup(self, exclusive=True)
        self._chips: dict[str, QPushButton] = {}
        self._row = Flow(theme.space("xs"), self)

    def show_for(self, entries: Sequence[Entry]) -> None:
        """A chip for each kind that is there; a chosen one that is gone gives way to all."""
        kinds = kinds_of(entries)
        if list(kinds) != list(self._chips):
            self._build(kinds)
        if self.kind not in kinds:
            self.choose("")

    def choose(self, kind: str) -> None:
        """Press a chip."""
        self.kind = kind
        if kind in self._chips:
            self._chips[kind].setChecked(True)
        self.chosen.emit(kind)

    def _build(self, kinds: dict[str, str]) -> None:
        names = {"": self.tr("All"), "fits": self.tr("Fits"), "unusable": self.tr("Not usable")}
        for chip in self._chips.values():
            self._group.removeButton(chip)
            self._row.removeWidget(chip)
            chip.deleteLater()
        self._chips = {}
        for kind, name in kinds.items():
            chip = QPushButton(name or names[kind])
            chip.setAccessibleName(chip.text())
            chip.setProperty("role", "chip")
            chip.setCheckable(True)
            chip.setChecked(kind == self.kind)
            chip.clicked.connect(lambda _on, kind=kind: self.choose(kind))
            self._group.addButton(chip)
            self._row.addWidget(chip)
            self._chips[kind] = chip


def kinds_of(entries: Sequence[Entry]) -> dict[str, str]:
    """The kinds worth a chip, with the name of those that have one of their own."""
    generations = sorted({one.generation[0] for one in entries if one.usable}, reverse=True)
    kinds = {"": "", "fits": ""} | {digit: f"RWKV-{digit}" for digit in generations}
    return kinds | ({"unusable": ""} if any(not one.usable for one in entries) else {})

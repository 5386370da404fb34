"""A row of tabs over what the playground consists of, one part of it at a time."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QTabBar, QToolButton, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.commands import Command
from app.ui.widgets.parts import rule

from .playground_part import PlaygroundPart


class PlaygroundTabs(QWidget):
    """The first tab is the page's ``own``, the others are parts by themselves (``add``).

    ``part_changed`` when another one has come to the front; ``front`` is the part that is there,
    None for the page's own.  The row is there as soon as there is more than one.
    """

    part_changed = Signal()

    def __init__(self, theme: Theme, own: QWidget, title: str) -> None:
        super().__init__()
        self.parts: list[PlaygroundPart] = []
        self._keys = [""]
        self.bar = QTabBar()
        self.bar.setObjectName("parts")
        self.bar.setAccessibleName(tr("Parts of the playground"))
        self.bar.setDrawBase(False)
        self.bar.setExpanding(False)
        self.bar.setUsesScrollButtons(False)
        self.bar.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for scroller in self.bar.findChildren(QToolButton):  # never shown, but Qt names them
            scroller.setAccessibleName(tr("More tabs"))
        self.bar.addTab(title)
        names = tr("Tabs to the left"), tr("Tabs to the right")
        for arrow, name in zip(self.bar.findChildren(QToolButton), names, strict=True):
            arrow.setAccessibleName(name)  # else Qt's, in English
        self._line = rule()
        self._stack = QStackedWidget()
        self._stack.addWidget(own)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self._line)
        column.addWidget(self._stack, 1)
        self.bar.hide()
        self._line.hide()
        self.bar.currentChanged.connect(self._turn)

    @property
    def front(self) -> PlaygroundPart | None:
        """The part that is in front; None for the page's own."""
        index = self._stack.currentIndex()
        return self.parts[index - 1] if index > 0 else None

    def add(self, key: str, title: str, part: PlaygroundPart) -> None:
        """One more tab, behind the others."""
        self.parts.append(part)
        self._keys.append(key)
        self._stack.addWidget(part)
        self.bar.addTab(title)
        self.bar.show()
        self._line.show()

    def show_part(self, key: str = "") -> None:
        """Bring a part to the front; "" is the page's own."""
        self.bar.setCurrentIndex(self._keys.index(key))

    def show_next(self, step: int = 1) -> None:
        """Bring the part to the front that is so many tabs further, in a circle."""
        self.bar.setCurrentIndex((self.bar.currentIndex() + step) % len(self._keys))

    def commands(self) -> Sequence[Command]:
        """The way from one part to another."""
        if not self.parts:
            return ()
        group, back = tr("Playground"), partial(self.show_next, -1)
        return (
            Command(tr("Next tab"), self.show_next, "Ctrl+PgDown", "chevron-right", group),
            Command(tr("Tab before"), back, "Ctrl+PgUp", "chevron-left", group),
        )

    def _turn(self, index: int) -> None:
        if 0 <= index != self._stack.currentIndex():
            self._stack.setCurrentIndex(index)
            self.part_changed.emit()

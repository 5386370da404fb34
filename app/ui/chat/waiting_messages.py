"""The messages that wait until the reply before them has ended, each with a way back."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.widgets.parts import Elided, icon_button, label


class WaitingMessages(QWidget):
    """``taken_back`` carries the number of one that shall be written on, and not be sent."""

    taken_back = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(4)
        self.hide()

    def show_texts(self, texts: Sequence[str]) -> None:
        """Show these, the next one first."""
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for number, text in enumerate(texts):
            self._rows.addWidget(self._row(number, text))
        self.setVisible(bool(texts))

    def _row(self, number: int, text: str) -> QWidget:
        made = QFrame()
        made.setProperty("card", "true")
        row = QHBoxLayout(made)
        row.setContentsMargins(10, 4, 4, 4)
        row.addWidget(label(tr("Next") if number == 0 else tr("Then"), "small"))
        words = Elided(text, "small")
        words.setAccessibleName(tr("Waits to be sent: {}").format(text))
        row.addWidget(words, 1)
        back = icon_button("edit", tr("Take it back into the field"), 14)
        back.clicked.connect(lambda: self.taken_back.emit(number))
        row.addWidget(back)
        return made

"""The fold above a reply that was thought about first."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.messages.translate import tr, tr_n
from app.ui.look.icons import icon
from app.ui.widgets.parts import button

_HEIGHT = 30


class ThoughtHead(QWidget):
    """One line with the fold's state; ``toggled`` when it shall be opened or closed.

    ``ended`` when the thought that still grows shall end now.
    """

    toggled = Signal()
    ended = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._button = button("", "chevron-right", role="fold")
        self._button.clicked.connect(self.toggled)
        self.end = button(tr("End thinking now"), role="link")
        self.end.clicked.connect(self.ended)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._button)
        row.addWidget(self.end)
        row.addStretch()

    def show_state(self, *, unfolded: bool, thinking: bool, words: int) -> None:
        """Whether the thought is shown, whether it still grows, and how long it is."""
        if thinking:
            text = tr_n("Thinking…  {} word", "Thinking…  {} words", words).format(words)
        else:
            text = tr_n("Thought first  ·  {} word", "Thought first  ·  {} words", words).format(
                words
            )
        self.end.setVisible(thinking)
        self._button.setText(text)
        self._button.setIcon(icon("chevron-down" if unfolded else "chevron-right", "text-dim", 16))
        hide, show = tr("Hide the thought"), tr("Show the thought")
        self._button.setAccessibleName(f"{hide if unfolded else show}: {text}")

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        return max(_HEIGHT, self.sizeHint().height())

"""The button over the words that leads to their end, or to what came there meanwhile."""

from PySide6.QtWidgets import QPushButton, QWidget

from app.messages.translate import tr
from app.ui.widgets.parts import button

_EDGE = 12


class JumpButton:
    """At the foot of a viewport, in its middle; hidden while the end is in sight."""

    def __init__(self, above: QWidget, viewport: QWidget) -> None:
        self._viewport = viewport
        self.button: QPushButton = button(tr("To the end"), "arrow-down", role="jump")
        self.button.setParent(above)
        self.button.setAccessibleName(tr("Go to the end of the conversation"))
        self.button.hide()

    def offer(self, *, at_end: bool) -> None:
        """The reader has left the end, or come to it."""
        self.button.setText(tr("To the end"))
        self.button.setVisible(not at_end)
        self.button.raise_()
        self.place()

    def note_new_words(self) -> None:
        """Something was written there that the reader does not see."""
        if self.button.text() != tr("New words"):
            self.button.setText(tr("New words"))
            self.place()

    def place(self) -> None:
        """Where it lies now."""
        size = self.button.sizeHint()
        left = (self._viewport.width() - size.width()) // 2
        top = self._viewport.height() - size.height() - _EDGE
        self.button.setGeometry(left, top, size.width(), size.height())

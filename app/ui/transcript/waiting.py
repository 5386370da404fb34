"""What stands where a reply will be: that the model is being opened, or how far it has read."""

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from app.messages.translate import tr
from app.messages.units import whole
from app.ui.widgets.parts import label

_HEIGHT = 30
_WORTH_A_NUMBER = 64


class Waiting(QWidget):
    """A bar that only moves when something is done, and the number beside it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = label(tr("Thinking about it…"), "dim")
        self._bar = QProgressBar(textVisible=False)
        self._bar.setFixedWidth(160)
        self._bar.setAccessibleName(tr("How much of the prompt has been read"))
        self._bar.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self._words)
        row.addWidget(self._bar)
        row.addStretch()

    def show_loading(self, done: int, total: int) -> None:
        """The model is being opened: ``done`` of ``total`` layers are in memory."""
        words = tr("Opening the model…")
        if total:
            words = tr("Opening the model: layer {} of {}").format(done, total)
        self._show(words, done, total)

    def show_reading(self, done: int, total: int) -> None:
        """``done`` of ``total`` tokens of the prompt have been read."""
        if total < _WORTH_A_NUMBER or done >= total:
            self._show(tr("Writing…"), 0, 0)
            return
        words = tr("Reading the conversation: {} of {} tokens")
        self._show(words.format(whole(done), whole(total)), done, total)

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        return max(_HEIGHT, self.sizeHint().height())

    def _show(self, words: str, done: int, total: int) -> None:
        self._words.setText(words)
        self._bar.setVisible(total > 0)
        self._bar.setRange(0, max(total, 1))
        self._bar.setValue(done)

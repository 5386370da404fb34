"""What a page shows when there is nothing to show: a picture, one sentence, one button."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme

from .parts import button, label

_WIDEST = 480


class Blank(QWidget):
    """An empty, waiting or failed page; ``pressed`` when its one button is."""

    pressed = Signal()

    def __init__(self, theme: Theme, picture: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._picture = theme, picture
        self._art = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._title = label("", "section", wrap=True)
        self._words = label("", "dim", wrap=True)
        self._button = button("", role="primary")
        self._button.clicked.connect(self.pressed)
        for words in (self._title, self._words):
            words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            words.setMaximumWidth(_WIDEST)
        self._arrange()
        theme.changed.connect(self._paint_art)
        self._paint_art()

    def say(self, title: str, words: str, verb: str = "", *, picture: str = "") -> None:
        """Show a sentence, what it means, and what the button does (none without ``verb``)."""
        self._title.setText(title)
        self._words.setText(words)
        self._button.setText(verb)
        self._button.setAccessibleName(verb or tr("No action"))
        self._button.setVisible(bool(verb))
        if picture:
            self._picture = picture
            self._paint_art()

    def take_keyboard(self) -> None:
        """Give the button the focus."""
        self._button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _arrange(self) -> None:
        theme, centre = self._theme, Qt.AlignmentFlag.AlignHCenter
        column = QVBoxLayout(self)
        column.setSpacing(theme.space("s"))
        column.addStretch(2)
        column.addWidget(self._art, 0, centre)
        column.addSpacing(theme.space("xs"))
        for words in (self._title, self._words):
            column.addLayout(_centred(words))
        column.addSpacing(theme.space("s"))
        column.addWidget(self._button, 0, centre)
        column.addStretch(3)

    def _paint_art(self) -> None:
        self._art.setPixmap(pixmap(self._picture, "edge", 40, self.devicePixelRatioF()))


def _centred(words: QLabel) -> QHBoxLayout:
    """In the middle, with the height that its wrapped lines need: an alignment would not ask."""
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(words, 1000)
    row.addStretch(1)
    return row

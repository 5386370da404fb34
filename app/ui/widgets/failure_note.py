"""What went wrong, in words, with the details to copy; nothing where nothing did."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout

from app.errors import Failure
from app.messages.translate import tr
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme
from app.ui.state.notices import details_of
from app.ui.widgets.parts import button, label


class FailureNote(QFrame):
    """Hidden until ``show_failure`` has one."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("failed", "true")
        self._details = ""
        self._picture = QLabel()
        self._picture.setFixedSize(QSize(18, 18))
        self.title, self.words = label("", "strong", wrap=True), label("", wrap=True)
        copy = button(tr("Copy details"), "copy", role="link")
        copy.clicked.connect(self._copy)
        space = theme.space
        head = QHBoxLayout()
        head.setSpacing(space("s"))
        head.addWidget(self._picture)
        head.addWidget(self.title, 1)
        head.addWidget(copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("m"), space("s"), space("m"), space("s"))
        column.setSpacing(space("xs"))
        column.addLayout(head)
        column.addWidget(self.words)
        theme.changed.connect(self._paint)
        self._paint()
        self.hide()

    def show_failure(self, failure: Failure | None, about: str = "") -> None:
        """Say it; ``about`` is what it happened to."""
        self.setVisible(failure is not None)
        if failure is None:
            return
        from app.messages.failures import say  # the sentences are read only when one is needed

        words = say(failure)
        title = tr("{}: {}").format(about, words.title) if about else words.title
        self._details = f"{title}\n{words.sentences}\n\n{details_of(failure)}"
        self.title.setText(title)
        self.words.setText(words.sentences)
        self.setAccessibleName(f"{title}. {words.sentences}")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._details)

    def _paint(self) -> None:
        self._picture.setPixmap(pixmap("alert", "bad", 18, self.devicePixelRatioF()))

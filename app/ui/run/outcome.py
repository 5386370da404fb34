"""What went wrong when a model was to run in another way, and what runs now instead."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout

from app.errors import Failure
from app.messages.translate import tr
from app.runtime.protocol.messages import Loaded
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme
from app.ui.state.models.model_names import plain_name, plain_way
from app.ui.state.notices import details_of
from app.ui.widgets.parts import button, label


class Outcome(QFrame):
    """Hidden until ``show_failure`` has one."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("failed", "true")
        self._theme = theme
        self._details = ""
        self._picture = QLabel()
        self._picture.setFixedSize(QSize(18, 18))
        self._title, self._words = label("", "strong", wrap=True), label("", wrap=True)
        self.now = label("", "dim", wrap=True)
        self._copy = button(tr("Copy details"), "copy", role="link")
        self._copy.clicked.connect(self._copy_details)
        space = theme.space
        head = QHBoxLayout()
        head.setSpacing(space("s"))
        head.addWidget(self._picture)
        head.addWidget(self._title, 1)
        head.addWidget(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("m"), space("s"), space("m"), space("s"))
        column.setSpacing(space("xs"))
        column.addLayout(head)
        column.addWidget(self._words)
        column.addWidget(self.now)
        theme.changed.connect(self._paint)
        self._paint()
        self.hide()

    def show_failure(self, failure: Failure | None, runs: Loaded | None) -> None:
        """Say it in words; ``runs`` is the model that runs as before."""
        self.setVisible(failure is not None)
        if failure is None:
            return
        from app.messages.failures import say  # the sentences are read only when one is needed

        words = say(failure)
        self._details = f"{words.title}\n{words.sentences}\n\n{details_of(failure)}"
        self._title.setText(words.title)
        self._words.setText(words.sentences)
        self.now.setVisible(runs is not None)
        if runs is not None:
            name = plain_name(runs.name, runs.spec.parameters)
            said = tr("{} runs as before: {}.")
            self.now.setText(said.format(name, plain_way(runs.strategy)))
        self.setAccessibleName(f"{words.title}. {words.sentences} {self.now.text()}")

    def _copy_details(self) -> None:
        QGuiApplication.clipboard().setText(self._details)

    def _paint(self) -> None:
        self._picture.setPixmap(pixmap("alert", "bad", 18, self.devicePixelRatioF()))

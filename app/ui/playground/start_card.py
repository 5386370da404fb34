"""Below an empty text: examples to begin with, or what is missing before a model can go on."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.widgets.parts import button, label

EXAMPLES = (
    "User: What is RWKV?\n\nAssistant:",
    "User: What is a state?\n\nAssistant:",
    "User: Hello!\n\nAssistant: Hello! Ask me about RWKV.\n\nUser: What does temperature do?\n\n"
    "Assistant:",
    "User: How does RWKV differ from a transformer?\n\nAssistant: RWKV",
)
"""Texts that the guide which comes with the program goes on with, in the format it was taught."""


class StartCard(QWidget):
    """``chosen`` carries the text of an example, ``templates_wanted`` asks for the templates.

    ``models_wanted`` leads to the models, where none is open.
    """

    chosen = Signal(str)
    templates_wanted = Signal()
    models_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = label("", "section", wrap=True)
        self._words = label("", "dim", wrap=True)
        self._grid = QWidget()
        self._columns = 0
        self.models = button(tr("Choose a model"), "models", role="primary")
        self.models.clicked.connect(self.models_wanted)
        self.templates = button(tr("All templates"), "file", role="link")
        self.templates.clicked.connect(self.templates_wanted)
        titles = (
            tr("Ask what RWKV is"),
            tr("Ask what a state is"),
            tr("Go on with a conversation"),
            tr("Begin the answer yourself"),
        )
        self.examples = [
            self._example(title, text) for title, text in zip(titles, EXAMPLES, strict=True)
        ]
        self._arrange(theme)
        self.show_ready()

    def show_ready(self) -> None:
        """A model is there."""
        self._say(
            tr("Begin with a text, or with one of these"),
            tr("Write above, and press Ctrl+Enter: the model goes on where the text ends."),
        )

    def show_opening(self) -> None:
        """A model is being opened."""
        self._say(
            tr("The model is being opened"),
            tr("You can write already: it goes on as soon as it is in memory."),
        )

    def show_nothing(self, why: str = "") -> None:
        """There is none, or one that has no words (``why``)."""
        words = why or tr("Choose one that is on this computer, or open the small guide.")
        self._say(tr("No model is open") if not why else tr("This model has no words"), words)
        self.models.show()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Two beside each other where both have room for their words."""
        super().resizeEvent(event)
        widest = max(one.sizeHint().width() for one in self.examples)
        columns = 2 if self._grid.width() >= 2 * widest + self._places.spacing() else 1
        if columns != self._columns:
            self._columns = columns
            for number, example in enumerate(self.examples):
                self._places.addWidget(example, number // columns, number % columns)

    def _say(self, title: str, words: str) -> None:
        self._title.setText(title)
        self._words.setText(words)
        self.models.hide()

    def _example(self, title: str, text: str) -> QPushButton:
        made = button(title, role="question")
        made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        made.clicked.connect(lambda: self.chosen.emit(text))
        return made

    def _arrange(self, theme: Theme) -> None:
        space = theme.space
        grid = self._places = QGridLayout(self._grid)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(space("s"))
        inside = QWidget()
        inside.setMaximumWidth(theme.column)
        column = QVBoxLayout(inside)
        column.setContentsMargins(space("xl"), space("s"), space("xl"), space("s"))
        column.setSpacing(space("s"))
        column.addWidget(self._title)
        column.addWidget(self._words)
        column.addWidget(self.models, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._grid)
        column.addWidget(self.templates, 0, Qt.AlignmentFlag.AlignLeft)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(inside, 1000)
        row.addStretch(1)

"""An empty conversation: one sentence, and questions that can be asked with a click."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.ui.icons import pixmap
from app.ui.theme import Theme
from app.ui.widgets.parts import button, label

_COLUMNS = 2
_WIDEST = 620
_QUESTION_X, _QUESTION_Y = 14, 10


class Welcome(QWidget):
    """``asked`` carries the question that was pressed, ``models_wanted`` leads to the models."""

    asked = Signal(str)
    models_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._said: tuple[str, str, tuple[str, ...]] = ("", "", ())
        self._art = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._title = label("", "title", wrap=True)
        self._words = label("", "dim", wrap=True)
        for words in (self._title, self._words):
            words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._choose = button(self.tr("Choose a model"), "models", role="primary")
        self._choose.clicked.connect(self.models_wanted)
        self._questions = QWidget()
        self._grid = QGridLayout(self._questions)
        self._arrange()
        theme.changed.connect(self._paint)
        self._paint()

    def show_guide(self) -> None:
        """The small guide that ships with the program is open."""
        self._say(
            self.tr("Ask the guide"),
            self.tr(
                "This tiny model runs on any computer and knows only Rookery and RWKV."
                " For everything else, open a real model."
            ),
            (
                self.tr("What is RWKV?"),
                self.tr("Which model fits my machine?"),
                self.tr("How do I download a model?"),
                self.tr("What is a state?"),
            ),
        )

    def show_model(self, name: str) -> None:
        """A model that talks about anything is open."""
        self._say(
            self.tr("What shall we talk about?"),
            self.tr("{} is ready. Everything stays on this computer.").format(name),
            (
                self.tr("Explain how a heat pump works"),
                self.tr("Write a Python function that finds the primes below n"),
                self.tr("Compare three ways to learn a language, in a table"),
                self.tr("Tell a short story about a rook and a lighthouse"),
            ),
        )

    def show_opening(self) -> None:
        """A model is being opened."""
        words = self.tr("You can write already: it answers as soon as it is in memory.")
        self._say(self.tr("The model is being opened"), words, ())

    def show_nothing(self) -> None:
        """No model is open."""
        words = self.tr("Choose one that is on this computer, or open the small guide.")
        self._say(self.tr("No model is open"), words, (), choose=True)

    def _say(
        self, title: str, words: str, questions: tuple[str, ...], *, choose: bool = False
    ) -> None:
        if (title, words, questions) == self._said:
            return
        self._said = (title, words, questions)
        self._title.setText(title)
        self._words.setText(words)
        self._choose.setVisible(choose)
        while (item := self._grid.takeAt(0)) is not None:
            item.widget().deleteLater()  # type: ignore[union-attr]
        for number, question in enumerate(questions):
            asked = self._question(question)
            self._grid.addWidget(asked, number // _COLUMNS, number % _COLUMNS)
        self._questions.setVisible(bool(questions))

    def _question(self, words: str) -> QPushButton:
        made = _Question(words)
        made.clicked.connect(lambda: self.asked.emit(words))
        return made

    def _arrange(self) -> None:
        space, centre = self._theme.space, Qt.AlignmentFlag.AlignHCenter
        inside = QWidget()
        inside.setMaximumWidth(_WIDEST)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space("s"))
        column.addWidget(self._art)
        column.addSpacing(space("xs"))
        column.addWidget(self._title)
        column.addWidget(self._words)
        column.addSpacing(space("l"))
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(space("s"))
        column.addWidget(self._questions)
        column.addWidget(self._choose, 0, centre)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(inside, 1000)
        across.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(space("xl"), 0, space("xl"), 0)
        outer.addStretch(2)
        outer.addLayout(across)
        outer.addStretch(3)

    def _paint(self) -> None:
        self._art.setPixmap(pixmap("rookery", "accent", 44, self.devicePixelRatioF()))


class _Question(QPushButton):
    """A button whose words may take two lines."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.setProperty("role", "question")
        self.setAccessibleName(words)
        self._words = label(words, wrap=True)
        self._words.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        column = QVBoxLayout(self)
        column.setContentsMargins(_QUESTION_X, _QUESTION_Y, _QUESTION_X, _QUESTION_Y)
        column.addWidget(self._words)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        lines = self._words.heightForWidth(width - 2 * _QUESTION_X)
        return max(lines, 2 * self.fontMetrics().lineSpacing()) + 2 * _QUESTION_Y

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(260, self.heightForWidth(260))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(120, 2 * _QUESTION_Y)

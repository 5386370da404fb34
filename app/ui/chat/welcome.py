"""An empty conversation: one sentence, and questions that can be asked with a click.

At the first start, models that fit this machine stand between.
"""

from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.icons import pixmap
from app.ui.state.services import Services
from app.ui.widgets.parts import button, label

from .first_models import FirstModels

_COLUMNS = 2
_WIDEST = 700
_QUESTION_X, _QUESTION_Y = 14, 10


class Welcome(QWidget):
    """``asked`` carries the question that was pressed, ``models_wanted`` leads to the models.

    ``opened`` carries the path of a model to talk with.  ``arranged`` when ``stops`` are others.
    """

    asked = Signal(str)
    models_wanted = Signal()
    opened = Signal(Path)
    arranged = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme = services.theme
        self._theme = theme
        self.first = FirstModels(services)
        self._or = label(tr("Or let the small guide explain RWKV; it can be wrong"), "strong")
        self._guided = False
        self._said: tuple[str, str, tuple[str, ...]] = ("", "", ())
        self._art = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._title = label("", "title", wrap=True)
        self._words = label("", "dim", wrap=True)
        for words in (self._title, self._words):
            words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._choose = button(tr("Choose a model"), "models", role="primary")
        self._choose.clicked.connect(self.models_wanted)
        self._questions = QWidget()
        self._grid = QGridLayout(self._questions)
        self._arrange()
        theme.changed.connect(self._paint)
        self.first.changed.connect(self._show_first)
        self.first.opened.connect(self.opened)
        self.first.all_wanted.connect(self.models_wanted)
        self._paint()

    @property
    def stops(self) -> list[QWidget]:
        """Where Tab stops, as it is read."""
        places = range(self._grid.count())
        asked = [self._grid.itemAt(at).widget() for at in places]  # type: ignore[union-attr]
        return [*self.first.stops, *filter(None, asked), self._choose]

    def show_guide(self) -> None:
        """The small guide that ships with the program is open."""
        self._guided = True
        self.first.look()
        self._show_first()

    def _show_first(self) -> None:
        """With the guide alone, what to take first stands above the questions."""
        first = self._guided and self.first.wanted
        self.first.setVisible(first)
        self._or.setVisible(first)
        self.arranged.emit()
        QTimer.singleShot(0, self, self._make_room)
        if not self._guided:
            return
        alone = tr(
            "A tiny model that explains RWKV in a few sentences. It can be wrong, above all about"
            " what to press in this window. For a real conversation, open another model."
        )
        self._say(
            tr("Welcome to Rookery") if first else tr("Ask the guide"),
            tr("RWKV models, run on your own computer.") if first else alone,
            (
                tr("What is RWKV?"),
                tr("How does RWKV differ from a transformer?"),
                tr("What is a state?"),
                tr("What does temperature do?"),
            ),
        )

    def show_model(self, name: str) -> None:
        """A model that talks about anything is open."""
        self._leave_guide()
        self._say(
            tr("What shall we talk about?"),
            tr("{} is ready. Everything stays on this computer.").format(name),
            (
                tr("Explain how a heat pump works"),
                tr("Write a Python function that finds the primes below n"),
                tr("Compare three ways to learn a language, in a table"),
                tr("Tell a short story about a rook and a lighthouse"),
            ),
        )

    def show_opening(self) -> None:
        """A model is being opened."""
        self._leave_guide()
        words = tr("You can write already: it answers as soon as it is in memory.")
        self._say(tr("The model is being opened"), words, ())

    def show_nothing(self) -> None:
        """No model is open."""
        self._leave_guide()
        words = tr("Choose one that is on this computer, or open the small guide.")
        self._say(tr("No model is open"), words, (), choose=True)

    def show_without_tokenizer(self, name: str, why: str) -> None:
        """The model that is open can neither read nor write words."""
        self._leave_guide()
        self._say(tr("{} has no words").format(name), why, (), choose=True)

    def _leave_guide(self) -> None:
        self._guided = False
        self._show_first()

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
        self.arranged.emit()

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
        column.addSpacing(space("s"))
        column.addWidget(self.first)
        column.addSpacing(space("s"))
        column.addWidget(self._or)
        self._or.hide()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(space("s"))
        column.addWidget(self._questions)
        column.addWidget(self._choose, 0, centre)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(inside, 1000)
        across.addStretch(1)
        body = QWidget()
        self._middle = middle = QVBoxLayout(body)
        middle.setContentsMargins(space("xl"), 0, space("xl"), 0)
        middle.addStretch(2)
        middle.addLayout(across)
        middle.addStretch(3)
        self._scroll = scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Where all of it is a little too high, the picture goes before a question does."""
        room = self._scroll.viewport()
        needed = self._middle.totalHeightForWidth(room.width())
        if not self._art.isVisibleTo(self):
            needed += self._art.sizeHint().height() + self._theme.space("m")
        self._art.setVisible(needed <= room.height())

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

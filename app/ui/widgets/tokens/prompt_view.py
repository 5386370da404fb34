"""The exact prompt: text and tokens that template, system text and turns become."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPlainTextEdit,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.messages.failures import say
from app.messages.translate import tr, tr_n
from app.messages.units import whole
from app.ui.look.theme import Theme
from app.ui.state.playground.prompt_tokens import PromptTokens
from app.ui.widgets.blank import Blank
from app.ui.widgets.parts import Elided, icon_button, label

from .token_description import identity_of, written
from .token_view import TokenView

_IDS_SHOWN = 20_000


class PromptView(QWidget):
    """Shows PromptTokens: each token on a field of its own, and below them the ids."""

    ask_wanted = Signal()

    def __init__(self, theme: Theme, prompt: PromptTokens) -> None:
        super().__init__()
        self._theme, self._prompt = theme, prompt
        self._blank = Blank(theme, "file")
        self.view = TokenView(theme, _striped, self._tell)
        self.ids = QPlainTextEdit()
        self._told = Elided("", "small")
        self._stack = QStackedLayout()
        self._arrange()
        prompt.changed.connect(self.refresh)
        self._blank.pressed.connect(self.ask_wanted)
        self.view.moved.connect(self._show_id)
        self.refresh()

    def take_keyboard(self) -> None:
        """Put the keyboard on the text."""
        blank = self._stack.currentWidget() is self._blank
        self._blank.take_keyboard() if blank else self.view.setFocus()

    def refresh(self) -> None:
        """Show what is known now."""
        prompt = self._prompt
        count = len(prompt.cells)
        if prompt.failure is not None:
            words = say(prompt.failure)
            self._blank.say(words.title, words.sentences, tr("Try again"), picture="alert")
        elif not count:
            self._blank.say(
                tr("Nothing to read yet"),
                tr("Here stands what the model is given, letter by letter, and as token ids."),
                tr("Look again"),
                picture="file",
            )
        self._stack.setCurrentIndex(1 if count and prompt.failure is None else 0)
        self.view.show_cells(prompt.cells)
        shown = " ".join(map(str, prompt.cells.ids[:_IDS_SHOWN]))
        self.ids.setPlainText(shown + (" …" if count > _IDS_SHOWN else ""))
        self._told.setText(self._counts())

    def _arrange(self) -> None:
        theme = self._theme
        self.ids.setReadOnly(True)
        self.ids.setFont(theme.font("mono"))
        self.ids.setAccessibleName(tr("Token ids"))
        theme.changed.connect(lambda: self.ids.setFont(theme.font("mono")))
        copy_text = icon_button("copy", tr("Copy the text"))
        copy_text.clicked.connect(lambda: _copy(self._prompt.text))
        copy_ids = icon_button("copy", tr("Copy the ids"))
        copy_ids.clicked.connect(lambda: _copy(" ".join(map(str, self._prompt.cells.ids))))
        head = QHBoxLayout()
        head.addWidget(self._told, 1)
        head.addWidget(copy_text)
        middle = QHBoxLayout()
        middle.addWidget(label(tr("Token ids"), "small"), 1)
        middle.addWidget(copy_ids)
        below = QWidget()
        ids = QVBoxLayout(below)
        ids.setContentsMargins(0, theme.space("xs"), 0, 0)
        ids.setSpacing(theme.space("xs"))
        ids.addLayout(middle)
        ids.addWidget(self.ids, 1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.view)
        split.addWidget(below)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 1)
        body = QWidget()
        column = QVBoxLayout(body)
        space = theme.space("l")
        column.setContentsMargins(space, theme.space("s"), space, theme.space("m"))
        column.addLayout(head)
        column.addWidget(split, 1)
        self._stack.addWidget(self._blank)
        self._stack.addWidget(body)
        self.setLayout(self._stack)

    def _counts(self) -> str:
        tokens, characters = len(self._prompt.cells), len(self._prompt.text)
        words = tr_n("{} token", "{} tokens", tokens).format(whole(tokens))
        letters = tr_n("{} character", "{} characters", characters).format(whole(characters))
        return f"{words} · {letters}"

    def _tell(self, token: int) -> str:
        cells = self._prompt.cells
        return f"{written(cells.bytes_of(token))}\n{identity_of(cells, token)}"

    def _show_id(self, token: int) -> None:
        """Choose the id of the token in the list of ids."""
        ids = self._prompt.cells.ids
        if not 0 <= token < min(len(ids), _IDS_SHOWN):
            return
        start = sum(len(str(one)) + 1 for one in ids[:token])
        cursor = self.ids.textCursor()
        cursor.setPosition(start)
        cursor.setPosition(start + len(str(ids[token])), cursor.MoveMode.KeepAnchor)
        self.ids.setTextCursor(cursor)


def _striped(token: int) -> str:
    """Neighbours differ, so that the borders are seen."""
    return "chance-2" if token % 2 else "chance-1"


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)

"""The page of a repository in the details: fetched beside the window, or why it is not there."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.widgets.parts import button, label, rule

from .readme import Readme

_SETTLED_MS = 400


class PageText(QWidget):
    """``wanted`` carries the repository whose page is to be fetched."""

    wanted = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.repo = ""
        self._busy = QProgressBar(textVisible=False)
        self._busy.setAccessibleName(tr("Fetching the page"))
        self._busy.setRange(0, 0)
        self._words = label("", "small", wrap=True)
        self.again = button(tr("Try again"), role="link")
        self.again.clicked.connect(self._ask)
        self.text = Readme(theme)
        self._settled = QTimer(self, singleShot=True, interval=_SETTLED_MS)
        self._settled.timeout.connect(self._ask)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space("m"))
        column.addWidget(rule())
        column.addWidget(label(tr("From its page"), "strong"))
        for part in (self._busy, self._words, self.again, self.text):
            column.addWidget(part)
        self._enter()

    def show_repo(self, repo: str) -> None:
        """Show the page of another repository: it is asked for once the choice has settled."""
        if repo == self.repo:
            return
        self.repo = repo
        self.text.show_text("")
        self._settled.stop()
        self._enter(busy=bool(repo))
        if repo:
            self._settled.start()

    def show_text(self, repo: str, text: str) -> None:
        """What the page says."""
        if repo == self.repo:
            self._enter("" if text.strip() else tr("Its makers have written nothing here."))
            self.text.show_text(text)

    def show_failure(self, repo: str, why: str, *, again: bool = True) -> None:
        """It cannot be had now; ``again``: whether to ask once more may help."""
        if repo == self.repo:
            self._enter(why, again=again)

    def _ask(self) -> None:
        if self.isVisible() and self.repo:
            self._enter(busy=True)
            self.wanted.emit(self.repo)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        super().showEvent(event)
        if self.repo and self._busy.isVisibleTo(self):
            self._settled.start()

    def _enter(self, words: str = "", *, busy: bool = False, again: bool = False) -> None:
        self._busy.setVisible(busy)
        self._words.setText(words)
        self._words.setVisible(bool(words))
        self.again.setVisible(again)

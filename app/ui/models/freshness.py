"""The line above the list that says how fresh the hub's part of it is; blocks nothing."""

import time

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QProgressBar, QWidget

from app.messages.translate import tr
from app.messages.units import duration
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme
from app.ui.state.models.model_catalogue import Asking, Catalogue
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import Elided, button

_EACH_MS = 30_000
_LETTERS = 22  # of the words are to be seen beside the buttons


class Freshness(QFrame):
    """``retry_pressed`` and ``details_pressed`` are wishes of the person."""

    retry_pressed = Signal()
    details_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._picture, self._role = "", ""
        self._catalogue: Catalogue | None = None
        self._art = QLabel()
        self._art.setFixedSize(16, 16)
        self.words = Elided("", "small")
        self._busy = QProgressBar(textVisible=False)
        self._busy.setAccessibleName(tr("Asking the hub"))
        self._busy.setRange(0, 0)
        self._busy.setFixedWidth(64)
        self._details = button(tr("Details"), role="link")
        self.retry = button(tr("Try again"), role="link")
        self._details.clicked.connect(self.details_pressed)
        self.retry.clicked.connect(self.retry_pressed)
        self._verbs = QWidget()
        self._lines = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._arrange()
        self._clock = QTimer(self, interval=_EACH_MS)
        self._clock.timeout.connect(self._say)
        theme.changed.connect(self._paint)
        self.setMinimumHeight(28)

    def show_catalogue(self, catalogue: Catalogue, source: str) -> None:
        """Say how fresh this one is; ``source`` is the hub's name."""
        self._catalogue, self._source = catalogue, source
        self._say()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        self._fit()

    def _arrange(self) -> None:
        space = self._theme.space
        said = QHBoxLayout()
        said.setSpacing(space("s"))
        said.addWidget(self._art)
        said.addWidget(self.words, 1)
        said.addWidget(self._busy, 0, Qt.AlignmentFlag.AlignVCenter)
        flow = Flow(space("s"), self._verbs)
        for verb in (self._details, self.retry):
            flow.addWidget(verb)
        self._lines.setContentsMargins(space("m"), 0, space("s"), 0)
        self._lines.setSpacing(space("s"))
        self._lines.addLayout(said, 1)
        self._lines.addWidget(self._verbs)

    def _fit(self) -> None:
        """The buttons stand beside the words, or below them where the words had no room."""
        words = _LETTERS * self.words.fontMetrics().averageCharWidth()
        verbs = sum(verb.sizeHint().width() for verb in (self._details, self.retry))
        short = not self._verbs.isHidden() and self.width() < words + verbs
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._lines.setDirection(down if short else across)

    def _say(self) -> None:
        catalogue = self._catalogue
        if catalogue is None:
            return
        asking = catalogue.asking in (Asking.ASKING, Asking.SLOW)
        failed = catalogue.asking is Asking.FAILED
        self._busy.setVisible(asking or catalogue.searching)
        self._verbs.setVisible(failed)
        self.retry.setVisible(catalogue.failure is None or catalogue.failure.retryable)
        self.words.setText(self._sentence(catalogue))
        self._picture, self._role = ("alert", "warn") if failed else ("globe", "text-dim")
        self._fit()
        self._paint()
        if catalogue.fetched_at and not self._clock.isActive():
            self._clock.start()

    def _sentence(self, catalogue: Catalogue) -> str:
        whose = self._whose(catalogue.fetched_at)
        if catalogue.searching:
            words = tr("Searching {} for “{}”")
            return words.format(self._source, catalogue.searched)
        match catalogue.asking:
            case Asking.ASKING:
                return tr("Asking {} for its newest list").format(self._source)
            case Asking.SLOW:
                words = tr("{} is slow to answer; until then this is the list {}")
                return words.format(self._source, whose)
            case Asking.FAILED:
                words = tr("{} cannot be reached. This is the list {}")
                return words.format(self._source, whose)
            case Asking.DONE if catalogue.fetched_at:
                age = self._age(catalogue.fetched_at)
                return tr("{}, checked {}").format(self._source, age)
        return tr("The list {}").format(whose)

    def _whose(self, fetched_at: float) -> str:
        """What list it is: "from 8 min ago"."""
        if not fetched_at:
            return tr("that came with Rookery")
        return tr("from {}").format(self._age(fetched_at))

    def _age(self, fetched_at: float) -> str:
        seconds = time.time() - fetched_at
        if seconds < 90:
            return tr("just now")
        return tr("{} ago").format(duration(seconds))

    def _paint(self) -> None:
        if self._picture:
            picture = pixmap(self._picture, self._role, 16, self.devicePixelRatioF())
            self._art.setPixmap(picture)

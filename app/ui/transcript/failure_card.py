"""What went wrong with a reply, in its place: why, what to do, and the details folded away."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout

from app.errors import Failure
from app.messages.failures import say
from app.messages.translate import tr
from app.ui.look.icons import pixmap
from app.ui.state.notices import details_of
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import button, label

_DETAILS_PX = 120


class FailureCard(QFrame):
    """``retried`` when the reply shall be written again, ``elsewhere`` to choose a model.

    ``message`` is the id of the reply; ``retryable``: whether to try again can help.
    """

    retried = Signal()
    elsewhere = Signal()

    def __init__(self, failure: Failure, message: str = "", *, retryable: bool = True) -> None:
        super().__init__()
        self.message = message
        self.setProperty("failed", "true")
        words = say(failure)
        self._words = f"{words.title}\n{words.sentences}"
        picture = QLabel()
        picture.setFixedSize(QSize(18, 18))
        picture.setPixmap(pixmap("alert", "bad", 18, self.devicePixelRatioF()))
        title = label(words.title, "strong", wrap=True)
        text = label(words.sentences, wrap=True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._details = QPlainTextEdit(details_of(failure), readOnly=True)
        self._details.setAccessibleName(tr("Details of the failure"))
        self._details.setFixedHeight(_DETAILS_PX)
        self._details.hide()
        self.retry = button(tr("Try again"), "refresh")
        if not retryable:  # to show it before it lies here is a window of its own
            self.retry.hide()
        models = button(tr("Choose a model"), role="link")
        self._unfold = button(tr("Details"), role="link")
        copy = button(tr("Copy"), "copy", role="link")
        self.retry.clicked.connect(self.retried)
        models.clicked.connect(self.elsewhere)
        self._unfold.clicked.connect(self._toggle)
        copy.clicked.connect(self._copy)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(picture)
        head.addWidget(title, 1)
        verbs = Flow(6)
        for verb in (self.retry, models, self._unfold, copy):
            verbs.addWidget(verb)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(4)
        below = QVBoxLayout()
        below.setContentsMargins(28, 0, 0, 0)
        below.setSpacing(10)
        below.addWidget(text)
        below.addLayout(verbs)
        below.addWidget(self._details)
        column.addLayout(head)
        column.addLayout(below)
        self.setAccessibleName(self._words)

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        return self.layout().totalHeightForWidth(width)  # type: ignore[union-attr]

    def _toggle(self) -> None:
        self._details.setVisible(self._details.isHidden())
        self.updateGeometry()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self._words}\n\n{self._details.toPlainText()}")

"""The bar below the page's top edge: failures with their details, news, and undo."""

from collections.abc import Callable

from PySide6.QtCore import QElapsedTimer, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme
from app.ui.state.notices import Kind, Notice, Notices

from .parts import button, icon_button, label

_LINES_BESIDE = 3  # more words than that have their buttons below them
_SEEN_MS = 4000  # so long at least a notice stays that comes to light again
_COLOURS = {Kind.NEWS: "accent", Kind.FAILURE: "bad", Kind.UNDO: "text-dim"}


class NoticeBar(QFrame):
    """Shows the newest notice; ``closed`` when the last one goes, by the person or by time.

    A way back that a newer notice covers comes to light again when that one has gone, so that each
    of several deletions can be undone.  A click on it does not take the keyboard.
    """

    closed = Signal()

    def __init__(self, notices: Notices, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._theme = theme
        self.notice: Notice | None = None
        self._covered: list[tuple[Notice, int]] = []  # ways back, each with its milliseconds
        self._uncovered = QElapsedTimer()
        self._more = label("", "dim")
        self._picture = QLabel()
        self._title = label("", "strong", wrap=True)
        self._words = label("", wrap=True)
        self._act = button("", role="link")
        self._unfold = button(tr("Details"), role="link")
        self._copy = button(tr("Copy"), "copy", role="link")
        self._close = icon_button("close", tr("Close this notice"), 14)
        self._details = QPlainTextEdit(readOnly=True)
        self._details.setAccessibleName(tr("Details"))
        self._details.setMaximumHeight(120)
        self._timer = QTimer(self, singleShot=True)
        self._arrange()
        self._timer.timeout.connect(self._run_out)
        self._close.clicked.connect(lambda: self._press(self.dismiss))
        self._act.clicked.connect(lambda: self._press(self._do))
        self._unfold.clicked.connect(self._toggle_details)
        self._copy.clicked.connect(self._copy_details)
        notices.posted.connect(self.show_notice)
        notices.settled.connect(self._settle)
        theme.changed.connect(self._paint_picture)
        self.hide()

    def show_notice(self, notice: Notice) -> None:
        """Put ``notice`` on the bar, over a way back that is there and in place of all else."""
        before = self.notice
        if before is not None and before.kind is Kind.UNDO:
            self._covered.append((before, self._timer.remainingTime()))
        self._show(notice, int(notice.lasts_s * 1000))

    def _show(self, notice: Notice, lasts_ms: int) -> None:
        self.notice = notice
        self.setAccessibleName(f"{notice.title} {notice.text}".strip())
        self._title.setText(notice.title)
        self._title.setVisible(bool(notice.title))
        self._words.setText(notice.text)
        beside = Qt.AlignmentFlag.AlignTop if notice.title else Qt.AlignmentFlag.AlignVCenter
        self._row.setAlignment(self._picture, beside)
        self._act.setText(notice.verb)
        self._act.setAccessibleName(notice.verb or tr("No action"))
        self._act.setVisible(notice.act is not None)
        self._more.setText(tr("{} more can be undone").format(len(self._covered)))
        self._more.setVisible(notice.kind is Kind.UNDO and bool(self._covered))
        self._details.setPlainText(notice.details)
        self._details.hide()
        for part in (self._unfold, self._copy):
            part.setVisible(bool(notice.details))
        self._paint_picture()
        self._make_room()
        self._timer.stop()
        if lasts_ms > 0:
            self._timer.start(lasts_ms)
        self.show()

    def dismiss(self) -> None:
        """Take the notice away; a way back that it covered is offered again."""
        if self.notice is None:
            return
        if self._covered:
            notice, left_ms = self._covered.pop()
            self._uncovered.start()
            self._show(notice, max(left_ms, _SEEN_MS) if left_ms >= 0 else 0)
            return
        self.notice = None
        self._timer.stop()
        self.hide()
        self.closed.emit()

    def _settle(self, about: str) -> None:
        """Take away what was said about this."""
        if self.notice is not None and about and self.notice.about == about:
            self.dismiss()

    def undo(self) -> None:
        """Take the way back that the notice offers, if it offers one."""
        if self.notice is not None and self.notice.kind is Kind.UNDO:
            self._do()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        self._make_room()

    def _make_room(self) -> None:
        """Where the words would have many lines beside the buttons, those go below them."""
        self.ensurePolished()
        beside = self.contentsRect().width() - self._verbs.sizeHint().width()
        beside -= self._picture.width() + self._close.sizeHint().width()
        beside -= 5 * self._theme.space("s")
        words = self._words.fontMetrics().horizontalAdvance(self._words.text())
        ways = QBoxLayout.Direction
        below = words > _LINES_BESIDE * beside
        self._middle.setDirection(ways.TopToBottom if below else ways.LeftToRight)

    def _run_out(self) -> None:
        """Time is up, also for the ways back that were counted below this one."""
        if self.notice is not None and self.notice.kind is Kind.UNDO:
            self._covered.clear()
        self.dismiss()

    def _press(self, verb: Callable[[], None]) -> None:
        """A double click is meant for the notice that was there at its beginning."""
        just = self._uncovered.isValid()
        if not just or self._uncovered.hasExpired(QApplication.doubleClickInterval()):
            verb()

    def _do(self) -> None:
        notice = self.notice
        self.dismiss()
        if notice is not None and notice.act is not None:
            notice.act()

    def _toggle_details(self) -> None:
        self._details.setVisible(self._details.isHidden())

    def _copy_details(self) -> None:
        if self.notice is not None:
            said = self.notice.title, self.notice.text, self.notice.details
            QGuiApplication.clipboard().setText("\n\n".join(filter(None, said)))

    def _paint_picture(self) -> None:
        if self.notice is not None:
            kind = self.notice.kind
            ratio = self.devicePixelRatioF()
            self._picture.setPixmap(pixmap(kind.value, _COLOURS[kind], 18, ratio))

    def _arrange(self) -> None:
        space = self._theme.space
        self._picture.setFixedSize(QSize(18, 18))
        self._row = row = QHBoxLayout()
        row.setSpacing(space("s"))
        said = QVBoxLayout()
        said.setSpacing(2)
        said.addWidget(self._title)
        said.addWidget(self._words)
        row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignTop)
        self._verbs = QHBoxLayout()
        self._verbs.setSpacing(space("s"))
        for part in (self._act, self._unfold, self._copy, self._close):
            part.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if part is not self._close:
                self._verbs.addWidget(part)
        self._verbs.insertWidget(0, self._more)
        self._middle = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._middle.setSpacing(space("s"))
        self._middle.addLayout(said, 1)
        self._middle.addLayout(self._verbs)
        self._middle.setAlignment(self._verbs, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(self._middle, 1)
        row.addWidget(self._close)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("m"), space("s"), space("s"), space("s"))
        column.setSpacing(space("s"))
        column.addLayout(row)
        column.addWidget(self._details)

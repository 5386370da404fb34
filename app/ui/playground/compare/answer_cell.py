"""One answer of a comparison: who wrote it, its words, and what can be done with it."""

import html

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QVBoxLayout,
)

from app.comparison.grid_export import failure_of
from app.messages.failures import say
from app.messages.translate import tr
from app.store.comparisons.comparison_records import Answer, Place
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.state.comparison.answer_texts import Parting
from app.ui.state.comparison.comparison_words import answer_in_words
from app.ui.widgets.parts import icon_button, label

_LEAST_PX, _AROUND_PX = 160, 64  # of a cell; edges, gaps and box beside its title


class AnswerCell(QFrame):
    """``ticked`` when it is chosen or no longer.

    ``asked`` carries what is wanted of it: "document", "conversation", "copy" or "differences".
    """

    ticked = Signal()
    asked = Signal(str)

    def __init__(self, theme: Theme, place: Place, way: str) -> None:
        super().__init__()
        self.setProperty("card", "true")
        self._theme, self.place, self._way = theme, place, way
        self._shown: tuple[object, ...] = ()
        self.choose = QCheckBox(way)
        self.choose.setAccessibleName(tr("Choose the answer of {}").format(way))
        self.choose.setToolTip(
            tr("{}: choose answers to merge them or to tell them apart").format(way)
        )
        self.choose.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.more = icon_button("more", tr("More about the answer of {}").format(way), 16)
        self.words = QLabel(wordWrap=True)
        self.words.setTextFormat(Qt.TextFormat.RichText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.MinimumExpanding)
        self.foot = label("", "small", wrap=True)
        self.choose.toggled.connect(self.ticked)
        self.more.clicked.connect(self._open_menu)
        self.setMinimumWidth(_LEAST_PX)
        self._arrange()
        self.show_answer(None, "", growing=False)

    def show_answer(
        self, answer: Answer | None, text: str, *, growing: bool, parts: Parting | None = None
    ) -> None:
        """Its text as it is by now; ``parts`` is where it goes another way than the first."""
        shown = answer, text, growing, parts, self._theme.dark
        if shown == self._shown:
            return
        self._shown = shown
        whole = answer is not None and not growing
        self.choose.setEnabled(whole and not (answer is not None and answer.failed))
        self.more.setEnabled(whole)
        self.words.setText(self._marked(text, answer, parts))
        self.words.setAccessibleName(text or tr("Nothing is written yet"))
        self.foot.setText(self._foot(answer, parts, growing=growing))

    def show_difference(self, words: str) -> None:
        """How its model differs from the first on the text of the first."""
        self.difference.setText(words)
        self.difference.setVisible(bool(words))

    def _marked(self, text: str, answer: Answer | None, parts: Parting | None) -> str:
        if not text and answer is not None and answer.failed:
            return f'<span style="color:{self._theme.color("bad").name()}">{_failed(answer)}</span>'
        if parts is None or answer is None or parts.place >= len(text):
            return _html(text)
        at = parts.place
        end = at + max(1, _letters(answer, parts))
        colour = self._theme.color("selection").name()
        mark = f'<u style="background-color:{colour}">{html.escape(text[at:end])}</u>'
        return _pre(html.escape(text[:at]) + mark + html.escape(text[end:]))

    def _foot(self, answer: Answer | None, parts: Parting | None, *, growing: bool) -> str:
        if growing:
            return tr("writing…")
        if answer is None:
            return tr("not written yet")
        said = [answer_in_words(answer)]
        if answer.failed:
            said.append(tr("failed"))
        elif parts is not None:
            said.append(tr("another way from token {}").format(parts.token + 1))
        return " · ".join(filter(None, said))

    def _open_menu(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for key, picture, words in (
            ("document", "file", tr("Open as a document")),
            ("conversation", "chat", tr("Make a conversation of it")),
            ("copy", "copy", tr("Copy the text")),
            ("differences", "search", tr("Compare token by token with the first")),
        ):
            action = QAction(icon(picture, "text-dim"), words, menu)
            action.triggered.connect(lambda _on, key=key: self.asked.emit(key))
            action.setEnabled(key != "differences" or self.place.way > 0)
            menu.addAction(action)
        menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height())))

    def _arrange(self) -> None:
        space = self._theme.space
        self.difference = label("", "small", wrap=True)
        self.difference.hide()
        head = QHBoxLayout()
        head.setSpacing(space("xs"))
        head.addWidget(self.choose, 1)
        head.addWidget(self.more)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("m"), space("s"), space("s"), space("s"))
        column.setSpacing(space("xs"))
        column.addLayout(head)
        column.addWidget(self.words, 1)
        column.addWidget(self.foot)
        column.addWidget(self.difference)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        metrics, taken = self.choose.fontMetrics(), self.more.width() + _AROUND_PX
        room = max(0, self.width() - taken)
        self.choose.setText(metrics.elidedText(self._way, Qt.TextElideMode.ElideRight, room))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(_LEAST_PX, super().minimumSizeHint().height())


def _letters(answer: Answer, parts: Parting) -> int:
    """How many letters the token has that is another one."""
    known = parts.token < len(answer.lengths)
    return answer.lengths[parts.token] if known else 1


def _failed(answer: Answer) -> str:
    words = say(failure_of(answer.reply))
    return html.escape(f"{words.title}. {words.sentences}")


def _html(text: str) -> str:
    return _pre(html.escape(text))


def _pre(inner: str) -> str:
    lines = inner.replace("\r\n", "\n").replace("\n", "<br>")
    return f'<span style="white-space:pre-wrap">{lines}</span>'

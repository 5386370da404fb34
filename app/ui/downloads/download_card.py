"""One download as a card: what it is, how far it is, and its buttons; holds no truth."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme
from app.ui.state.download_progress import amount_words, progress_words, share
from app.ui.widgets.parts import Elided, button, icon_button, label

if TYPE_CHECKING:
    from app.hub.downloads.download_queue import Item

_STEPS = 1000
_PAUSABLE = ("queued", "running", "waiting", "checking")


class Card(QFrame):
    """Its signals are wishes of the person; each carries nothing, the page knows the card.

    What another window downloads has no buttons but the one to chat.
    """

    pause_wanted = Signal()
    resume_wanted = Signal()
    retry_wanted = Signal()
    cancel_wanted = Signal()
    chat_wanted = Signal()
    moved = Signal(int)
    dragged = Signal(QPoint)
    dropped = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.item: Item | None = None
        self.setProperty("card", "true")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.grip = _Grip(tr("Drag to another place, or press Alt+Up and Alt+Down"))
        self._title = Elided("", "strong")
        self._amount = label("", "small")
        self._bar = QProgressBar(textVisible=False)
        self._bar.setRange(0, _STEPS)
        self._state = Elided("", "small")
        self._why = label("", "dim", wrap=True)
        self._mark = QLabel()
        self.pause = icon_button("pause", tr("Pause"))
        self.resume = icon_button("play", tr("Resume"))
        self.retry = button(tr("Try again"), "refresh")
        self.chat = button(tr("Chat"), "chat", role="primary")
        self.cancel = icon_button("close", tr("Cancel this download"))
        self._arrange()
        for pressed, signal in (
            (self.pause, self.pause_wanted),
            (self.resume, self.resume_wanted),
            (self.retry, self.retry_wanted),
            (self.cancel, self.cancel_wanted),
            (self.chat, self.chat_wanted),
        ):
            pressed.clicked.connect(signal)
        self.grip.dragged.connect(self.dragged)
        self.grip.dropped.connect(self.dropped)
        theme.changed.connect(self._paint)
        self._paint()

    def show_item(self, item: "Item") -> None:
        """Show how far it is now."""
        first = self.item is None
        if item == self.item:
            return
        before, self.item = self.item, item
        title = item.entry.title or item.entry.name
        words = progress_words(item)
        if first:
            self._title.setText(title)
            self._bar.setAccessibleName(tr("Progress of {}").format(title))
        self._amount.setText(amount_words(item))
        self._bar.setValue(round(share(item) * _STEPS))
        self._state.setText(words)
        self.setAccessibleName(f"{title}, {share(item) * 100:.0f} %, {words}")
        if before is None or _state_of(before) != _state_of(item):
            self._show_state(item)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
        match event.key():
            case Qt.Key.Key_Up | Qt.Key.Key_Down if alt:
                self.moved.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
            case Qt.Key.Key_Delete:
                self.cancel_wanted.emit()
            case Qt.Key.Key_Space:
                self._toggle()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter if self.chat.isVisible():
                self.chat_wanted.emit()
            case _:
                super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        self._ring(on=True)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        self._ring(on=False)
        super().focusOutEvent(event)

    def _toggle(self) -> None:
        if self.pause.isVisible():
            self.pause_wanted.emit()
        elif self.resume.isVisible():
            self.resume_wanted.emit()
        elif self.retry.isVisible():
            self.retry_wanted.emit()

    def _show_state(self, item: "Item") -> None:
        ours = not item.elsewhere
        self._show_buttons(
            {
                self.pause: ours and item.state in _PAUSABLE,
                self.resume: ours and item.state == "paused",
                self.retry: ours and ((item.state == "failed" and item.retryable) or _lacks(item)),
                self.chat: item.state == "done" and item.entry.is_model,
                self.cancel: ours,
            }
        )
        self.grip.setVisible(ours and item.state != "done")
        self._bar.setVisible(item.state != "done")
        name = tr("Cancel this download")
        if item.state == "done":
            name = tr("Take it off this list; the file stays")
        self.cancel.setToolTip(name)
        self.cancel.setAccessibleName(name)
        self._why.setText(_sentences(item))
        self._why.setVisible(bool(self._why.text()))
        self._paint()

    def _show_buttons(self, shown: dict[QToolButton | QPushButton, bool]) -> None:
        """The keyboard stays with this card: left to Qt, it would go on to the one that cancels."""
        if any(part.hasFocus() and not seen for part, seen in shown.items()):
            self.setFocus(Qt.FocusReason.OtherFocusReason)
        for part, seen in shown.items():
            part.setVisible(seen)

    def _ring(self, *, on: bool) -> None:
        self.setProperty("focused", on)
        self.style().unpolish(self)
        self.style().polish(self)

    def _paint(self) -> None:
        state = self.item.state if self.item else ""
        shown = {"done": ("fits", "good"), "failed": ("alert", "bad")}
        picture, role = shown.get(state, ("download", "text-dim"))
        if state == "paused":
            picture = "pause"
        self._mark.setPixmap(pixmap(picture, role, 16, self.devicePixelRatioF()))

    def _arrange(self) -> None:
        space = self._theme.space
        self._mark.setFixedSize(16, 16)
        top = QHBoxLayout()
        top.setSpacing(space("s"))
        top.addWidget(self._title, 1)
        top.addWidget(self._amount)
        below = QHBoxLayout()
        below.setSpacing(space("s"))
        below.addWidget(self._mark)
        below.addWidget(self._state, 1)
        middle = QVBoxLayout()
        middle.setSpacing(space("xs"))
        middle.addLayout(top)
        middle.addWidget(self._bar)
        middle.addLayout(below)
        middle.addWidget(self._why)
        row = QHBoxLayout(self)
        row.setContentsMargins(space("s"), space("m"), space("s"), space("m"))
        row.setSpacing(space("m"))
        row.addWidget(self.grip)
        row.addLayout(middle, 1)
        for part in (self.pause, self.resume, self.retry, self.chat, self.cancel):
            row.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)


class _Grip(QLabel):
    """What a card is held by; ``dragged`` carries the mouse's place on the screen."""

    dragged = Signal(QPoint)
    dropped = Signal()

    def __init__(self, tip: str) -> None:
        super().__init__()
        self.setToolTip(tip)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setFixedWidth(16)
        keeps = self.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)
        self.setSizePolicy(keeps)
        self._paint()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.dragged.emit(event.globalPosition().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.dropped.emit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        if event.type() is QEvent.Type.PaletteChange:
            self._paint()

    def _paint(self) -> None:
        self.setPixmap(pixmap("grip", "edge", 16, self.devicePixelRatioF()))


def _lacks(item: "Item") -> bool:
    """Whether it is done, but something that goes with it has not come."""
    return item.state == "done" and item.failure is not None


def _state_of(item: "Item") -> tuple[object, ...]:
    """What its buttons and sentences hang on."""
    failure = item.failure
    return (
        item.state,
        item.elsewhere,
        item.retryable,
        *((failure.code, failure.facts) if failure else ()),
    )


def _sentences(item: "Item") -> str:
    """What went wrong and what to do, if anything did."""
    if item.failure is None:
        return ""
    from app.messages.failures import say  # the sentences are read only when one is needed

    return say(item.failure).sentences

"""How a reply was made: two or three figures for the line below it, and all of it in a card."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFormLayout, QFrame, QVBoxLayout, QWidget

from app.messages.translate import tr, tr_n
from app.messages.units import speed, whole
from app.store.records import Message, Reply
from app.ui.state.models.model_names import plain_way
from app.ui.widgets.parts import button, label

_EDGE, _GAP, _WIDEST = 14, 8, 420
_STUCK = "\u00a0"


def figures(message: Message) -> str:
    """The two or three that are worth a line; an ending is one of them where it is a surprise."""
    reply = message.reply
    parts = [_short_ending(message)]
    if reply.tokens:
        parts.append(tr_n("{} token", "{} tokens", reply.tokens).format(whole(reply.tokens)))
        if reply.tokens_per_s:
            parts.append(speed(reply.tokens_per_s))
    said = f"{_STUCK}· ".join(part.replace(" ", _STUCK) for part in parts if part)
    return said or tr("Details")


def facts(message: Message) -> list[tuple[str, str]]:
    """All that is known of how it was made, each with its name; what was never known is missing."""
    reply = message.reply
    way = plain_way(reply.strategy)
    rows = (
        (tr("Ending"), ending(message)),
        (tr("Model"), reply.model),
        (tr("Runs as"), way),
        (tr("Tokens"), whole(reply.tokens) if reply.tokens else ""),
        (tr("Speed"), speed(reply.tokens_per_s) if reply.tokens_per_s else ""),
        (tr("First word"), _after(reply.first_token_s) if reply.tokens else ""),
        (tr("Tokens read"), _read(reply)),
        (tr("Remembered"), _remembered(reply)),
        (tr("Seed"), str(reply.seed) if reply.seed is not None else ""),
    )
    return [(name, value) for name, value in rows if value]


def ending(message: Message) -> str:
    """Why the text ends where it ends."""
    endings = {
        "stopped": tr("Stopped"),
        "interrupted": tr("Interrupted: the program was ended while this was written"),
        "failed": tr("Failed"),
    }
    if message.status in endings:
        return endings[message.status]
    if message.status == "done" and not message.text.strip():
        return tr("The model wrote nothing")
    reasons = {
        "limit": tr("Reached the limit of tokens"),
        "stop": tr("Complete"),
        "end": tr("Complete"),
        "blocked": tr("Bans left nothing that its grammar allows"),
    }
    return reasons.get(message.reply.reason, "")


def seconds(amount: float) -> str:
    """A short time: ``340 ms``, ``2.1 s``."""
    return f"{amount * 1000:.0f} ms" if amount < 0.95 else f"{amount:.1f} s"


class ReplyDetails(QFrame):
    """A card at the figures: every fact on a line, to be selected or copied; Escape closes it."""

    def __init__(self, rows: list[tuple[str, str]], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(tr("About the reply"))
        self.text = "\n".join(f"{name}: {value}" for name, value in rows)
        self.copy = button(tr("Copy"), "copy")
        self.copy.clicked.connect(self._copy)
        form = QFormLayout()
        form.setHorizontalSpacing(2 * _GAP)
        form.setVerticalSpacing(_GAP // 2)
        for name, value in rows:
            said = label(value, wrap=True)
            said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            said.setAccessibleName(f"{name}: {value}")
            form.addRow(label(name, "dim"), said)
        column = QVBoxLayout(self)
        column.setContentsMargins(_EDGE, _EDGE, _EDGE, _EDGE)
        column.setSpacing(_GAP)
        column.addLayout(form)
        column.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignLeft)
        self.setMaximumWidth(_WIDEST)

    def open_at(self, anchor: QWidget) -> None:
        """Show it above ``anchor``, or below where there is no room."""
        self.adjustSize()
        place = anchor.mapToGlobal(QPoint(0, -self.height() - _GAP // 2))
        room = anchor.screen().availableGeometry()
        if place.y() < room.top():
            place = anchor.mapToGlobal(QPoint(0, anchor.height() + _GAP // 2))
        place.setX(max(room.left(), min(place.x(), room.right() - self.width())))
        self.move(place)
        self.show()
        self.copy.setFocus(Qt.FocusReason.PopupFocusReason)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text)
        self.close()


def _short_ending(message: Message) -> str:
    short = {
        "stopped": tr("Stopped"),
        "interrupted": tr("Interrupted"),
    }
    if message.status in short:
        return short[message.status]
    if message.status == "done" and not message.text.strip():
        return tr("The model wrote nothing")
    return tr("Limit reached") if message.reply.reason == "limit" else ""


def _read(reply: Reply) -> str:
    """How many tokens of the prompt were computed for it, as far as that was noted."""
    read = reply.prompt_tokens if reply.computed_tokens is None else reply.computed_tokens
    return whole(read) if reply.prompt_tokens else ""


def _remembered(reply: Reply) -> str:
    if reply.computed_tokens is None or not reply.prompt_tokens:
        return ""
    known = max(reply.prompt_tokens - reply.computed_tokens, 0)
    counts = whole(known), whole(reply.prompt_tokens)
    if reply.approximate and known:
        return tr("{} of {} tokens, by rounded numbers or those of another format").format(*counts)
    words = tr("{} of {} tokens").format(*counts)
    return words.replace(" ", _STUCK)


def _after(first_token_s: float) -> str:
    return tr("after {}").format(seconds(first_token_s)) if first_token_s else ""

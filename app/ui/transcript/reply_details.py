"""How a reply was made: two or three figures for the line below it, and all of it in a card."""

from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFormLayout, QFrame, QVBoxLayout, QWidget

from app.messages.units import speed, whole
from app.store.records import Message
from app.ui.state.models.model_names import plain_way
from app.ui.widgets.parts import button, label

_EDGE, _GAP, _WIDEST = 14, 8, 420
_STUCK = "\u00a0"


def figures(message: Message) -> str:
    """The two or three that are worth a line; an ending is one of them where it is a surprise."""
    reply = message.reply
    parts = [_short_ending(message)]
    if reply.tokens:
        parts.append(_tr("{} tokens").format(whole(reply.tokens)))
        if reply.tokens_per_s:
            parts.append(speed(reply.tokens_per_s))
    said = f"{_STUCK}· ".join(part.replace(" ", _STUCK) for part in parts if part)
    return said or _tr("Details")


def facts(message: Message) -> list[tuple[str, str]]:
    """All that is known of how it was made, each with its name; what was never known is missing."""
    reply = message.reply
    way = plain_way(reply.strategy)
    rows = (
        (_tr("Ending"), ending(message)),
        (_tr("Model"), reply.model),
        (_tr("Runs as"), way),
        (_tr("Tokens"), whole(reply.tokens) if reply.tokens else ""),
        (_tr("Speed"), speed(reply.tokens_per_s) if reply.tokens_per_s else ""),
        (_tr("First word"), _after(reply.first_token_s) if reply.tokens else ""),
        (_tr("Tokens read"), whole(reply.prompt_tokens) if reply.prompt_tokens else ""),
        (_tr("Seed"), str(reply.seed) if reply.seed is not None else ""),
    )
    return [(name, value) for name, value in rows if value]


def ending(message: Message) -> str:
    """Why the text ends where it ends."""
    endings = {
        "stopped": _tr("Stopped"),
        "interrupted": _tr("Interrupted: the program was ended while this was written"),
        "failed": _tr("Failed"),
    }
    if message.status in endings:
        return endings[message.status]
    if message.status == "done" and not message.text.strip():
        return _tr("The model wrote nothing")
    reasons = {
        "limit": _tr("Reached the limit of tokens"),
        "stop": _tr("Complete"),
        "end": _tr("Complete"),
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
        self.setAccessibleName(_tr("About the reply"))
        self.text = "\n".join(f"{name}: {value}" for name, value in rows)
        self.copy = button(_tr("Copy"), "copy")
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
        "stopped": _tr("Stopped"),
        "interrupted": _tr("Interrupted"),
    }
    if message.status in short:
        return short[message.status]
    if message.status == "done" and not message.text.strip():
        return _tr("The model wrote nothing")
    return _tr("Limit reached") if message.reply.reason == "limit" else ""


def _after(first_token_s: float) -> str:
    return _tr("after {}").format(seconds(first_token_s)) if first_token_s else ""


def _tr(text: str) -> str:
    return QCoreApplication.translate("ReplyDetails", text)

"""Below a reply: what can be done with it, and how it was made, in dim small type."""

from PySide6.QtCore import QCoreApplication, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.messages.units import speed, whole
from app.store.records import Message
from app.ui.look.icons import icon
from app.ui.state.models.model_names import plain_numbers
from app.ui.widgets.parts import icon_button, label

from .branch_switch import BranchSwitch

BUTTON_EDGE = 8
"""How far the picture of its first button is from its left edge, in pixels."""
_HEIGHT, _SPACE = 30, 8
_THANKS_MS = 1500
_STUCK, _HYPHEN = "\u00a0", "\u2011"


class ReplyFoot(QWidget):
    """``copied``, ``regenerated`` and ``went_on`` when asked for; ``stepped`` to another branch."""

    copied = Signal()
    regenerated = Signal()
    went_on = Signal()
    stepped = Signal(int)

    def __init__(
        self, message: Message, parent: QWidget | None = None, *, may_go_on: bool = False
    ) -> None:
        super().__init__(parent)
        self.switch = BranchSwitch()
        self.switch.stepped.connect(self.stepped)
        self._copy = icon_button("copy", self.tr("Copy the reply"), 16)
        self._again = icon_button("regenerate", self.tr("Write the reply again"), 16)
        self._go_on = icon_button("continue", self.tr("Write on from here"), 16)
        self._go_on.setVisible(may_go_on and cut_short(message))
        self._go_on.clicked.connect(self.went_on)
        self._copy.clicked.connect(self._thank)
        self._again.clicked.connect(self.regenerated)
        words = footer(message)
        self._facts = label(words, "small", wrap=True)
        self._facts.setAccessibleName(self.tr("About the reply: {}").format(words))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.switch)
        row.addWidget(self._copy)
        row.addWidget(self._again)
        row.addWidget(self._go_on)
        row.addSpacing(_SPACE)
        row.addWidget(self._facts, 1)

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        """One line, or as many as the facts take beside the buttons."""
        parts = (self.switch, self._copy, self._again, self._go_on)
        taken = sum(part.sizeHint().width() for part in parts if not part.isHidden()) + _SPACE
        facts = self._facts.heightForWidth(max(width - taken, 80)) + _SPACE
        return max(_HEIGHT, facts, *(part.sizeHint().height() for part in parts))

    def _thank(self) -> None:
        self.copied.emit()
        self._copy.setIcon(icon("check", "good", 16))
        QTimer.singleShot(_THANKS_MS, self._copy, self._restore_icon)

    def _restore_icon(self) -> None:
        self._copy.setIcon(icon("copy", "text-dim", 16))


def cut_short(message: Message) -> bool:
    """Whether a reply ended before the model had ended it."""
    early = message.status in ("stopped", "interrupted", "failed")
    return bool(message.text.strip()) and (early or message.reply.reason == "limit")


def footer(message: Message) -> str:
    """The facts of a reply in one line; what was never known is left out."""
    reply = message.reply
    parts = [_ending(message), reply.model]
    if reply.tokens:
        parts.append(_tr("{} tokens").format(whole(reply.tokens)))
        if reply.tokens_per_s:
            parts.append(speed(reply.tokens_per_s))
        if reply.first_token_s:
            parts.append(_tr("first word after {}").format(seconds(reply.first_token_s)))
    parts.append(plain_numbers(reply.strategy.rpartition(" ")[2]).replace("-", _HYPHEN))
    if reply.seed is not None:
        parts.append(_tr("seed {}").format(reply.seed))
    whole_parts = [part.replace(" ", _STUCK) for part in parts if part]
    return f"{_STUCK}{_STUCK}·  ".join(whole_parts)  # lines break between the facts only


def seconds(amount: float) -> str:
    """A short time: ``340 ms``, ``2.1 s``."""
    return f"{amount * 1000:.0f} ms" if amount < 0.95 else f"{amount:.1f} s"


def _ending(message: Message) -> str:
    """Why the text ends where it ends."""
    endings = {
        "stopped": _tr("Stopped"),
        "interrupted": _tr("Interrupted: the program was ended while this was written"),
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


def _tr(text: str) -> str:
    return QCoreApplication.translate("ReplyFoot", text)

"""Below a reply: what can be done with it, and two or three figures that open all the others."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from app.messages.translate import tr
from app.store.records import Message
from app.ui.look.icons import icon
from app.ui.widgets.parts import button, icon_button

from .branch_switch import BranchSwitch
from .reply_details import ReplyDetails, facts, figures

BUTTON_EDGE = 8
"""How far the picture of its first button is from its left edge, in pixels."""
_HEIGHT, _SPACE = 30, 8
_THANKS_MS = 1500
_LEAST = 40  # of the figures, where the column is very narrow


class ReplyFoot(QWidget):
    """``copied``, ``edited``, ``regenerated``, ``went_on`` and ``compared`` when asked for;
    ``stepped`` to another branch."""

    copied = Signal()
    edited = Signal()
    compared = Signal()
    regenerated = Signal()
    went_on = Signal()
    stepped = Signal(int)

    def __init__(
        self, message: Message, parent: QWidget | None = None, *, may_go_on: bool = False
    ) -> None:
        super().__init__(parent)
        self.switch = BranchSwitch()
        self.switch.stepped.connect(self.stepped)
        self._copy = icon_button("copy", tr("Copy the reply"), 16)
        self._edit = icon_button("edit", tr("Edit the reply"), 16)
        self._again = icon_button("regenerate", tr("Write the reply again"), 16)
        self.compare = icon_button("columns", tr("Compare the versions, keep one or several"), 16)
        self.compare.hide()
        self._go_on = icon_button("continue", tr("Write on from here"), 16)
        if not (may_go_on and cut_short(message)):  # to show it before it lies here is a window
            self._go_on.hide()
        self._go_on.clicked.connect(self.went_on)
        self._copy.clicked.connect(self._thank)
        self._edit.clicked.connect(self.edited)
        self._again.clicked.connect(self.regenerated)
        self.compare.clicked.connect(self.compared)
        self._message = message
        words = figures(message)
        self.figures = button(words, role="fold")
        self.figures.setAccessibleName(tr("About the reply: {}").format(words))
        self.figures.setToolTip(tr("How this was made"))
        self.figures.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.figures.setMinimumWidth(_LEAST)
        if not facts(message):
            self.figures.hide()
        self.figures.clicked.connect(self._tell)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.switch)
        for part in (self.compare, self._copy, self._edit, self._again, self._go_on):
            row.addWidget(part)
        row.addSpacing(_SPACE)
        row.addWidget(self.figures)
        row.addStretch(1)

    def show_branch(self, number: int, count: int, name: str = "") -> None:
        """The ``number``-th of ``count`` versions, and what it is called."""
        self.switch.show_branch(number, count, name)
        self.compare.setVisible(count > 1)

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        """One line, however narrow."""
        parts = (self.switch, self._copy, self._again, self._go_on, self.figures)
        return max(_HEIGHT, *(part.sizeHint().height() for part in parts))

    def _tell(self) -> None:
        ReplyDetails(facts(self._message), self).open_at(self.figures)

    def _thank(self) -> None:
        self.copied.emit()
        self._copy.setIcon(icon("check", "good", 16))
        QTimer.singleShot(_THANKS_MS, self._copy, self._restore_icon)

    def _restore_icon(self) -> None:
        self._copy.setIcon(icon("copy", "text-dim", 16))


def cut_short(message: Message) -> bool:
    """Whether a reply ended before the model had ended it."""
    early = message.status in ("stopped", "interrupted", "failed")
    open_end = message.reply.reason == "limit" or (
        message.reply.edited and not message.reply.reason
    )
    return bool(message.text.strip()) and (early or open_end)

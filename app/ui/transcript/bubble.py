"""The person's words in a tinted bubble at the right, with what can be done with them below."""

from PySide6.QtCore import QEvent, QRect, Signal
from PySide6.QtGui import QEnterEvent, QPaintEvent, QResizeEvent, QTextDocument
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.look.text_style import TextStyle
from app.ui.widgets.parts import button

from .branch_switch import BranchSwitch
from .text_block import TextBlock

_PAD_X, _PAD_Y, _ACTIONS = 14, 9, 30
_SHARE = 0.82


class Bubble(QWidget):
    """``copied``, ``edited`` and ``unfolded`` when asked for; the actions show under the mouse."""

    copied = Signal()
    edited = Signal()
    unfolded = Signal()
    stepped = Signal(int)

    def __init__(
        self,
        document: QTextDocument,
        text_style: TextStyle,
        parent: QWidget | None = None,
        *,
        more: str = "",
    ) -> None:
        super().__init__(parent)
        self._frame = QFrame(self)
        self._frame.setProperty("bubble", "true")
        self.text = TextBlock(document, text_style, self._frame)
        self._more = button(more, role="link") if more else None
        if self._more is not None:
            self._more.setParent(self._frame)
            self._more.clicked.connect(self.unfolded)
        self._actions = QWidget(self)
        self.switch = BranchSwitch()
        self.switch.stepped.connect(self.stepped)
        row = QHBoxLayout(self._actions)
        row.setContentsMargins(0, 2, 0, 0)
        row.setSpacing(0)
        row.addStretch()
        row.addWidget(self.switch)
        self._quiet = [
            HoverButton("copy", tr("Copy your message")),
            HoverButton("edit", tr("Edit your message")),
        ]
        for quiet, signal in zip(self._quiet, (self.copied, self.edited), strict=True):
            quiet.clicked.connect(signal)
            row.addWidget(quiet)

    def plain(self) -> None:
        """Show no actions: more of the same message follows."""
        self._actions.hide()

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        frame = self._frame_size(width)
        return frame.height() + (0 if self._actions.isHidden() else self._actions_px())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        width = event.size().width()
        frame = self._frame_size(width)
        self._frame.setGeometry(frame)
        inner = frame.width() - 2 * _PAD_X
        height = self.text.heightForWidth(inner)
        self.text.setGeometry(_PAD_X, _PAD_Y, inner, height)
        if self._more is not None:
            size = self._more.sizeHint()
            self._more.setGeometry(_PAD_X - 4, _PAD_Y + height + 2, size.width(), size.height())
        self._actions.setGeometry(0, frame.height(), width, self._actions_px())

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802 (Qt's name)
        self._show_actions(now=True)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        self._show_actions(now=False)

    def _actions_px(self) -> int:
        return max(_ACTIONS, self._actions.sizeHint().height())

    def _show_actions(self, *, now: bool) -> None:
        for quiet in self._quiet:
            quiet.reveal(now=now)

    def _frame_size(self, width: int) -> QRect:
        """As wide as its words, at most most of the column; at the right edge."""
        widest = int(width * _SHARE) - 2 * _PAD_X
        document = self.text.document
        document.setTextWidth(widest)
        inner = min(int(document.idealWidth()) + 1, widest)
        more = 0
        if self._more is not None:
            inner = max(inner, self._more.sizeHint().width())
            more = self._more.sizeHint().height() + 2
        document.setTextWidth(inner)
        height = int(document.size().height() + 0.999) + 2 * _PAD_Y + more
        outer = inner + 2 * _PAD_X
        return QRect(width - outer, 0, outer, height)


class HoverButton(QToolButton):
    """A small button that is seen only when it is revealed or has the keyboard."""

    def __init__(self, picture: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._revealed = False
        self.setIcon(icon(picture, "text-dim", 16))
        self.setToolTip(name)
        self.setAccessibleName(name)

    def reveal(self, *, now: bool) -> None:
        """Show it, or keep its place empty."""
        self._revealed = now
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        if self._revealed or self.hasFocus():
            super().paintEvent(event)

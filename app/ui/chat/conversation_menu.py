"""What can be done with one conversation: its menu, and the button that opens it in a row."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeySequence
from PySide6.QtWidgets import QListView, QMenu, QToolButton, QWidget

from app.messages.translate import tr
from app.store.records import Conversation
from app.ui.look.icons import icon

from .conversation_list_model import Role

PIN_KEYS, RENAME_KEYS, DELETE_KEYS = "Ctrl+Shift+P", "F2", "Ctrl+Shift+Backspace"
_SIDE, _EDGE = 26, 4


@dataclass(frozen=True)
class ConversationVerbs:
    """What the entries of the menu do; each is told the conversation."""

    pin: Callable[[Conversation], None]
    rename: Callable[[Conversation], None]
    delete: Callable[[Conversation], None]


def conversation_menu(parent: QWidget, one: Conversation, verbs: ConversationVerbs) -> QMenu:
    """The menu of ``one``; it goes when it is closed."""
    menu = QMenu(parent)
    pin = tr("Unpin") if one.pinned else tr("Pin")
    for words, picture, role, keys, act in (
        (pin, "pin", "text-dim", PIN_KEYS, verbs.pin),
        (tr("Rename…"), "edit", "text-dim", RENAME_KEYS, verbs.rename),
        ("", "", "", "", None),
        (tr("Delete"), "trash", "bad", DELETE_KEYS, verbs.delete),
    ):
        if act is None:
            menu.addSeparator()
            continue
        native = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
        entry = menu.addAction(icon(picture, role), f"{words}\t{native}")
        entry.triggered.connect(lambda _on=False, act=act: act(one))
    menu.aboutToHide.connect(menu.deleteLater)
    return menu


class RowButton(QToolButton):
    """A "…" over the row under the pointer, or over the one that has the keyboard.

    ``pressed_for`` carries its conversation and the place for a menu on the screen.  The view
    tells it with ``rest`` that the pointer has left, or the keyboard come or gone.
    """

    pressed_for = Signal(object, QPoint)

    def __init__(self, view: QListView) -> None:
        super().__init__(view.viewport())
        self._view = view
        self._index = QPersistentModelIndex()
        self.setIcon(icon("more", "text-dim", 16))
        self.setIconSize(QSize(16, 16))
        self.setFixedSize(_SIDE, _SIDE)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setAccessibleName(tr("More"))
        self.hide()
        self.clicked.connect(self._press)
        view.entered.connect(self._show_on)
        view.selectionModel().currentChanged.connect(self.rest)
        view.verticalScrollBar().valueChanged.connect(self.rest)
        for signal in (view.model().modelReset, view.model().rowsRemoved):
            signal.connect(self.rest)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        super().focusOutEvent(event)
        self.rest()

    def rest(self) -> None:
        """Where the pointer is nowhere: at the row of the keyboard, if it is here."""
        here = self._view.hasFocus() or self.hasFocus()
        self._show_on(self._view.currentIndex() if here else QModelIndex())

    def _show_on(self, index: QModelIndex) -> None:
        one = index.data(Role.CONVERSATION) if index.isValid() else None
        self._index = QPersistentModelIndex(index)
        if one is None:
            self.hide()
            return
        row: QRect = self._view.visualRect(index)
        top = row.top() + (row.height() - _SIDE) // 2
        self.move(row.right() - _SIDE - _EDGE, top)
        name = tr("More about “{}”").format(index.data())
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.show()

    def _press(self) -> None:
        one = self._index.data(Role.CONVERSATION) if self._index.isValid() else None
        if one is not None:
            self.pressed_for.emit(one, self.mapToGlobal(self.rect().bottomLeft()))

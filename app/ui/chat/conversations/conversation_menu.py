"""The menus of conversations and folders, and the button that opens one in a row."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeySequence
from PySide6.QtWidgets import QListView, QMenu, QToolButton, QWidget

from app.messages.translate import tr
from app.store.records import Conversation
from app.ui.look.icons import icon

from .conversation_list_model import Role
from .conversation_verbs import Ones

PIN_KEYS, RENAME_KEYS, DELETE_KEYS = "Ctrl+Shift+P", "F2", "Ctrl+Shift+Backspace"
MOVE_KEYS, ARCHIVE_KEYS, DUPLICATE_KEYS = "Ctrl+Shift+G", "Ctrl+Shift+E", "Ctrl+Shift+D"
_SIDE, _EDGE = 26, 4


@dataclass(frozen=True)
class MenuVerbs:
    """What the entries of the menu do; each is told the conversations."""

    pin: Callable[[Ones], None]
    rename: Callable[[Conversation], None]
    move: Callable[[Ones], None]
    duplicate: Callable[[Ones], None]
    archive: Callable[[Ones], None]
    delete: Callable[[Ones], None]


def conversation_menu(parent: QWidget, ones: Ones, verbs: MenuVerbs) -> QMenu:
    """The menu of one conversation or of several; it goes when it is closed."""
    menu = QMenu(parent)
    pin = tr("Unpin") if all(one.pinned for one in ones) else tr("Pin")
    archive = tr("Take out of the archive") if all(one.archived for one in ones) else tr("Archive")
    _entry(menu, (pin, "pin", PIN_KEYS), lambda: verbs.pin(ones))
    if len(ones) == 1:
        _entry(menu, (tr("Rename…"), "edit", RENAME_KEYS), lambda: verbs.rename(ones[0]))
    _entry(menu, (tr("Move to a folder…"), "folder", MOVE_KEYS), lambda: verbs.move(ones))
    _entry(menu, (tr("Duplicate"), "copy", DUPLICATE_KEYS), lambda: verbs.duplicate(ones))
    _entry(menu, (archive, "archive", ARCHIVE_KEYS), lambda: verbs.archive(ones))
    menu.addSeparator()
    delete = tr("Delete")
    if len(ones) > 1:
        delete = tr("Delete {} conversations").format(len(ones))
    _entry(menu, (delete, "trash", DELETE_KEYS), lambda: verbs.delete(ones), "bad")
    menu.aboutToHide.connect(menu.deleteLater)
    return menu


def folder_menu(parent: QWidget, rename: Callable[[], None], dissolve: Callable[[], None]) -> QMenu:
    """The menu of a folder; it goes when it is closed."""
    menu = QMenu(parent)
    _entry(menu, (tr("Rename the folder…"), "edit", RENAME_KEYS), rename)
    _entry(menu, (tr("Dissolve the folder"), "close", ""), dissolve)
    menu.aboutToHide.connect(menu.deleteLater)
    return menu


def _entry(
    menu: QMenu, about: tuple[str, str, str], act: Callable[[], None], role: str = "text-dim"
) -> None:
    """``about`` is words, picture and keys."""
    words, picture, keys = about
    native = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    entry = menu.addAction(icon(picture, role), f"{words}\t{native}" if native else words)
    entry.triggered.connect(lambda _on=False: act())


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
        for signal in (view.model().rowsInserted, view.model().rowsRemoved):
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

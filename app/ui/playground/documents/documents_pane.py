"""The left side of the playground: search, the documents, and their trash."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QFontMetricsF, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListView, QMenu, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.store.changes import Change
from app.store.documents.document_records import Document
from app.store.trash import AT_ONCE
from app.ui.look.icons import icon
from app.ui.state.playground.playground_controller import PlaygroundController
from app.ui.state.services import Services
from app.ui.state.tasks import stored
from app.ui.widgets.parts import button, icon_button, label

from .document_delegate import DocumentDelegate
from .document_list_model import DocumentListModel, Row
from .trash_line import TrashLine

RENAME_KEYS, DELETE_KEYS = "F2", "Ctrl+Shift+Backspace"
_SEARCH_MS = 120
_WIDTH, _LETTERS = 216, 24
_AGE_MS = 6 * 3600 * 1000


class DocumentsPane(QWidget):
    """``chosen`` carries the id of a document to show, ``new_wanted`` asks for an empty one."""

    chosen = Signal(str)
    new_wanted = Signal()
    left = Signal()
    _stored = Signal()

    def __init__(
        self, services: Services, controller: PlaygroundController, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("conversations")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._services, self._controller = services, controller
        self._store = services.conversations.documents
        self.model = DocumentListModel()
        self.search = QLineEdit(placeholderText=tr("Search"), clearButtonEnabled=True)
        self.search.setAccessibleName(tr("Search all documents"))
        self.search.setToolTip(tr("Search all documents (Ctrl+Shift+F)"))
        mark = QAction(icon("search", "text-dim", 16), "", self.search)
        self.search.addAction(mark, QLineEdit.ActionPosition.LeadingPosition)
        self.list = _List()
        self.list.setModel(self.model)
        self.delegate = DocumentDelegate(services.theme, self.list)
        self.list.setItemDelegate(self.delegate)
        self.list.setAccessibleName(tr("Documents"))
        self._nothing = label("", "dim", wrap=True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.trash = button(tr("Trash"), "trash", role="quiet")
        self.trash.setCheckable(True)
        self.trash.setToolTip(tr("Deleted documents; they stay for 30 days"))
        self.line = TrashLine(services.theme)
        self._soon = QTimer(self, singleShot=True, interval=_SEARCH_MS)
        self._ages = QTimer(self, interval=_AGE_MS)
        self._looking: asyncio.Task[None] | None = None
        self._arrange()
        self._connect()
        self._ages.start()
        self._soon.start(0)
        QTimer.singleShot(0, self, self._let_age)

    def refresh(self) -> None:
        """Ask the store anew; the answer comes by itself."""
        self._soon.stop()
        if self._services.tasks.ended:
            return
        if self._looking is not None:
            self._looking.cancel()
        self._looking = self._services.tasks.start(self._look())

    def rename_open(self) -> None:
        """Let the person write another title for the document that is open."""
        self._edit_title(self._controller.document)

    def menu(self, one: Document) -> QMenu:
        """What can be done with a document; it goes when it is closed."""
        menu = QMenu(self)
        if self.trash.isChecked():
            entry = menu.addAction(icon("undo", "text-dim"), tr("Restore"))
            entry.triggered.connect(lambda: self.restore(one.id))
            entry = menu.addAction(icon("trash", "bad"), tr("Delete for good…"))
            entry.triggered.connect(lambda: self.line.ask([one]))
        else:
            for words, picture, keys, act in (
                (tr("Rename…"), "edit", RENAME_KEYS, self._edit_title),
                (tr("Delete"), "trash", DELETE_KEYS, self.delete),
            ):
                native = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
                role = "bad" if picture == "trash" else "text-dim"
                entry = menu.addAction(icon(picture, role), f"{words}\t{native}")
                entry.triggered.connect(lambda _on=False, act=act: act(one))
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    def delete(self, one: Document) -> None:
        """Put a document into the trash, with a way back at once."""
        if one.id == self._controller.document.id:
            self._controller.stop()  # what is stored after a deletion would take it back
        self._controller.keeper.now()
        if self.list.currentIndex() == self.model.index_of(one.id):
            self.list.setCurrentIndex(QModelIndex())  # a second press is not for the next one
        self.model.take_out(one.id)
        work = self._part_with(one, self._store.delete(one.id))
        self._services.tasks.start(work, lambda: self._soon.start(_SEARCH_MS))

    def restore(self, document: str) -> None:
        """Take a document out of the trash, and show it."""
        self.trash.setChecked(False)
        self._services.tasks.start(self._bring_back(document))

    def _remove(self, documents: tuple[str, ...]) -> None:
        """For good; whoever looks at the trash sees it at once."""
        for one in documents:
            self.model.take_out(one)
        work = self._remove_all(documents)
        self._services.tasks.start(work, lambda: self._soon.start(_SEARCH_MS))

    async def _remove_all(self, documents: tuple[str, ...]) -> None:
        """By and by, so that whatever else is stored or read need not wait for all of them."""
        for start in range(0, len(documents), AT_ONCE):
            await stored(self._store.remove(documents[start : start + AT_ONCE]))

    def _settle(self) -> None:
        (self.list if self.model.rowCount() else self.trash).setFocus()

    async def _part_with(self, one: Document, deleted: "Future[None]") -> None:
        await stored(deleted)
        self._controller.drop(one.id)
        words = tr("“{}” is in the trash.").format(one.title or tr("Untitled"))
        self._services.notices.undo(words, lambda: self.restore(one.id))

    async def _bring_back(self, document: str) -> None:
        await stored(self._store.restore(document))
        self.chosen.emit(document)

    async def _look(self) -> None:
        if self.delegate.renaming:  # new rows would take the field away
            return
        words = self.search.text().strip()
        count = await asyncio.wrap_future(self._store.trash_count())
        if self.trash.isChecked():
            trashed = await asyncio.wrap_future(self._store.trash())
            self._show(trashed, tr("The trash is empty."), count)
        elif words:
            found = await asyncio.wrap_future(self._store.search(words))
            self._show(found, tr("Nothing found for “{}”.").format(words), count)
        else:
            kept = await asyncio.wrap_future(self._store.all())
            self._show(kept, tr("What you write is kept here."), count)

    def _show(self, rows: Sequence[Row], nothing: str, count: int) -> None:
        if self.delegate.renaming:
            return
        self.model.show_rows(rows)
        full = tr("Trash · {}").format(count) if count else tr("Trash")
        inside = self.trash.isChecked()
        self.trash.setText(tr("Documents") if inside else full)
        self.trash.setIcon(icon("chevron-left" if inside else "trash", "text", 16))
        self.line.setVisible(inside and bool(self.model.rowCount()))
        self._nothing.setText(nothing)
        self._nothing.setVisible(not self.model.rowCount())
        self.list.setVisible(bool(self.model.rowCount()))
        self._mark()

    def _mark(self) -> None:
        index = self.model.index_of(self._controller.document.id)
        self.list.setCurrentIndex(index)
        if not index.isValid():
            self.list.clearSelection()

    def _note(self, change: Change) -> None:
        """Comes from the store's thread."""
        if change.what == "documents":
            self._stored.emit()

    def _rename(self, ident: str, title: str) -> None:
        self._controller.rename(ident, title)
        self._soon.start(_SEARCH_MS)

    def _choose(self, index: QModelIndex) -> None:
        one = self.model.document(index)
        if one is None:
            return
        if self.model.is_trashed(index):
            self.restore(one.id)
        elif one.id != self._controller.document.id:
            self.chosen.emit(one.id)

    def _menu_at(self, point: QPoint) -> None:
        one = self.model.document(self.list.indexAt(point))
        if one is not None:
            self.menu(one).popup(self.list.viewport().mapToGlobal(point))

    def _edit_title(self, one: Document) -> None:
        index = self.model.index_of(one.id)
        if index.isValid():
            self.show()
            self.list.setFocus()
            self.list.setCurrentIndex(index)
            self.list.edit(index)

    def _delete_current(self) -> None:
        index = self.list.currentIndex()
        one = self.model.document(index)
        if one is not None and self.model.is_trashed(index):
            self.line.ask([one])
        elif one is not None:
            self.delete(one)

    def _let_age(self) -> None:
        if not self._services.tasks.ended:
            self._services.tasks.start(self._remove_old())

    async def _remove_old(self) -> None:
        while await stored(self._store.remove_old()) >= AT_ONCE:
            pass

    def _connect(self) -> None:
        self._soon.timeout.connect(self.refresh)
        self._ages.timeout.connect(self._let_age)
        self._stored.connect(lambda: self._soon.start(_SEARCH_MS))
        self.search.textChanged.connect(lambda: self._soon.start(_SEARCH_MS))
        self.search.returnPressed.connect(lambda: self._choose(self.model.index(0)))
        self.trash.toggled.connect(self.line.settle)
        self.trash.toggled.connect(self.refresh)
        self.line.empty_wanted.connect(lambda: self.line.ask(self.model.documents))
        self.line.agreed.connect(self._remove)
        self.line.settled.connect(self._settle)
        self.model.renamed.connect(self._rename)
        self.list.clicked.connect(self._choose)
        self.list.activated.connect(self._choose)
        self.list.delete_pressed.connect(self._delete_current)
        self.list.customContextMenuRequested.connect(self._menu_at)
        self.delegate.left.connect(lambda: self._soon.start(_SEARCH_MS))
        self._controller.opened.connect(self._mark)
        self.destroyed.connect(self._store.changes.listen(self._note))

    def _arrange(self) -> None:
        space = self._services.theme.space
        new = icon_button("plus", tr("New document"))
        new.clicked.connect(self.new_wanted)
        head = QHBoxLayout()
        head.setSpacing(space("xs"))
        head.addWidget(self.search, 1)
        head.addWidget(new)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("m"), space("m"), space("s"), space("s"))
        column.setSpacing(space("s"))
        column.addLayout(head)
        column.addWidget(self._nothing)
        column.addWidget(self.list, 1)
        column.addStretch()
        column.addWidget(self.line)
        column.addWidget(self.trash, 0, Qt.AlignmentFlag.AlignLeft)
        self.line.hide()
        self._widen()
        self._services.theme.changed.connect(self._widen)

    def _widen(self) -> None:
        """Room for the beginning of a title, in large type too."""
        letter = QFontMetricsF(self._services.theme.font()).averageCharWidth()
        self.setFixedWidth(max(_WIDTH, round(_LETTERS * letter)))


class _List(QListView):
    """F2 renames, Delete deletes; hovering is seen."""

    delete_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.setEditTriggers(QListView.EditTrigger.EditKeyPressed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

"""The comparisons that were made, the newest first; a deleted one can be brought back."""

import asyncio

from PySide6.QtCore import QDateTime, QLocale, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.store.changes import Change
from app.store.comparisons.comparison_records import Comparison
from app.ui.look.icons import icon
from app.ui.state.comparison.grid_controller import GridController
from app.ui.state.services import Services
from app.ui.state.tasks import stored
from app.ui.widgets.parts import button, label

_WIDTH, _LETTERS = 220, 30


class KeptList(QWidget):
    """``chosen`` carries the id of a comparison, ``new_wanted`` asks for another one."""

    chosen = Signal(str)
    new_wanted = Signal()
    _told = Signal()

    def __init__(self, services: Services, controller: GridController) -> None:
        super().__init__()
        self.setObjectName("conversations")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._services, self._controller = services, controller
        self._store = services.conversations.comparisons
        self._dirty = True
        self.new = button(tr("New comparison"), "plus")
        self.list = _List()
        self.list.setAccessibleName(tr("Comparisons"))
        self.none = label(tr("What you compare is kept here."), "dim", wrap=True)
        self.delete = button(tr("Delete"), "close", role="quiet")
        self.trash = button(tr("Trash"), "trash", role="quiet")
        self.trash.setCheckable(True)
        self._arrange()
        self.new.clicked.connect(self.new_wanted)
        self.list.itemActivated.connect(self._choose)
        self.list.itemClicked.connect(self._choose)
        self.list.delete_pressed.connect(self.delete_chosen)
        self.delete.clicked.connect(self.delete_chosen)
        self.trash.toggled.connect(self.refresh)
        self._told.connect(self.refresh)
        self.destroyed.connect(services.conversations.changes.listen(self._hear))
        controller.opened.connect(self._mark)

    def refresh(self) -> None:
        """Look what there is."""
        if not self._services.tasks.ended:
            self._services.tasks.start(self._refresh())

    def delete_chosen(self) -> None:
        """Put the comparison that is chosen into the trash; it can be brought back."""
        item = self.list.currentItem()
        if item is not None and not self.trash.isChecked():
            ident = str(item.data(Qt.ItemDataRole.UserRole))
            self.list.takeItem(self.list.row(item))  # at once: nobody deletes it twice
            self._services.tasks.start(self._delete(ident))

    async def _delete(self, ident: str) -> None:
        self._controller.drop(ident)
        await stored(self._store.delete(ident))

        def bring_back() -> None:
            self._services.tasks.start(self._restore(ident))

        self._services.notices.undo(tr("The comparison was deleted."), bring_back)

    async def _restore(self, ident: str) -> None:
        await stored(self._store.restore(ident))
        await self._controller.open(ident)

    async def _refresh(self) -> None:
        trashed = await asyncio.wrap_future(self._store.trash())
        inside = self.trash.isChecked()
        found = trashed if inside else await asyncio.wrap_future(self._store.all())
        if inside != self.trash.isChecked():
            return  # the other list was asked for meanwhile
        self.list.clear()
        for one in found:
            title = one.title or tr("Without a text")
            item = QListWidgetItem(f"{title}\n{_below(one)}")
            item.setData(Qt.ItemDataRole.UserRole, one.id)
            item.setToolTip(tr("Take it out of the trash") if inside else title)
            item.setSizeHint(QSize(0, 2 * self._services.theme.line_px() + 12))
            self.list.addItem(item)
        full = tr("Trash · {}").format(len(trashed)) if trashed else tr("Trash")
        self.trash.setText(tr("Comparisons") if inside else full)
        self.trash.setIcon(icon("chevron-left" if inside else "trash", "text", 16))
        empty = tr("The trash is empty.") if inside else tr("What you compare is kept here.")
        self.none.setText(empty)
        self.none.setVisible(not found)
        self.list.setVisible(bool(found))
        self._mark()

    def _mark(self) -> None:
        """The one that is shown is the chosen one."""
        shown = self._controller.shown
        for at in range(self.list.count()):
            item = self.list.item(at)
            if shown is not None and item.data(Qt.ItemDataRole.UserRole) == shown.id:
                self.list.setCurrentItem(item)
                break
        else:
            self.list.setCurrentRow(-1)
        chosen = self.list.currentItem() is not None
        self.delete.setVisible(chosen and not self.trash.isChecked())

    def _choose(self, item: QListWidgetItem) -> None:
        ident = str(item.data(Qt.ItemDataRole.UserRole))
        if self.trash.isChecked():
            self.trash.setChecked(False)
            self._services.tasks.start(self._restore(ident))
        else:
            self.chosen.emit(ident)

    def _hear(self, change: Change) -> None:
        """From any thread."""
        if change.what == "comparisons":
            self._told.emit()

    def _arrange(self) -> None:
        space = self._services.theme.space
        self._widen()
        self._services.theme.changed.connect(self._widen)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        foot = QHBoxLayout()
        foot.addWidget(self.trash)
        foot.addStretch(1)
        foot.addWidget(self.delete)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("s"), space("s"), space("s"), space("s"))
        column.setSpacing(space("s"))
        column.addWidget(self.new)
        column.addWidget(self.none)
        column.addWidget(self.list, 1)
        column.addLayout(foot)
        column.addStretch(0)

    def _widen(self) -> None:
        """Room for the beginning of a title and both verbs, in large type too."""
        letter = QFontMetricsF(self._services.theme.font()).averageCharWidth()
        self.setFixedWidth(max(_WIDTH, round(_LETTERS * letter)))


def _below(one: Comparison) -> str:
    when = QDateTime.fromSecsSinceEpoch(int(one.updated))
    day = QLocale().toString(when, QLocale.FormatType.ShortFormat)
    ways, rows = len(one.grid.ways), len(one.grid.rows)
    return tr("{ways} × {rows} · {day}").format(ways=ways, rows=rows, day=day)


class _List(QListWidget):
    """Delete deletes."""

    delete_pressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

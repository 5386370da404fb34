"""The States page: the list of named states, one of them beside it, and the cards for new ones."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QListView,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.library.states.state_records import NamedState, Unfinished
from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.state.commands import Command, Habit
from app.ui.state.model_opener import ModelOpener
from app.ui.state.services import Services
from app.ui.state.states.state_fit import Fit, can_begin, fit_of, line_words
from app.ui.widgets.blank import Blank
from app.ui.widgets.page import Page
from app.ui.widgets.parts import button, label

from .state_delegate import StateDelegate
from .state_details import StateDetails
from .state_list_model import Row, StateListModel, amount_of
from .state_verbs import StateVerbs
from .states_head import StatesHead
from .unfinished_details import UnfinishedDetails, reading_words

_LIST_PX, _DETAILS_LEAST, _DETAILS_MOST = 560, 280, 460


class StatesPage(Page):
    """Shows ``services.named_states``; a state that is to be talked to goes to the chat."""

    def __init__(self, services: Services, opening: ModelOpener) -> None:
        super().__init__()
        self._services = services
        self.named = services.named_states
        self.verbs = StateVerbs(services, opening, self)
        self.reader = self.verbs.reader
        self.head = StatesHead(services.theme)
        self.model = StateListModel()
        self.list = _List()
        self.list.setModel(self.model)
        self.list.setItemDelegate(StateDelegate(services.theme, self.list))
        self.list.setAccessibleName(tr("Named states"))
        self.trash = button(tr("Trash"), "trash", role="quiet")
        self.trash.setCheckable(True)
        self.trash.setToolTip(tr("Deleted states; they stay for 30 days"))
        self._nothing = label(tr("The trash is empty."), "dim")
        self.details = StateDetails(services.theme)
        self.unfinished = UnfinishedDetails(services.theme)
        self.blank = Blank(services.theme, "states")
        self._beside, self._stack = QStackedWidget(), QStackedWidget()
        self._chosen, self._begun, self._deleted = "", False, False
        self._arrange()
        self._connect()
        self.named.remove_old()
        self._show()

    def commands(self) -> Sequence[Command]:
        group = tr("States page")
        return (
            Command(tr("Read a text once"), self.verbs.read_text, "Ctrl+Shift+N", "plus", group),
            Command(tr("Import a state"), self.verbs.ask_files, "", "folder-open", group),
            Command(tr("Rename the state"), self._rename, "F2", "edit", group),
            Command(tr("Look again"), self.named.refresh, "F5", "refresh", group),
        )

    def habits(self) -> Sequence[Habit]:
        group = tr("States page")
        return (
            Habit(tr("Chat from the selected state"), "Return", group),
            Habit(tr("Move the selected state to the trash"), "Del", group),
        )

    def arrived(self) -> None:
        self.named.refresh()
        super().arrived()

    def take_keyboard(self) -> None:
        if self._stack.currentWidget() is self.blank:
            self.blank.take_keyboard()
        else:
            self.list.setFocus()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.WindowActivate and self.isVisible():
            self.named.refresh()  # another window may have changed something
        return super().event(event)

    def take_dropped(self, paths: Sequence[Path]) -> bool:
        """States are brought in, and texts are to be read; the window takes models."""
        return self.verbs.take_dropped(paths)

    @property
    def row(self) -> Row | None:
        """What is selected."""
        return self.model.row(self.model.index_of(self._chosen))

    # what is shown

    def _show(self) -> None:
        named, inside = self.named, self.trash.isChecked()
        rows: list[Row] = [*named.trashed] if inside else [*named.unfinished, *named.states]
        loaded = self._services.session.loaded
        self._note_share()
        fits = {row.id: fit_of(row, loaded) for row in rows if isinstance(row, NamedState)}
        dim = frozenset(ident for ident, fit in fits.items() if not can_begin(fit) and loaded)
        self.model.show_rows(rows, {row.id: self._line(row) for row in rows}, dim)
        self.head.show_use(named.used_bytes, named.budget_bytes, len(named.states))
        count = len(named.trashed)
        full = tr("Trash · {}").format(count) if count else tr("Trash")
        self.trash.setText(tr("States") if inside else full)
        self.trash.setIcon(icon("chevron-left" if inside else "trash", "text", 16))
        self._nothing.setVisible(inside and not rows)
        empty = not (rows or named.trashed or self.reader.reading or inside)
        self._stack.setCurrentWidget(self.blank if empty else self._filled)
        self.head.read.setVisible(not empty)  # the blank page has that button itself
        self._say_nothing()
        self._choose_anew(rows)
        self._select()
        self._show_chosen()

    def _choose_anew(self, rows: Sequence[Row]) -> None:
        """A text that was begun once it has a row; the first where nothing is chosen.

        Nothing where a state was just deleted: a second press of the key is not for another one.
        """
        reading = self.reader.reading
        if self._begun and reading is not None:
            if reading.id and self.model.index_of(reading.id).isValid():
                self._chosen, self._begun = reading.id, False
            return
        self._begun = False
        if self.row is None and rows and not self._deleted:
            self._chosen = rows[0].id

    def _say_nothing(self) -> None:
        if not self.named.known:
            self.blank.say(tr("Looking for states…"), "")
            return
        words = tr(
            "A book, a manual, rules or a persona is read a single time and kept as a state. Any "
            "number of chats begins from it at once, however long the text was."
        )
        self.blank.say(tr("Nothing has been read yet"), words, tr("Read a text…"))

    def _line(self, row: Row) -> str:
        if isinstance(row, NamedState):
            days = self.named.files.days_left(row) if row.note.trashed is not None else 0
            gone = tr("{} days left").format(days) if days else ""
            return " · ".join(filter(None, (line_words(row), gone)))
        reading = self.reader.reading
        if reading is not None and reading.id == row.id:
            return reading_words(reading)
        return tr("stopped at {}").format(amount_of(row))

    def _select(self) -> None:
        index = self.model.index_of(self._chosen)
        if self.list.currentIndex() != index:
            self.list.setCurrentIndex(index)

    def _show_chosen(self) -> None:
        row, reading = self.row, self.reader.reading
        is_read = reading is not None and (row is None or reading.id == row.id)
        if reading is not None and is_read:
            self.unfinished.show_reading(reading)
            self._beside.setCurrentWidget(self.unfinished)
        elif isinstance(row, Unfinished):
            self._show_unfinished(row)
        elif isinstance(row, NamedState):
            fit = fit_of(row, self._services.session.loaded)
            path = row.note.model_path
            there = bool(path) and Path(path).exists() and fit in (Fit.OTHER, Fit.NONE)
            self.details.show_state(row, fit, model_there=there)
            self._beside.setCurrentWidget(self.details)
        self._beside.setVisible(row is not None or is_read)

    def _show_unfinished(self, row: Unfinished) -> None:
        loaded, path = self._services.session.loaded, row.job.note.model_path
        self.unfinished.show_unfinished(
            row,
            fits=loaded is not None and loaded.fingerprint == row.job.fingerprint,
            model_there=bool(path) and Path(path).exists(),
            elsewhere=row.id in self.named.elsewhere,
            failure=self.reader.failures.get(row.id),
        )
        self._beside.setCurrentWidget(self.unfinished)

    def _note_share(self) -> None:
        reading = self.reader.reading
        if reading is not None and reading.total:
            self.model.show_share(reading.id, reading.done / reading.total)
        else:
            self.model.show_share("", 1.0)

    def _show_reading(self) -> None:
        """Only what changes while a text is read."""
        reading = self.reader.reading
        self._note_share()
        if reading is None or (reading.id and not self.model.index_of(reading.id).isValid()):
            self._show()
        else:
            self.model.show_rows(self.model.rows, self._lines(), self.model.dim)
            if not isinstance(self.row, NamedState):
                self._show_chosen()

    def _lines(self) -> dict[str, str]:
        return {row.id: self._line(row) for row in self.model.rows}

    def _choose(self, index: QModelIndex) -> None:
        row = self.model.row(index)
        if row is not None and row.id != self._chosen:
            self.details.keep_typed()
            self._chosen, self._deleted = row.id, False
            self._show_chosen()

    def _show_added(self, ident: str) -> None:
        """What has come is selected, so that something can be done with it at once."""
        self._deleted = False
        self.trash.setChecked(False)
        self._chosen = ident
        self._show()

    # verbs

    def _act(self, verb: str) -> None:
        row = self.row
        if not isinstance(row, NamedState):
            return
        if verb in ("delete", "remove"):
            self._chosen, self._deleted = "", True
        self.verbs.act(verb, row)

    def _act_unfinished(self, verb: str) -> None:
        row = self.row
        if verb == "stop":
            self.reader.stop()
        elif isinstance(row, Unfinished):
            self.verbs.act_unfinished(verb, row)

    def _show_inspected(self, ident: str, norms: list[list[float]]) -> None:
        if self._chosen == ident:
            self.details.show_norms(norms)

    def _show_begun(self) -> None:
        """A text is being read: it is what is shown, before it has a row."""
        self._chosen, self._begun = "", True
        self._show()

    def _toggle_trash(self) -> None:
        self._deleted = False
        self._show()

    def _delete_current(self) -> None:
        if isinstance(self.row, NamedState) and not self.trash.isChecked():
            self._act("delete")

    def _enter(self) -> None:
        row = self.row
        if isinstance(row, NamedState) and can_begin(fit_of(row, self._services.session.loaded)):
            self._act("chat" if row.note.trashed is None else "restore")

    def _rename(self) -> None:
        if isinstance(self.row, NamedState):
            self.details.name.setFocus()
            self.details.name.selectAll()

    def _connect(self) -> None:
        self.named.changed.connect(self._show)
        self.named.added.connect(self._show_added)
        self.reader.changed.connect(self._show_reading)
        self.reader.finished.connect(self._show_added)
        self._services.session.changed.connect(self._show)
        self.head.read.clicked.connect(self.verbs.read_text)
        self.head.bring_in.clicked.connect(self.verbs.ask_files)
        self.blank.pressed.connect(self.verbs.read_text)
        self.verbs.begun.connect(self._show_begun)
        self.verbs.inspected.connect(self._show_inspected)
        self.trash.toggled.connect(self._toggle_trash)
        self.list.selectionModel().currentChanged.connect(lambda now, _before: self._choose(now))
        self.list.activated.connect(lambda _index: self._enter())
        self.list.delete_pressed.connect(self._delete_current)
        self.details.acted.connect(self._act)
        self.details.renamed.connect(self.named.rename)
        self.details.described.connect(self.named.say_about)
        self.unfinished.acted.connect(self._act_unfinished)

    def _arrange(self) -> None:
        space = self._services.theme.space
        listing = QWidget()
        column = QVBoxLayout(listing)
        column.setContentsMargins(space("l"), 0, space("s"), space("s"))
        column.setSpacing(space("s"))
        column.addWidget(self._nothing)
        column.addWidget(self.list, 1)
        column.addWidget(self.trash, 0, Qt.AlignmentFlag.AlignLeft)
        self._beside.addWidget(self.details)
        self._beside.addWidget(self.unfinished)
        self._beside.setMinimumWidth(_DETAILS_LEAST)
        self._beside.setMaximumWidth(_DETAILS_MOST)
        self._filled = QSplitter(Qt.Orientation.Horizontal)
        self._filled.setChildrenCollapsible(False)
        self._filled.setHandleWidth(1)
        self._filled.addWidget(listing)
        self._filled.addWidget(self._beside)
        self._filled.setStretchFactor(0, 1)
        self._filled.setStretchFactor(1, 0)
        self._filled.setSizes([_LIST_PX, 360])
        self._stack.addWidget(self._filled)
        self._stack.addWidget(self.blank)
        content = QWidget()
        self.centre(content)
        below = QVBoxLayout(content)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(self.head)
        below.addWidget(self._stack, 1)


class _List(QListView):
    """Delete deletes; hovering is seen."""

    delete_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

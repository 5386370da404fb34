"""The batches at the left, the one that is shown in the middle, its settings at the right."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QHideEvent,
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QStackedLayout,
    QVBoxLayout,
)

from app.errors import RequestRefused
from app.messages.translate import tr
from app.runtime.checkpoint.file_names import MODEL_ENDINGS
from app.ui.playground.playground_part import PlaygroundPart
from app.ui.playground.settings.writing_settings_panel import WritingSettingsPanel
from app.ui.playground.writing_columns import WritingColumns
from app.ui.state.batch.batch import Batch
from app.ui.state.batch.batch_configuration import BatchConfiguration
from app.ui.state.batch.batch_places import ROW_ENDINGS
from app.ui.state.batch.batch_words import name_of
from app.ui.state.batch.batches import Batches
from app.ui.state.commands import Command, Habit
from app.ui.state.services import Services
from app.ui.widgets.blank import Blank
from app.ui.widgets.dialogs import ask
from app.ui.widgets.failure_note import FailureNote
from app.ui.widgets.parts import Elided, button, icon_button

from .batch_foot import BatchFoot
from .batch_list import BatchList
from .batch_setup import BatchSetup
from .row_details import RowDetails
from .row_table import RowTable

_RUN = "Ctrl+Return"
_HIGH = 30  # lines, with which there is room for everything


class BatchView(PlaygroundPart):
    """A file that is dropped here becomes a batch."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self.batches = Batches(services, self)
        self.configuration = BatchConfiguration(services, self.batches, self)
        self.list = BatchList(services.theme, self.batches)
        self.panel = WritingSettingsPanel(services, self.configuration, tr("Settings of the rows"))
        self.blank = Blank(services.theme, "file")
        self.title = Elided("", "strong")
        self.sidebar = icon_button("sidebar", tr("Batches (Ctrl+B)"))
        self.sliders = icon_button("sliders", tr("Settings of the rows (Ctrl+.)"))
        self.setup = BatchSetup(services.theme, lambda: self.batches.outputs)
        self.failure = FailureNote(services.theme)
        self.adopt = button(tr("Go on with that output"), "continue")
        self.table = RowTable(services.theme)
        self.details = RowDetails(services.theme)
        self.foot = BatchFoot(services.theme)
        self._stack = QStackedLayout(self)
        self.setAcceptDrops(True)
        self._arrange()
        self._connect()
        if self.batches.all:
            self.batches.choose(self.batches.all[-1])
        self.refresh()

    def commands(self) -> Sequence[Command]:
        group, columns = tr("Batch"), self._columns
        return (
            Command(tr("New batch from a file"), self.ask_file, "Ctrl+Shift+N", "plus", group),
            Command(tr("Try the first rows"), self._try, "Ctrl+Shift+Return", "play", group),
            Command(tr("Run the batch, or go on with it"), self._start, _RUN, "play", group),
            Command(tr("Pause the batch"), self._pause, "", "pause", group),
            Command(tr("Run failed rows once more"), self._retry, "", "refresh", group),
            Command(tr("Show or hide batches"), columns.toggle_pane, "Ctrl+B", "sidebar", group),
            Command(tr("Settings of the rows"), columns.toggle_panel, "Ctrl+.", "sliders", group),
        )

    def habits(self) -> Sequence[Habit]:
        group = tr("Batch")
        return (
            Habit(tr("Pause the batch"), "Esc", group),
            Habit(tr("Take a batch off the list, in the list"), "Del", group),
        )

    def take_keyboard(self) -> None:
        batch = self.batches.chosen
        if batch is None:
            self.blank.take_keyboard()
        elif not batch.kept.begun:
            self.setup.template.setFocus()
        else:
            self.foot.main.setFocus()

    def ask_file(self) -> None:
        """Let the person choose a file of rows."""
        dialog = QFileDialog(self, tr("Rows to run"), str(self._folder()))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters(
            [
                tr("Rows ({})").format("*.csv *.tsv *.jsonl *.ndjson *.txt"),
                tr("All files ({})").format("*"),
            ]
        )
        dialog.filesSelected.connect(lambda places: self.add([Path(one) for one in places]))
        ask(dialog)

    def add(self, files: Sequence[Path]) -> None:
        """A batch for each; the last one is shown."""
        for one in files:
            self.batches.add(one)
        self.take_keyboard()

    def start_interrupted(self) -> None:
        """Go on with what a closed window or a crash has cut."""
        for batch in [one for one in self.batches.all if one.kept.id in self.batches.interrupted]:
            self.batches.choose(batch)
            batch.go_on_when_read()
        self.batches.interrupted = []

    def refresh(self) -> None:
        """Show the batch that is chosen, as it stands."""
        batch = self.batches.chosen
        self._stack.setCurrentIndex(0 if batch is None else 1)
        self.setup.show_batch(batch)
        self.table.show_batch(batch)
        if batch is None:
            self.details.show_row(None)
            return
        self.title.setText(name_of(batch))
        self.panel.allow_changes(allowed=not batch.kept.begun)
        self.table.setVisible(bool(self.table.rows.rowCount()))
        self.failure.show_failure(None if _waits(batch) else batch.failure)
        self.adopt.setVisible(_is_there(batch))
        session = self._services.session
        able = session.loaded is None or session.loaded.has_tokenizer
        ready = able and (session.loaded is not None or session.opening is not None)
        self.foot.show_batch(batch, ready=ready)

    # Qt

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        line = self._services.theme.line_px()
        self.setup.tighten(tight=self.height() < _HIGH * line)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        """What is typed is kept before the window closes."""
        self.setup.keep_typed()
        self.panel.keep_typed()
        super().hideEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 (Qt's name)
        if rows_in(event):
            event.acceptProposedAction()
        else:
            event.ignore()  # a model is the window's

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 (Qt's name)
        files = rows_in(event)
        if files:
            event.acceptProposedAction()
            self.add(files)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        batch = self.batches.chosen
        if event.key() == Qt.Key.Key_Escape and batch is not None and batch.busy:
            batch.pause()
        else:
            event.ignore()

    # verbs

    def _try(self) -> None:
        batch = self.batches.chosen
        if batch is not None:
            self.setup.keep_typed()
            batch.try_some()

    def _start(self) -> None:
        batch = self.batches.chosen
        if batch is not None:
            self.setup.keep_typed()
            self.batches.start(batch)

    def _pause(self) -> None:
        if self.batches.chosen is not None:
            self.batches.chosen.pause()

    def _retry(self) -> None:
        if self.batches.chosen is not None:
            self.batches.retry(self.batches.chosen)

    def _open_model(self) -> None:
        """The one that the batch was begun with; it goes on by itself then."""
        batch = self.batches.chosen
        if batch is not None and batch.wanted is not None:
            path, strategy = batch.wanted
            self._services.session.open(Path(path), strategy)

    def _open_folder(self) -> None:
        batch = self.batches.chosen
        if batch is not None:
            folder = Path(batch.kept.output).parent
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _adopt(self) -> None:
        if self.batches.chosen is not None:
            self.batches.chosen.adopt()

    def _remove(self, batch: Batch) -> None:
        kept = batch.kept
        self.batches.remove(batch)
        words = tr("“{}” is off the list; what it has written stays.").format(name_of(batch))
        self._services.notices.undo(words, partial(self.batches.bring_back, kept))

    # inside

    def _folder(self) -> Path:
        batch = self.batches.chosen
        return Path(batch.kept.input).parent if batch else Path.home()

    def _show_another(self) -> None:
        self.table.clearSelection()
        self.table.setCurrentIndex(self.table.rootIndex())
        self.refresh()

    def _connect(self) -> None:
        self.batches.chosen_changed.connect(self._show_another)
        self.batches.moved_on.connect(self.refresh)
        self.batches.listed.connect(self.refresh)
        self._services.session.changed.connect(self.refresh)
        self.list.new_wanted.connect(self.ask_file)
        self.list.remove_wanted.connect(self._remove)
        self.blank.pressed.connect(self.ask_file)
        self.panel.closed.connect(self._columns.toggle_panel)
        self.sidebar.clicked.connect(self._columns.toggle_pane)
        self.sliders.clicked.connect(self._columns.toggle_panel)
        self.adopt.clicked.connect(self._adopt)
        self.table.row_chosen.connect(self.details.show_row)
        foot = self.foot
        for signal, act in (
            (foot.try_wanted, self._try),
            (foot.start_wanted, self._start),
            (foot.pause_wanted, self._pause),
            (foot.retry_wanted, self._retry),
            (foot.open_wanted, self._open_model),
            (foot.folder_wanted, self._open_folder),
        ):
            signal.connect(act)

    def _arrange(self) -> None:
        space = self._services.theme.space
        self.blank.say(
            tr("Run many rows through the model"),
            tr(
                "Drop a CSV, TSV or JSONL file here, or a text whose lines are rows. "
                "Three rows are tried before all of them, and each finished row is on the disk."
            ),
            tr("Choose a file…"),
        )
        head = QHBoxLayout()
        head.setContentsMargins(space("s"), space("s"), space("s"), 0)
        head.setSpacing(space("s"))
        head.addWidget(self.sidebar)
        head.addWidget(self.title, 1)
        head.addWidget(self.sliders)
        inside = QVBoxLayout()
        inside.setContentsMargins(space("l"), space("s"), space("l"), 0)
        inside.setSpacing(space("m"))
        for part, stretch in (
            (self.setup, 0),
            (self.failure, 0),
            (self.adopt, 0),
            (self.table, 1000),
            (self.details, 0),
        ):
            inside.addWidget(part, stretch)
        inside.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(inside, 1)
        column.addWidget(self.foot)
        self._columns = WritingColumns(self._services.settings, self.list, column, self.panel)
        self._stack.addWidget(self.blank)
        self._stack.addWidget(self._columns)


def rows_in(event: QDropEvent) -> list[Path]:
    """The files of a drag that are rows; none where a model or a folder is among them."""
    urls = event.mimeData().urls()
    paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    strange = any(path.suffix.casefold() in MODEL_ENDINGS or path.is_dir() for path in paths)
    known = [path for path in paths if path.suffix.casefold() in ROW_ENDINGS]
    return [] if strange else known or paths


def _waits(batch: Batch) -> bool:
    """Whether its failure is only that no model is there, which the line below tells."""
    return batch.waits_for_model and batch.wanted is None


def _is_there(batch: Batch) -> bool:
    failure = batch.failure
    there = isinstance(failure, RequestRefused) and failure.facts.get("why") == "output-there"
    return there and Path(f"{batch.kept.output}.job.json").exists()

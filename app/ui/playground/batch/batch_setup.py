"""What a batch is to do, as fields: the template, which column {{text}} is, where it goes."""

from collections.abc import Callable, Collection
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.batch.prompt_template import names_in
from app.batch.row_files import TEXT
from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.batch.batch import Batch, Stage
from app.ui.state.batch.batch_places import output_beside
from app.ui.state.batch.batch_words import source_in_words
from app.ui.widgets.dialogs import ask
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import Elided, button, label

_TYPING_MS, _MOST_CHIPS = 400, 12
_LINES, _FEW = 4, 2
_WIDEST = 800


class BatchSetup(QFrame):
    """Shows one batch and changes it; what has begun is shown and stays."""

    changed = Signal()

    def __init__(self, theme: Theme, taken: Callable[[], Collection[str]]) -> None:
        """``taken`` gives the outputs of all batches."""
        super().__init__()
        self.setProperty("card", "true")
        self.setMaximumWidth(_WIDEST)
        self._theme, self._taken = theme, taken
        self._batch: Batch | None = None
        self._tight = False
        self.source = label("", "small", wrap=True)
        self.template = QPlainTextEdit()
        self.template.setAccessibleName(tr("Prompt of a row"))
        self.template.setPlaceholderText(tr("Translate to English: {{text}}"))
        self.template.setTabChangesFocus(True)
        self.template.setAcceptDrops(False)
        self._chips, self._names = QWidget(), tuple[str, ...]()
        self._chip_row = Flow(theme.space("xs"))
        self._chips.setLayout(self._chip_row)
        self.column = QComboBox()
        self.column.setAccessibleName(tr("The column that {{text}} is"))
        self._column_row = QWidget()
        self.chat = QCheckBox(tr("Answer as in a chat"))
        self.chat.setToolTip(
            tr("Each prompt is a message that the model answers; else it goes on with the text")
        )
        self.output = Elided("", "small")
        self.form = QComboBox()
        self.form.setAccessibleName(tr("Form of the output"))
        self.elsewhere = button(tr("Change…"), role="link")
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._arrange()
        self._connect()

    def show_batch(self, batch: Batch | None) -> None:
        """Show how it stands; what is being typed into this one stays."""
        another = batch is not self._batch
        if another:
            self.keep_typed()
        self._batch = batch
        if batch is None:
            return
        blocked = [QSignalBlocker(part) for part in (self.template, self.column, self.chat)]
        mine = another or not self._typing.isActive()
        if mine and self.template.toPlainText() != batch.kept.template:
            self.template.setPlainText(batch.kept.template)
        self.chat.setChecked(batch.kept.chat)
        self._show_columns(batch)
        self._show_output(batch)
        self.source.setText(source_in_words(batch))
        draft = not batch.kept.begun and batch.stage in (Stage.DRAFT, Stage.READING)
        self.template.setReadOnly(not draft)
        for part in (self.chat, self.column, self._chips, self.form, self.elsewhere):
            part.setEnabled(draft)
        self._chips.setVisible(draft and bool(self._names))
        self.form.setVisible(draft)
        self.elsewhere.setVisible(draft)
        self._fit()
        for block in blocked:
            block.unblock()

    def tighten(self, *, tight: bool) -> None:
        """Leave room for the rows where there is little."""
        if tight != self._tight:
            self._tight = tight
            self._fit()

    def keep_typed(self) -> None:
        """Take over what is typed."""
        self._typing.stop()
        batch = self._batch
        if batch is not None and not batch.kept.begun:
            words = self.template.toPlainText()
            if words != batch.kept.template:
                batch.configure(template=words)

    def _show_columns(self, batch: Batch) -> None:
        names = batch.found.columns if batch.found else ()
        if names != self._names:
            self._names = names
            while self._chip_row.count():
                item = self._chip_row.takeAt(0)
                widget = item.widget() if item else None
                if widget is not None:
                    widget.deleteLater()
            before: QWidget = self.template
            for name in names[:_MOST_CHIPS]:
                chip = self._chip(name)
                self._chip_row.addWidget(chip)
                QWidget.setTabOrder(before, chip)  # behind the template, as they stand
                before = chip
            QWidget.setTabOrder(before, self.column)
        asked = TEXT in names_in(self.template.toPlainText()) and TEXT not in names
        several = len(names) > 1
        self._column_row.setVisible(asked and several)
        listed = [self.column.itemData(at) for at in range(self.column.count())]
        if listed != ["", *names]:
            self.column.clear()
            self.column.addItem(tr("Choose a column"), "")
            for name in names:
                self.column.addItem(name, name)
        self.column.setCurrentIndex(max(0, self.column.findData(batch.kept.column)))

    def _chip(self, name: str) -> QWidget:
        made = button(f"{{{{{name}}}}}", role="chip")
        made.setToolTip(tr("Put this column into the prompt"))
        made.clicked.connect(lambda: self._insert(name))
        return made

    def _insert(self, name: str) -> None:
        self.template.insertPlainText(f"{{{{{name}}}}}")
        self.template.setFocus()

    def _show_output(self, batch: Batch) -> None:
        path = Path(batch.kept.output)
        beside = path.parent == Path(batch.kept.input).parent
        where = path.name if beside else str(path)
        self.output.setText(tr("Output: {}").format(where))
        blocked = QSignalBlocker(self.form)
        at = self.form.findData(path.suffix.lower())
        self.form.setCurrentIndex(at if at >= 0 else 0)
        blocked.unblock()

    def _choose_form(self) -> None:
        if self._batch is not None:
            ending = str(self.form.currentData())
            taken = self._taken()
            output = output_beside(Path(self._batch.kept.input), ending, taken)
            folder = Path(self._batch.kept.output).parent
            if folder != output.parent:
                output = Path(self._batch.kept.output).with_suffix(ending)
            self._batch.configure(output=str(output))

    def _ask_place(self) -> None:
        if self._batch is None:
            return
        dialog = QFileDialog(self, tr("Where the output goes"), self._batch.kept.output)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)  # nothing is overwritten
        dialog.selectFile(self._batch.kept.output)
        dialog.fileSelected.connect(self._take_place)
        ask(dialog)

    def _take_place(self, place: str) -> None:
        if self._batch is not None and not self._batch.kept.begun:
            self._batch.configure(output=place)

    def _connect(self) -> None:
        self.template.textChanged.connect(self._typing.start)
        self._typing.timeout.connect(self.keep_typed)
        self.chat.toggled.connect(self._choose_chat)
        self.column.activated.connect(self._choose_column)
        self.form.activated.connect(self._choose_form)
        self.elsewhere.clicked.connect(self._ask_place)
        self._theme.changed.connect(self._fit)

    def _choose_chat(self, answers: bool) -> None:  # noqa: FBT001 (Qt's signal)
        if self._batch is not None:
            self._batch.configure(chat=answers)

    def _choose_column(self) -> None:
        if self._batch is not None:
            self._batch.configure(column=str(self.column.currentData()))

    def _fit(self) -> None:
        begun = self._batch is not None and self._batch.kept.begun
        lines = _FEW if begun or self._tight else _LINES
        self.template.setFixedHeight(lines * self._theme.line_px() + 20)

    def _arrange(self) -> None:
        space = self._theme.space
        for words, ending in (
            (tr("Table (CSV)"), ".csv"),
            (tr("Table (TSV)"), ".tsv"),
            (tr("JSON lines"), ".jsonl"),
        ):
            self.form.addItem(words, ending)
        name = label(tr("Prompt of a row"), "strong")
        name.setBuddy(self.template)
        head = QHBoxLayout()
        head.setSpacing(space("m"))
        head.addWidget(name)
        head.addWidget(self.source, 1)
        which = QHBoxLayout(self._column_row)
        which.setContentsMargins(0, 0, 0, 0)
        which.addWidget(QLabel(tr("{{text}} is the column")))
        which.addWidget(self.column)
        which.addStretch(1)
        where = QHBoxLayout()
        where.setSpacing(space("s"))
        where.addWidget(self.output, 1)
        where.addWidget(self.form)
        where.addWidget(self.elsewhere)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("l"), space("m"), space("l"), space("m"))
        column.setSpacing(space("s"))
        column.addLayout(head)
        column.addWidget(self.template)
        column.addWidget(self._chips)
        column.addWidget(self._column_row)
        column.addWidget(self.chat)
        column.addLayout(where)
        self._fit()

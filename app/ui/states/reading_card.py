"""The card for a new state: a name, a text or files to read, and where to begin."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from app.library.states.state_records import NamedState
from app.messages.translate import tr, tr_n
from app.ui.look.theme import Theme
from app.ui.widgets.dialogs import ask
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import Elided, button, icon_button, label

_WIDE, _LINES = 620, 9
_LETTERS = 60  # of the text's beginning, as its name


class ReadingCard(Overlay):
    """``wanted`` carries what was asked for: name, text, files, and the id of the state to begin
    with ("" for none).
    """

    wanted = Signal(str, str, object, str)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, _WIDE)
        self._theme = theme
        self.files: list[Path] = []
        self.name = QLineEdit()
        self.name.setAccessibleName(tr("Name of the state"))
        self.text = QPlainTextEdit(
            placeholderText=tr("Write or paste what the model should read: a persona, rules, facts")
        )
        self.text.setAccessibleName(tr("Text to read"))
        self.text.setTabChangesFocus(True)
        self.base = QComboBox()
        self.base.setAccessibleName(tr("Begin with"))
        self._files = Elided("", "small", Qt.TextElideMode.ElideMiddle)
        self.choose_files = button(tr("Choose files…"), "file")
        self.choose_folder = button(tr("Choose a folder…"), "folder")
        self.clear = icon_button("close", tr("Read no files"), 14)
        self.read = button(tr("Read"), role="primary")
        self.cancel = button(tr("Cancel"))
        self._why = label("", "small", wrap=True)
        self._arrange()
        self._connect()

    def offer(self, states: Sequence[NamedState], model: str) -> None:
        """Open the card; ``states`` are those that the open ``model`` can begin with."""
        self.base.clear()
        self.base.addItem(tr("Nothing: the model's own beginning"), "")
        for state in states:
            self.base.addItem(state.name, state.id)
        self.base.setEnabled(bool(states))
        self._model = model
        self._show()
        self.open()

    def take_files(self, paths: Sequence[Path]) -> None:
        """Read these instead of a typed text."""
        self.files = [*self.files, *(path for path in paths if path not in self.files)]
        self._show()

    def _show(self) -> None:
        count, chosen = len(self.files), bool(self.files)
        names = ", ".join(path.name for path in self.files)
        self._files.setText(tr_n("{}: {}", "{} files: {}", count).format(count, names))
        if count == 1:
            self._files.setText(names)
        self._files.setVisible(chosen)
        self.clear.setVisible(chosen)
        self.text.setVisible(not chosen)
        ready = bool(self._model) and (chosen or bool(self.text.toPlainText().strip()))
        self.read.setEnabled(ready)
        suggested = self.files[0].stem if chosen else _beginning(self.text.toPlainText())
        self.name.setPlaceholderText(suggested or tr("As its text begins"))
        words = tr("{} reads it, beside whatever else it does.").format(self._model)
        self._why.setText(words if self._model else tr("Open a model first: it reads the text."))
        if self.isVisible():
            self._place()

    def _press(self) -> None:
        name = self.name.text().strip() or self.name.placeholderText()
        typed = "" if self.files else self.text.toPlainText()
        self.close_card()
        self.wanted.emit(name, typed, tuple(self.files), str(self.base.currentData() or ""))
        self.files = []
        self.name.clear()
        self.text.clear()

    def _clear(self) -> None:
        self.files = []
        self._show()
        self.text.setFocus()

    def _ask(self, *, folder: bool) -> None:
        dialog = QFileDialog(self, tr("What the model should read"), str(Path.home()))
        mode = QFileDialog.FileMode.Directory if folder else QFileDialog.FileMode.ExistingFiles
        dialog.setFileMode(mode)
        dialog.filesSelected.connect(lambda chosen: self.take_files([Path(one) for one in chosen]))
        ask(dialog)

    def _connect(self) -> None:
        self.text.textChanged.connect(self._show)
        self.choose_files.clicked.connect(lambda: self._ask(folder=False))
        self.choose_folder.clicked.connect(lambda: self._ask(folder=True))
        self.clear.clicked.connect(self._clear)
        self.read.clicked.connect(self._press)
        self.name.returnPressed.connect(self.read.click)
        self.cancel.clicked.connect(self.close_card)

    def _arrange(self) -> None:
        space = self._theme.space
        self._model = ""
        edge = space("xl")
        self.body.setContentsMargins(edge, space("l"), edge, space("l"))
        self.body.setSpacing(space("m"))
        self.body.addWidget(label(tr("Read a text once"), "section"))
        form = QFormLayout()
        form.setHorizontalSpacing(space("l"))
        form.setVerticalSpacing(space("s"))
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(label(tr("Name")), self.name)
        form.addRow(label(tr("Begin with")), self.base)
        files = QHBoxLayout()
        files.setSpacing(space("s"))
        files.addWidget(self.choose_files)
        files.addWidget(self.choose_folder)
        files.addWidget(self._files, 1)
        files.addWidget(self.clear)
        foot = QHBoxLayout()
        foot.setSpacing(space("s"))
        foot.addWidget(self._why, 1)
        foot.addWidget(self.cancel)
        foot.addWidget(self.read)
        self.text.setMinimumHeight(_LINES * self._theme.line_px())
        self.body.addLayout(form)
        self.body.addWidget(self.text, 1)
        self.body.addLayout(files)
        self.body.addLayout(foot)


def _beginning(text: str) -> str:
    """The first line, at most so many letters of it."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= _LETTERS else f"{line[:_LETTERS].rstrip()}…"

"""The part of a model's details that tells what is merged into it, and lets that be chosen."""

from pathlib import Path

from PySide6.QtWidgets import QDoubleSpinBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.store.chosen_adapters import ChosenAdapter
from app.ui.state.model_opener import ModelOpener
from app.ui.state.models.entry import Entry
from app.ui.state.models.model_adapters import ModelAdapters
from app.ui.state.services import Services
from app.ui.widgets.dialogs import ask
from app.ui.widgets.parts import Elided, button, icon_button, label

_MOST_ALPHA, _TEXT_PX = 1e6, 4


class AdaptersPart(QWidget):
    """Shown for a model that can be opened; what is chosen counts from its next opening."""

    def __init__(self, services: Services, opening: ModelOpener) -> None:
        super().__init__()
        self._services, self._opening = services, opening
        self.adapters = ModelAdapters(services.settings, services.session, services.notices, self)
        self._model: Path | None = None
        self._asked: tuple[Path, Path] | None = None
        self._rows = QVBoxLayout()
        self.from_file = button(tr("Add an adapter…"), "plus", role="link")
        self.from_folder = button(tr("…from a folder"), "folder", role="link")
        self._question = label("", "dim", wrap=True)
        self.alpha = QDoubleSpinBox(decimals=2, minimum=-_MOST_ALPHA, maximum=_MOST_ALPHA)
        self.alpha.setAccessibleName(tr("Alpha of the adapter"))
        self.alpha.lineEdit().setTextMargins(_TEXT_PX, 0, 0, 0)
        self.use = button(tr("Use this alpha"))
        self._due = label(tr("This counts from its next opening."), "dim", wrap=True)
        self.reopen = button(tr("Reopen now"), "refresh")
        self._arrange()
        self.from_file.clicked.connect(lambda: self._ask(folder=False))
        self.from_folder.clicked.connect(lambda: self._ask(folder=True))
        self.use.clicked.connect(self._use)
        self.reopen.clicked.connect(self._reopen)
        self.adapters.changed.connect(self._show)
        self.adapters.alpha_wanted.connect(self._ask_alpha)

    @property
    def stops(self) -> list[QWidget]:
        """Where the keyboard goes, in the order in which they are read."""
        return [self.from_file, self.from_folder, self.alpha, self.use, self.reopen]

    def show_entry(self, entry: Entry) -> None:
        """Another model is shown."""
        model = entry.path if entry.usable else None
        if model != self._model:
            self._model, self._asked = model, None
        self._show()

    def _show(self) -> None:
        model = self._model
        self.setVisible(model is not None)
        if model is None:
            return
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for one in self.adapters.of(model):
            self._rows.addWidget(self._row(model, one))
        asking = self._asked is not None
        for part in (self._question, self.alpha, self.use):
            part.setVisible(asking)
        due = self.adapters.due(model) and not asking
        self._due.setVisible(due)
        self.reopen.setVisible(due)

    def _row(self, model: Path, one: ChosenAdapter) -> QWidget:
        name = Path(one.path).name
        told = f"{name}, alpha {one.alpha:g}" if one.alpha is not None else name
        remove = icon_button("close", tr("Merge {} no more").format(name), 14)
        remove.clicked.connect(lambda: self.adapters.remove(model, one.path))
        row = QWidget()
        across = QHBoxLayout(row)
        across.setContentsMargins(0, 0, 0, 0)
        across.addWidget(Elided(told), 1)
        across.addWidget(remove)
        row.setToolTip(one.path)
        return row

    def _ask(self, *, folder: bool) -> None:
        model = self._model
        if model is None:
            return
        dialog = QFileDialog(self, tr("An adapter: LoRA, PiSSA, MiSS, DiSHA or Bone"))
        dialog.setDirectory(str(model.parent))
        mode = QFileDialog.FileMode.Directory if folder else QFileDialog.FileMode.ExistingFile
        dialog.setFileMode(mode)
        dialog.fileSelected.connect(lambda chosen: self.adapters.add(model, Path(chosen)))
        ask(dialog)

    def _ask_alpha(self, model: Path, path: Path, rank: int) -> None:
        if model != self._model:
            return
        self._asked = model, path
        told = tr("{} does not tell its alpha. Mostly it is once or twice the rank, which is {}.")
        self._question.setText(told.format(path.name, rank))
        self.alpha.setValue(2.0 * rank)
        self._show()
        self.alpha.setFocus()

    def _use(self) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            self.alpha.interpretText()
            self.adapters.add_with(*asked, self.alpha.value())

    def _reopen(self) -> None:
        if self._model is not None:
            self._opening.reopen(self._model)

    def _arrange(self) -> None:
        space = self._services.theme.space
        ways = QHBoxLayout()
        ways.setSpacing(space("s"))
        for part in (self.from_file, self.from_folder):
            ways.addWidget(part)
        ways.addStretch()
        asked = QHBoxLayout()
        asked.setSpacing(space("s"))
        asked.addWidget(self.alpha)
        asked.addWidget(self.use)
        asked.addStretch()
        again = QHBoxLayout()
        again.addWidget(self.reopen)
        again.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space("xs"))
        column.addWidget(label(tr("Adapters"), "strong"))
        column.addLayout(self._rows)
        column.addLayout(ways)
        column.addWidget(self._question)
        column.addLayout(asked)
        column.addWidget(self._due)
        column.addLayout(again)

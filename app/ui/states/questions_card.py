"""The card in which many questions are asked of one state, with their answers as they come."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QProgressBar,
    QTableView,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.states.many_questions import ManyQuestions
from app.ui.widgets.dialogs import ask, ask_where
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import button, icon_button, label
from app.ui.widgets.sampling_fields import whole_number

from .questions_model import QuestionsModel

_WIDE, _LINES, _TABLE_LINES = 860, 4, 6
_MOST_TOKENS, _USUAL_TOKENS = 4096, 256


class QuestionsCard(Overlay):
    """``asked`` when the questions are to be asked, ``file_chosen`` carries a file of them, and
    ``save_wanted`` where the answers shall go.
    """

    asked = Signal()
    file_chosen = Signal(object)
    save_wanted = Signal(object)

    def __init__(self, theme: Theme, many: ManyQuestions, parent: QWidget) -> None:
        super().__init__(parent, _WIDE)
        self._theme, self._many, self._name = theme, many, ""
        self._title = label("", "section", wrap=True)
        self.questions = QPlainTextEdit(placeholderText=tr("One question a line"))
        self.questions.setAccessibleName(tr("Questions, one a line"))
        self.questions.setTabChangesFocus(True)
        self.from_file = button(tr("From a file…"), "file")
        self.limit = whole_number(1, _MOST_TOKENS, 64, tr("Longest answer, in tokens"))
        self.limit.setValue(_USUAL_TOKENS)
        self.ask, self.stop = button(tr("Ask all"), role="primary"), button(tr("Stop"), "stop")
        self.save = button(tr("Save as…"), "save")
        self.close_button = icon_button("close", tr("Close"), 16)
        self.model = QuestionsModel(many)
        self.table = QTableView()
        self.table.setModel(self.model)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setAccessibleName(tr("How many are answered"))
        self._words = label("", "small")
        self._arrange()
        self._connect()
        self._show()

    def offer(self, name: str) -> None:
        """Open the card for a state of this name; answers of before stay until others come."""
        self._name = name
        self._title.setText(tr("Ask many questions of “{}”").format(name))
        self._show()
        self.open()
        self.questions.setFocus()

    @property
    def lines(self) -> list[str]:
        """The questions."""
        return self.questions.toPlainText().splitlines()

    def _show(self) -> None:
        many = self._many
        count, there = len(many.answers), bool(many.answers)
        self.ask.setVisible(not many.running)
        self.ask.setEnabled(any(line.strip() for line in self.lines))
        self.stop.setVisible(many.running)
        for part in (self.table, self._bar, self._words):
            part.setVisible(there)
        self.save.setVisible(there and not many.running)
        self._bar.setRange(0, max(1, count))
        self._bar.setValue(many.ended)
        tokens = sum(answer.tokens for answer in many.answers)
        told = tr("{} of {} answered · {} tokens")
        self._words.setText(told.format(many.ended, count, f"{tokens:,}"))

    def _begun(self) -> None:
        self._show()
        self._place()

    def _changed(self) -> None:
        self._show()
        self._fit_rows()

    def _fit_rows(self) -> None:
        """Those in sight are as high as their words."""
        first = max(0, self.table.rowAt(0))
        last = self.table.rowAt(self.table.viewport().height())
        for row in range(first, (last if last >= 0 else self.model.rowCount() - 1) + 1):
            self.table.resizeRowToContents(row)

    def _choose(self) -> None:
        dialog = QFileDialog(self, tr("A text with a question in each line"), str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda chosen: self.file_chosen.emit(Path(chosen)))
        ask(dialog)

    def _save(self) -> None:
        name = f"{self._name}.jsonl"
        ask_where(self, tr("Save the answers, as .jsonl or .csv"), name, self.save_wanted.emit)

    def _connect(self) -> None:
        self._many.begun.connect(self._begun)
        self._many.changed.connect(self._changed)
        self.table.verticalScrollBar().valueChanged.connect(self._fit_rows)
        self.questions.textChanged.connect(self._show)
        self.from_file.clicked.connect(self._choose)
        self.ask.clicked.connect(self.asked)
        self.stop.clicked.connect(self._many.stop)
        self.save.clicked.connect(self._save)
        self.close_button.clicked.connect(self.close_card)

    def _arrange(self) -> None:
        space = self._theme.space
        self.body.setContentsMargins(space("xl"), space("l"), space("l"), space("l"))
        self.body.setSpacing(space("m"))
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        foot = QHBoxLayout()
        foot.setSpacing(space("s"))
        foot.addWidget(self.from_file)
        foot.addStretch(1)
        foot.addWidget(label(tr("Longest answer, in tokens"), "small"))
        foot.addWidget(self.limit)
        for part in (self.stop, self.ask):
            foot.addWidget(part)
        result = QHBoxLayout()
        result.addWidget(self._words, 1)
        result.addWidget(self.save)
        line = self._theme.line_px()
        self.questions.setFixedHeight(_LINES * line + 24)
        self.table.setMinimumHeight(_TABLE_LINES * line)
        self.table.setAccessibleName(tr("Answers"))
        self.table.setWordWrap(True)
        self.table.setProperty("grid", "true")
        self.table.verticalHeader().hide()
        self.table.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.table.setTabKeyNavigation(False)
        across = self.table.horizontalHeader()
        across.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        across.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        across.resizeSection(0, _WIDE // 3)
        self.body.addLayout(head)
        self.body.addWidget(self.questions)
        self.body.addLayout(foot)
        self.body.addWidget(self._bar)
        self.body.addWidget(self.table, 1)
        self.body.addLayout(result)

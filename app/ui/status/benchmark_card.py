"""The benchmark: a model, the ways to measure, how far that is, and what came of it."""

from pathlib import Path

from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QVBoxLayout,
)

from app.benchmark.measuring import Amounts
from app.messages.translate import tr
from app.ui.state.services import Services
from app.ui.state.status.benchmark import Benchmark, can_measure
from app.ui.state.status.benchmark_words import (
    choices_of,
    progress_in_words,
    rows_in_words,
    share_done,
    title_of,
)
from app.ui.widgets.dialogs import ask_where
from app.ui.widgets.failure_note import FailureNote
from app.ui.widgets.parts import button, label, rule

from .results_view import ResultsView
from .way_list import WayList

_WIDEST_PX, _STEPS = 320, 1000


class BenchmarkCard(QFrame):
    """Shows ``benchmark`` and calls its verbs."""

    def __init__(self, services: Services, benchmark: Benchmark) -> None:
        super().__init__()
        self.setProperty("card", "true")
        self._services, self.benchmark = services, benchmark
        theme = services.theme
        self.model = QComboBox()
        self.model.setAccessibleName(tr("The model to measure"))
        self.model.setMaximumWidth(_WIDEST_PX)
        self.note = label("", "dim", wrap=True)
        self.ways = WayList(theme)
        self.progress = QProgressBar(textVisible=False, minimum=0, maximum=_STEPS)
        self.progress.setAccessibleName(tr("Progress of the benchmark"))
        self.words = label("", "small", wrap=True)
        self.begin = button(tr("Measure"), role="primary")
        self.cancel = button(tr("Cancel"))
        self.failure = FailureNote(theme)
        self.results = ResultsView(theme)
        self._listed: list[tuple[str, str]] = []
        self._picked = False
        self._arrange()
        self._connect()
        self._list_models()
        self.refresh()

    def take_keyboard(self) -> None:
        """Give it to what can be done next."""
        (self.begin if self.begin.isEnabled() else self.model).setFocus()

    def refresh(self) -> None:
        """Show the benchmark as it is."""
        state = self.benchmark
        running = state.running
        self.model.setEnabled(not running)
        self.ways.show_choices(choices_of(state), enabled=not running)
        self.progress.setVisible(running)
        self.progress.setValue(round(_STEPS * share_done(state.position)))
        self.words.setText(progress_in_words(state))
        self.words.setVisible(running)
        self.begin.setVisible(not running)
        self.begin.setEnabled(state.can_begin)
        self.cancel.setVisible(running)
        self.note.setText(self._note())
        self.note.setVisible(bool(self.note.text()))
        self._show_failure()
        rows = rows_in_words(state)
        self.results.show_rows(rows)
        self._line.setVisible(bool(rows))

    def _note(self) -> str:
        state = self.benchmark
        if not self._listed:
            return tr("Looking for models…")  # the guide is always there
        if state.candidates is None:
            return "" if state.failure else tr("Looking at the model and the memory…")
        if not any(can_measure(plan) for plan in state.plans):
            return tr(
                "There is no room for it beside what is open. Close the model of the chat, or other"
                " programs, and it can be measured."
            )
        if state.running:
            return tr("The chat keeps its model. What it writes meanwhile makes the figures worse.")
        said = tr(
            "Each way is loaded in a process of its own, reads {} tokens and writes {}. The chat"
            " keeps its model. What is measured takes the place of what was predicted."
        )
        amounts = Amounts()
        return said.format(amounts.prompt_tokens, amounts.decode_tokens)

    def _show_failure(self) -> None:
        """Of the model, of the first way that could not be measured, or of keeping the results."""
        state = self.benchmark
        first = next(iter(state.failures.items()), None)
        if state.failure is not None or first is None:
            self.failure.show_failure(state.failure or state.unkept)
        else:
            self.failure.show_failure(first[1], title_of(first[0], state))

    def _list_models(self) -> None:
        """The models of this disk, the open one first, and chosen until the person picks one."""
        entries = self._services.library.entries
        found = [(one.title, str(one.path)) for one in entries if one.usable and one.path]
        loaded = self._services.session.loaded
        path = loaded.path if loaded is not None else ""
        found.sort(key=lambda one: one[1] != path)
        if self.benchmark.running:
            return
        if found != self._listed:
            chosen = str(self.benchmark.path) if self._picked else path
            self._listed = found
            self.model.clear()
            for title, place in found:
                self.model.addItem(title, place)
            self.model.setCurrentIndex(max(0, self.model.findData(chosen)))
        if found:
            self.benchmark.choose_model(Path(str(self.model.currentData())))
        self.refresh()

    def _choose(self) -> None:
        self._picked = True
        self.benchmark.choose_model(Path(str(self.model.currentData())))

    def _export(self) -> None:
        found = self.benchmark.candidates
        if found is not None:
            name = f"{found.file.name}-benchmark.csv"
            ask_where(self, tr("Export as CSV or JSON"), name, self.benchmark.save)

    def _connect(self) -> None:
        state = self.benchmark
        state.changed.connect(self.refresh)
        self._services.library.changed.connect(self._list_models)
        self._services.session.was_opened.connect(self._list_models)
        self.model.activated.connect(self._choose)
        self.ways.ticked.connect(lambda way, on: state.choose(way, chosen=on))
        self.begin.clicked.connect(state.begin)
        self.cancel.clicked.connect(state.cancel)
        self.results.export_wanted.connect(self._export)

    def _arrange(self) -> None:
        space = self._services.theme.space
        head = QHBoxLayout()
        head.setSpacing(space("s"))
        head.addWidget(self.model, 1)
        head.addStretch(1)
        head.addWidget(self.cancel)
        head.addWidget(self.begin)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("l"), space("m"), space("l"), space("m"))
        column.setSpacing(space("m"))
        column.addLayout(head)
        column.addWidget(self.progress)
        column.addWidget(self.words)
        column.addWidget(self.note)
        column.addWidget(self.ways)
        column.addWidget(self.failure)
        self._line = rule()
        column.addWidget(self._line)
        column.addWidget(self.results)

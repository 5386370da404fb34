"""The tab that compares: what was compared at the left, what is set and its answers beside it."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QHideEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.store.comparisons.comparison_records import MOST_ROWS, Place
from app.ui.playground.playground_part import PlaygroundPart
from app.ui.state.commands import Command, Habit
from app.ui.state.comparison.answer_texts import as_document, merged
from app.ui.state.comparison.comparison_words import (
    extent_in_words,
    failure_title,
    progress_in_words,
    reading_in_words,
)
from app.ui.state.comparison.divergence_reading import DivergenceReading, Pair
from app.ui.state.comparison.grid_controller import GridController
from app.ui.state.playground.as_conversation import become_conversation
from app.ui.state.services import Services
from app.ui.widgets.dialogs import ask_where
from app.ui.widgets.failure_note import FailureNote
from app.ui.widgets.parts import Elided, button, icon_button, label, rule

from .answer_grid import AnswerGrid
from .compare_foot import CompareFoot
from .divergence_card import DivergenceCard
from .grid_setup import GridSetup
from .kept_list import KeptList

_WITH_LIST, _SHARE = 760, 2.7  # so wide the tab has to be for the list beside it


class ComparePart(PlaygroundPart):
    """Puts the parts together; the controller holds what is true."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.controller = GridController(services, self)
        self.reading = DivergenceReading(services, self.controller, self)
        self.kept = KeptList(services, self.controller)
        self.setup = GridSetup(services, self.controller)
        self.answers = AnswerGrid(services.theme, self.controller, self.setup.seeds)
        self.foot = CompareFoot(services.theme)
        self.failure = FailureNote(services.theme)
        self.room = button(tr("Give the chat's memory to this, and begin"), "memory")
        self.sidebar = icon_button("sidebar", tr("Comparisons (Ctrl+B)"))
        self.title = Elided("", "strong")
        self.export = button(tr("Export…"), "save", role="quiet")
        self.divergence_card: DivergenceCard | None = None
        self._asked: Pair | None = None
        self._narrow, self._listed = False, True
        self._to_answers = False
        self._scroll = QScrollArea(widgetResizable=True)
        self._arrange()
        self._connect()
        self._show()

    def commands(self) -> Sequence[Command]:
        group = tr("Compare")
        return (
            Command(
                tr("Begin to compare"), self.begin, "Ctrl+Return", "play", group, ("Ctrl+Enter",)
            ),
            Command(tr("Only read the texts"), self.read_only, "Ctrl+R", "search", group),
            Command(tr("New comparison"), self.begin_anew, "Ctrl+Shift+N", "plus", group),
            Command(tr("Export the comparison"), self._export, "Ctrl+Shift+S", "save", group),
            Command(tr("Merge the chosen answers"), self._merge, "", "file", group),
            Command(tr("Show or hide comparisons"), self._toggle_list, "Ctrl+B", "sidebar", group),
        )

    def habits(self) -> Sequence[Habit]:
        return (
            Habit(tr("Stop"), "Esc", tr("Compare")),
            Habit(tr("Delete the comparison, in the list"), "Del", tr("Compare")),
        )

    def arrived(self) -> None:
        self.setup.ways.look()
        self.kept.refresh()  # another window may have stored something

    def take_keyboard(self) -> None:
        self.setup.start.setFocus()

    def begin_anew(self) -> None:
        """Show no answers, and let something else be set."""
        self.controller.begin_anew()
        self.setup.start.setFocus()
        self._scroll.verticalScrollBar().setValue(0)

    def read_only(self) -> None:
        """Write nothing: tell how far the models differ on the texts."""
        if len(self.controller.draft.ways) > 1:
            self._asked = None
            self.reading.read_starts()

    def tell_apart(self, pair: Pair) -> None:
        """Show how two answers differ token by token; what is not known is looked at first."""
        known = self.controller.divergence(*pair)
        if known is not None:
            self._show_card(pair)
        elif self.reading.are_same(pair):
            said = tr(
                "Both are the same model in the same way. Their answers differ by settings and"
                " chance alone."
            )
            self._services.notices.news(said)
        else:
            self._asked = pair
            self.reading.read([pair])

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        busy = self.controller.running or self.reading.running
        if event.key() == Qt.Key.Key_Escape and busy:
            self._stop()
        else:
            event.ignore()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        self.controller.keep_draft()
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        narrow = self.width() < max(_WITH_LIST, _SHARE * self.kept.width())
        if narrow != self._narrow:
            self._narrow = narrow
            self.kept.setVisible(self._listed and not narrow)

    # verbs

    def begin(self) -> None:
        """Write what is set, and go along with it."""
        self.controller.begin()
        self._to_answers = self.controller.running
        self._scroll_to_answers()

    def _stop(self) -> None:
        self.controller.cancel()
        self.reading.cancel()

    def _do(self, place: Place, key: str) -> None:
        """What is wanted of one answer."""
        answer = self.controller.answers.get(place)
        if answer is None:
            return
        grid = self.controller.grid
        row = grid.rows[place.row]
        if key == "document":
            self._services.handed.text.emit(as_document(grid, row, answer))
        elif key == "conversation":
            become_conversation(self._services, as_document(grid, row, answer))
        elif key == "copy":
            QGuiApplication.clipboard().setText(answer.text)
        else:
            self.tell_apart((Place(place.row, 0), place))

    def _merge(self) -> None:
        grid, chosen = self.controller.grid, self.answers.chosen
        found = [(grid.rows[place.row], self.controller.answers[place]) for place in chosen]
        if len(found) > 1:
            self._services.handed.text.emit(merged(grid, found))

    def _tell_chosen_apart(self) -> None:
        pair = self._chosen_pair()
        if pair is not None:
            self.tell_apart(pair)

    def _chosen_pair(self) -> Pair | None:
        """The two answers that are chosen, if these are of the same text."""
        chosen, grid = self.answers.chosen, self.controller.grid
        if len(chosen) != 2:
            return None
        first, second = chosen
        texts = {grid.text_of(grid.rows[place.row]) for place in chosen}
        return (first, second) if len(texts) == 1 else None

    def _show_card(self, pair: Pair) -> None:
        known = self.controller.divergence(*pair)
        if known is None:
            return
        if self.divergence_card is None:
            self.divergence_card = DivergenceCard(self._services.theme, self.window())
        self.divergence_card.show_divergence(known, self.controller.grid)

    def _export(self) -> None:
        shown = self.controller.shown
        if shown is not None:
            title = tr("Export as JSON, CSV or Markdown, as the name ends")
            ask_where(self, title, "comparison.json", self.controller.save)

    def _toggle_list(self) -> None:
        self._listed = self.kept.isHidden()
        self.kept.setVisible(self._listed)

    def _open(self, comparison: str) -> None:
        if not self._services.tasks.ended:
            self._services.tasks.start(self.controller.open(comparison))

    # what is shown

    def _show(self) -> None:
        controller, reading = self.controller, self.reading
        busy = controller.running or reading.running
        words = progress_in_words(controller) or reading_in_words(reading.position, controller.grid)
        self.foot.show_state(
            words or extent_in_words(controller.draft),
            running=busy,
            ready=controller.can_begin,
            goes_on=controller.goes_on,
        )
        ways, rows = controller.draft.ways, len(controller.draft.rows)
        self.foot.show_readable(readable=len(ways) > 1 and 0 < rows <= MOST_ROWS)
        self._show_chosen()
        shown = controller.shown
        self.title.setText(shown.title if shown and shown.title else tr("New comparison"))
        self.export.setEnabled(shown is not None)
        self.kept.setEnabled(not busy)
        self.empty.setVisible(shown is None)
        self._show_failure()

    def _show_chosen(self) -> None:
        chosen = self.answers.chosen
        self.foot.show_chosen(len(chosen), may_differ=self._chosen_pair() is not None)

    def _show_failure(self) -> None:
        """Of a way, of reading two of them, or of keeping what is there."""
        controller = self.controller
        first = next(iter(controller.failures.items()), None)
        if first is not None:
            self.failure.show_failure(first[1], failure_title(controller, first[0]))
        else:
            self.failure.show_failure(self.reading.failure or controller.unkept)
        self.room.setVisible(controller.could_make_room)

    def _note_reading(self) -> None:
        self._show()
        if not self.reading.running and self._asked is not None:
            pair, self._asked = self._asked, None
            if self.isVisible():
                self._show_card(pair)

    def _scroll_to_answers(self) -> None:
        """As long as they grow, unless the person has gone elsewhere."""
        if self._to_answers and self.controller.running:
            self._scroll.verticalScrollBar().setValue(self.answers.y())

    def _stay(self) -> None:
        self._to_answers = False

    def _connect(self) -> None:
        controller, foot = self.controller, self.foot
        for signal in (controller.changed, controller.configured, controller.opened):
            signal.connect(self._show)
        self.reading.changed.connect(self._note_reading)
        self._services.session.writing_changed.connect(self._show_failure)
        self.answers.chosen_changed.connect(self._show_chosen)
        self.answers.asked.connect(self._do)
        foot.began.connect(self.begin)
        foot.stopped.connect(self._stop)
        foot.read_only.connect(self.read_only)
        foot.merged.connect(self._merge)
        foot.told_apart.connect(self._tell_chosen_apart)
        foot.cleared.connect(self.answers.choose_none)
        self.room.clicked.connect(controller.begin_in_room_of_chat)
        self.kept.chosen.connect(self._open)
        self.kept.new_wanted.connect(self.begin_anew)
        self.export.clicked.connect(self._export)
        self.sidebar.clicked.connect(self._toggle_list)
        bar = self._scroll.verticalScrollBar()
        bar.rangeChanged.connect(self._scroll_to_answers)
        bar.actionTriggered.connect(self._stay)

    def _arrange(self) -> None:
        theme, space = self._services.theme, self._services.theme.space
        head = QHBoxLayout()
        head.setContentsMargins(space("s"), space("s"), space("s"), space("xs"))
        head.setSpacing(space("s"))
        head.addWidget(self.sidebar)
        head.addWidget(self.title, 1)
        head.addWidget(self.export)
        self.setup.setMaximumWidth(theme.column)
        self.empty = label(
            tr("Up to four models, or ways to run one, write on from the same start."),
            "dim",
            wrap=True,
        )
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(space("l"), space("s"), space("l"), space("l"))
        column.setSpacing(space("m"))
        column.addWidget(self.setup)
        column.addWidget(self.failure)
        column.addWidget(self.room, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.empty)
        column.addWidget(self.answers)
        column.addStretch(1)
        scroll = self._scroll
        scroll.setWidget(inside)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addLayout(head)
        middle.addWidget(scroll, 1)
        middle.addWidget(rule())
        middle.addWidget(self.foot)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.kept)
        row.addLayout(middle, 1)

"""The text as the model sees it: tokens on tints, what else was likely, and the plot below."""

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QSizePolicy,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.messages.failures import say
from app.messages.translate import tr, tr_n
from app.messages.units import whole
from app.ui.look.theme import Theme
from app.ui.state.playground.scored_text import ScoredText, ScorePhase
from app.ui.widgets.blank import Blank
from app.ui.widgets.parts import Elided, button, icon_button
from app.ui.widgets.tokens.chance_scale import ChanceLegend, role_of
from app.ui.widgets.tokens.token_description import description_of
from app.ui.widgets.tokens.token_view import TokenView

from .probability_plot import ProbabilityPlot
from .token_popover import TokenPopover


class TokensPane(QWidget):
    """Shows a ScoredText.  ``branch_wanted`` carries a place in it and the token to go on with
    there; ``score_wanted`` when the text that is being edited shall be read.
    """

    branch_wanted = Signal(int, int)
    score_wanted = Signal()

    def __init__(self, theme: Theme, scored: ScoredText) -> None:
        super().__init__()
        self._theme, self._scored = theme, scored
        self.branches, self._empty = True, False
        self.view = TokenView(theme, self._tint, lambda token: description_of(scored, token))
        self.plot = ProbabilityPlot(theme, scored)
        self.popover = TokenPopover(theme, self)
        self._blank = Blank(theme, "search")
        self._told, self._selected = Elided("", "small"), Elided("", "small")
        self._plot_switch = button(tr("Plot"), role="toggle")
        self._stop = icon_button("stop", tr("Stop reading"))
        self._bar = QProgressBar()
        self._stack = QStackedLayout()
        self._arrange()
        self._connect()
        self._began()

    def take_keyboard(self) -> None:
        """Put the keyboard where the text is."""
        blank = self._stack.currentWidget() is self._blank
        self._blank.take_keyboard() if blank else self.view.setFocus()

    def note_text(self, *, empty: bool) -> None:
        """Whether there is nothing that could be read."""
        if empty != self._empty:
            self._empty = empty
            self._show_blank()

    def show_plot(self, *, now: bool) -> None:
        """Open or close the plot below the text."""
        self._plot_switch.setChecked(now)
        self.plot.setVisible(now)

    # inside

    def _arrange(self) -> None:
        theme = self._theme
        self._bar.setTextVisible(False)
        self._bar.setMaximumWidth(120)
        self._bar.setMinimumWidth(40)
        self._plot_switch.setCheckable(True)
        self._plot_switch.setChecked(True)
        head = QHBoxLayout()
        head.setContentsMargins(theme.space("l"), theme.space("s"), theme.space("l"), 0)
        head.setSpacing(theme.space("m"))
        legend = ChanceLegend(theme)
        legend.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        head.addWidget(legend, 1)
        for part in (self._bar, self._stop, self._plot_switch):
            head.addWidget(part)
        below = QWidget()
        foot = QVBoxLayout(below)
        foot.setContentsMargins(theme.space("l"), theme.space("s"), theme.space("l"), 0)
        foot.addWidget(self.plot)
        numbers = QHBoxLayout()
        numbers.setContentsMargins(
            theme.space("l"), theme.space("xs"), theme.space("l"), theme.space("s")
        )
        numbers.addWidget(self._told, 1)
        numbers.addWidget(self._selected, 1)
        self._selected.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self.view)
        self._split.addWidget(below)
        self._split.setStretchFactor(0, 3)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes([400, 180])
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space("xs"))
        column.addLayout(head)
        column.addWidget(self._split, 1)
        column.addLayout(numbers)
        self._stack.addWidget(self._blank)
        self._stack.addWidget(body)
        self.setLayout(self._stack)

    def _connect(self) -> None:
        scored, view, plot = self._scored, self.view, self.plot
        scored.began.connect(self._began)
        scored.grew.connect(self._grew)
        scored.ended.connect(self._grew)
        view.hovered.connect(plot.mark)
        view.moved.connect(plot.mark)
        view.in_sight.connect(plot.show_sight)
        view.chosen.connect(self._choose)
        view.selected.connect(self._select)
        plot.hovered.connect(view.mark)
        plot.pointed.connect(view.reveal)
        plot.wheeled.connect(self._turn)
        self.popover.picked.connect(self.branch_wanted)
        self._stop.clicked.connect(scored.stop)
        self._plot_switch.toggled.connect(plot.setVisible)
        self._blank.pressed.connect(self.score_wanted)

    def _tint(self, token: int) -> str:
        return role_of(self._scored.numbers.logprob(token))

    def _began(self) -> None:
        self.popover.hide()
        self.view.show_cells(self._scored.cells)
        self._grew()

    def _grew(self) -> None:
        scored = self._scored
        self.view.grown()
        running = scored.phase is ScorePhase.SCORING
        self._bar.setVisible(running)
        self._stop.setVisible(running)
        self._bar.setRange(0, len(scored) if scored.numbers else 0)
        self._bar.setValue(len(scored.numbers))
        self._told.setText(self._words_of(0, len(scored)))
        self._show_selected()
        self._show_blank()

    def _show_blank(self) -> None:
        scored = self._scored
        if scored.phase is ScorePhase.FAILED and scored.failure is not None:
            said = say(scored.failure)
            self._blank.say(said.title, said.sentences, tr("Try again"), picture="alert")
        elif not len(scored) and scored.phase is ScorePhase.SCORING:
            self._blank.say(tr("The text is being read"), "", picture="clock")
        elif self._empty:
            self._blank.say(
                tr("There is no text yet"), tr("Write or paste one first."), picture="edit"
            )
        elif not len(scored):
            words = tr("Each token gets the colour of how likely it was after those before it.")
            title = tr("See the text as the model does")
            self._blank.say(title, words, tr("Read it"), picture="search")
        else:
            self._stack.setCurrentIndex(1)
            return
        self._stack.setCurrentIndex(0)

    def _words_of(self, first: int, after: int) -> str:
        numbers, count = self._scored.numbers, after - first
        told = [tr_n("{} token", "{} tokens", count).format(whole(count))]
        perplexity = numbers.perplexity(first, after)
        if perplexity is not None:
            told.append(tr("perplexity {}").format(f"{perplexity:,.2f}"))
        missing = len(self._scored) - len(numbers)
        if missing and self._scored.phase is not ScorePhase.SCORING:
            told.append(tr_n("{} not read", "{} not read", missing).format(whole(missing)))
        return " · ".join(told)

    def _show_selected(self) -> None:
        chosen = self.view.selection
        words = "" if chosen is None else tr("Selected: {}").format(self._words_of(*chosen))
        self._selected.setText(words)

    def _select(self, first: int, last: int) -> None:
        self._show_selected()

    def _choose(self, token: int) -> None:
        place = self.view.place_of(token)
        corner = self.view.viewport().mapToGlobal(QPoint(place.left(), place.top()))
        self.popover.show_for(
            self._scored, token, QRect(corner, place.size()), branches=self.branches
        )

    def _turn(self, delta: int) -> None:
        bar = self.view.verticalScrollBar()
        bar.setValue(bar.value() - delta * self.view.line_height // 40)

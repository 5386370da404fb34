"""The pane beside the list for a text that is being read, or was begun: how far, and what next."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QScrollArea, QVBoxLayout, QWidget

from app.errors import Failure
from app.library.states.state_records import Unfinished
from app.messages.translate import tr
from app.messages.units import speed
from app.ui.look.theme import Theme
from app.ui.state.download_progress import time_left
from app.ui.state.models.model_names import plain_name
from app.ui.state.states.state_reader import Reading
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import button, label
from app.ui.widgets.pointer import Gesture

from .state_list_model import amount_of

_STEPS = 1000


class UnfinishedDetails(QScrollArea):
    """``acted`` carries a verb: "go on", "stop", "open" or "discard"."""

    acted = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("About this text"))
        self._gesture = Gesture()
        self._title = label("", "section", wrap=True)
        self._read = label("", "small", wrap=True)
        self.bar = QProgressBar(textVisible=False, minimum=0, maximum=_STEPS)
        self.bar.setAccessibleName(tr("How far the text is read"))
        self.words = label("", wrap=True)
        self._note = label("", "dim", wrap=True)
        self.verbs = {
            "go on": button(tr("Go on"), "play", role="primary"),
            "open": button(tr("Open its model"), "models", role="primary"),
            "stop": button(tr("Stop"), "stop"),
            "discard": button(tr("Discard"), "trash", role="link"),
        }
        buttons = QWidget()
        flow = Flow(theme.space("s"), buttons)
        for verb, pressed in self.verbs.items():
            flow.addWidget(pressed)
            pressed.clicked.connect(lambda _on=False, verb=verb: self._act(verb))
        body = QWidget()
        self.setWidget(body)
        column = QVBoxLayout(body)
        column.setContentsMargins(*(theme.space(step) for step in ("l", "m", "l", "xl")))
        column.setSpacing(theme.space("m"))
        for part in (self._title, self._read, self.bar, self.words, buttons, self._note):
            column.addWidget(part)
        column.addStretch()

    def show_reading(self, reading: Reading) -> None:
        """A text that is read now."""
        self._title.setText(reading.name or tr("Untitled"))
        self._read.hide()
        self.bar.setRange(0, _STEPS if reading.total else 0)
        self.bar.setValue(round(_STEPS * reading.done / reading.total) if reading.total else 0)
        self.words.setText(reading_words(reading))
        self._note.setText(tr("What is read is kept every few seconds. A chat goes on meanwhile."))
        self._offer("stop")

    def show_unfinished(
        self,
        one: Unfinished,
        *,
        fits: bool,
        model_there: bool,
        elsewhere: bool,
        failure: Failure | None,
    ) -> None:
        """A text that was begun and is not read now."""
        job = one.job
        self._title.setText(job.note.name or tr("Untitled"))
        self._read.setText(job.note.read)
        self._read.setVisible(bool(job.note.read))
        self.bar.setRange(0, _STEPS)
        self.bar.setValue(round(_STEPS * one.done / job.tokens) if job.tokens else 0)
        self.words.setText(amount_of(one))
        self._note.setText(_why(one, fits=fits, elsewhere=elsewhere, failure=failure))
        if elsewhere:
            self._offer()
        elif fits:
            self._offer("go on", "discard")
        else:
            self._offer(*(("open",) if model_there else ()), "discard")

    def _act(self, verb: str) -> None:
        if self._gesture.begins():
            self.acted.emit(verb)

    def _offer(self, *verbs: str) -> None:
        for verb, pressed in self.verbs.items():
            pressed.setVisible(verb in verbs)


def reading_words(reading: Reading) -> str:
    """How far, how fast, how long."""
    if not reading.total:
        return tr("Counting its tokens…")
    done = tr("{} of {} tokens").format(f"{reading.done:,}", f"{reading.total:,}")
    rate = speed(reading.tokens_per_s) if reading.tokens_per_s else ""
    return " · ".join(filter(None, (done, rate, time_left(reading.left_s))))


def _why(one: Unfinished, *, fits: bool, elsewhere: bool, failure: Failure | None) -> str:
    if elsewhere:
        return tr("Another window of Rookery reads it now.")
    if failure is not None:
        from app.messages.failures import say  # the sentences are read only when one is needed

        return say(failure).sentences
    if not fits:
        name = plain_name(one.job.model, 0)
        return tr("It was begun with {}. Open that model, and it goes on.").format(name)
    return tr("It was stopped; what was read is kept.")

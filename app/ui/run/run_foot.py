"""The foot of the Run dialog: what Run would do, how far it is, and the buttons."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.run.run_state import RunState
from app.ui.state.session import Session
from app.ui.widgets.parts import button, label


class RunFoot(QWidget):
    """``run_pressed`` and ``close_pressed``; the box writes what it says into the state."""

    run_pressed = Signal()
    close_pressed = Signal()

    def __init__(self, theme: Theme, state: RunState, session: Session) -> None:
        super().__init__()
        self._state, self._session = state, session
        self.note = label("", "small", wrap=True)
        self.progress = QProgressBar(textVisible=False)
        self.progress.setAccessibleName(tr("Progress"))
        self.remember = QCheckBox(tr("Remember for this model"))
        self.cancel = button(tr("Cancel"))
        self.run = button(tr("Run"), role="primary")
        self.remember.clicked.connect(self._remember)
        self.cancel.clicked.connect(self.close_pressed)
        self.run.clicked.connect(self.run_pressed)
        row = QHBoxLayout()
        row.setSpacing(theme.space("s"))
        row.addStretch(1)
        row.addWidget(self.cancel)
        row.addWidget(self.run)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, theme.space("m"), 0)
        column.setSpacing(theme.space("s"))
        column.addWidget(self.progress)
        column.addWidget(self.note)
        column.addWidget(self.remember)  # in a row of its own: in large type none has room for all
        column.addLayout(row)

    def show_state(self) -> None:
        """Refresh from the state."""
        state = self._state
        self.note.setText(self._words())
        self.note.setVisible(bool(self.note.text()))
        self.progress.setVisible(state.loading)
        told = state.progress
        done, total = (told.done, told.total) if told is not None else (0, 0)
        self.progress.setRange(0, max(total, 1))
        self.progress.setValue(done)
        self.remember.setVisible(not state.loading)
        self.remember.setChecked(state.remember)
        self.run.setVisible(not state.loading)
        self.run.setEnabled(state.can_run)
        self.run.setText(tr("Run anyway") if self._needs_others_memory else tr("Run"))
        self.run.setAccessibleName(self.run.text())
        self.cancel.setText(tr("Hide") if state.loading else tr("Cancel"))
        self.cancel.setAccessibleName(self.cancel.text())

    @property
    def _needs_others_memory(self) -> bool:
        """Whether it would need memory that other programs have now."""
        plan = self._state.plan
        return plan is not None and not plan.fits and plan.may_run

    def _words(self) -> str:
        """What Run would do, or is doing."""
        state = self._state
        if state.loading:
            return self._loading_words()
        if state.waits:
            return tr("A model is being opened; wait until it is there.")
        if self._needs_others_memory and state.can_run:
            return tr("Close other programs first: with too little memory it can be very slow.")
        if state.plan is None or not state.is_open:
            return ""
        if state.unchanged:
            return tr("It runs like this now. With another choice {}").format(self._going_on())
        then = self._going_on()
        return then[:1].upper() + then[1:] if state.can_run else ""

    def _going_on(self) -> str:
        """What becomes of the conversation."""
        if self._session.writing:
            return tr("the reply that is being written stops and goes on from the same word.")
        return tr("the conversation goes on, and nothing has to be read again.")

    def _loading_words(self) -> str:
        told = self._state.progress
        if told is None or not told.total:
            return tr("Starting…")
        return tr("Loading layer {} of {}").format(told.done, told.total)

    def _remember(self) -> None:
        self._state.remember = self.remember.isChecked()

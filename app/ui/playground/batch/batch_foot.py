"""The line below the rows: how far the batch is, and what can be done with it now."""

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.messages.translate import tr, tr_n
from app.messages.units import whole
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.state.batch.batch import TRIED, Batch, Stage
from app.ui.state.batch.batch_words import rows_in_words, share_done, state_in_words
from app.ui.widgets.parts import Elided, button
from app.ui.widgets.pointer import Gesture

_STEPS, _WORDS_PX, _GAP_PX = 1000, 120, 48


class BatchFoot(QWidget):
    """Its signals say what is wanted."""

    try_wanted = Signal()
    start_wanted = Signal()
    pause_wanted = Signal()
    retry_wanted = Signal()
    open_wanted = Signal()
    folder_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("writingFoot")
        self._gesture = Gesture()
        self._main_means: SignalInstance = self.start_wanted
        self.words = Elided("", "small")
        self.bar = QProgressBar(textVisible=False, minimum=0, maximum=_STEPS)
        self.bar.setAccessibleName(tr("Progress of the batch"))
        self.folder = button(tr("Open the folder"), "folder-open", role="link")
        self.retry = button(tr("Retry failed rows"), "refresh")
        self.some = button(tr("Try {} rows").format(TRIED), "play")
        self.main = button(tr("Go on"), "play", role="primary")
        for part in (self.retry, self.main):
            part.setIconSize(self.some.iconSize())
        self.folder.clicked.connect(self.folder_wanted)
        self.retry.clicked.connect(self.retry_wanted)
        self.some.clicked.connect(self.try_wanted)
        self.main.clicked.connect(self._press)
        space = theme.space
        self._verbs = QWidget()
        verbs = QHBoxLayout(self._verbs)
        verbs.setContentsMargins(0, 0, 0, 0)
        verbs.setSpacing(space("s"))
        for part in (self.folder, self.retry, self.some, self.main):
            verbs.addWidget(part)
        self._row = row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        row.setSpacing(space("s"))
        row.addWidget(self.words, 1)
        row.addWidget(self._verbs, 0, Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("l"), space("s"), space("l"), space("m"))
        column.setSpacing(space("s"))
        column.addWidget(self.bar)
        column.addLayout(row)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        self._make_room()

    def _make_room(self) -> None:
        """Where words and verbs have no room beside each other, the words stand above."""
        words = self.words.fontMetrics().horizontalAdvance(self.words.text())
        beside = self.width() >= self._verbs.sizeHint().width() + max(words, _WORDS_PX) + _GAP_PX
        ways = QBoxLayout.Direction
        self._row.setDirection(ways.LeftToRight if beside else ways.TopToBottom)

    def show_batch(self, batch: Batch, *, ready: bool) -> None:
        """Show how it stands; ``ready``: a model is there, or comes."""
        stage, failed = batch.stage, batch.failed
        going = stage in (Stage.TRYING, Stage.RUNNING, Stage.QUEUED)
        able = ready or going or stage is Stage.DONE
        self.words.setText(state_in_words(batch) if able else tr("Open a model to run the rows."))
        self.bar.setVisible(batch.kept.begun or stage is Stage.RUNNING)
        self.bar.setValue(round(_STEPS * share_done(batch)))
        self.folder.setVisible(batch.kept.begun and not going)
        self.retry.setVisible(bool(failed) and stage in (Stage.DONE, Stage.PAUSED))
        self.retry.setEnabled(ready)
        told = tr_n("Retry {} failed row", "Retry {} failed rows", failed)
        self._name(self.retry, told.format(whole(failed)))
        self.some.setVisible(stage is Stage.DRAFT)
        self.some.setEnabled(ready and batch.found is not None and bool(batch.found.rows))
        self.main.setVisible(stage is not Stage.DONE)
        words, picture, means = self._main(batch)
        self._name(self.main, words)
        self.main.setIcon(icon(picture, "accent-text", 16))
        self.main.setToolTip("")
        self._main_means = means
        able = stage is not Stage.READING and (ready or going or means is self.open_wanted)
        self.main.setEnabled(able and (going or batch.found is not None))
        self._make_room()

    def _main(self, batch: Batch) -> tuple[str, str, SignalInstance]:
        if batch.stage is Stage.TRYING:
            return tr("Stop"), "stop", self.pause_wanted
        if batch.stage in (Stage.RUNNING, Stage.QUEUED):
            return tr("Pause"), "pause", self.pause_wanted
        if batch.wanted is not None and batch.stage is Stage.PAUSED:
            return tr("Open its model"), "play", self.open_wanted
        if batch.kept.begun:
            return tr("Go on"), "continue", self.start_wanted
        count = batch.found.rows if batch.found else 0
        return tr("Run all {}").format(rows_in_words(count)), "play", self.start_wanted

    def _name(self, part: QWidget, words: str) -> None:
        part.setText(words)  # type: ignore[attr-defined]
        part.setAccessibleName(words)

    def _press(self) -> None:
        """A second press of one double click is not for what the button means by then."""
        if self._gesture.begins():
            self._main_means.emit()

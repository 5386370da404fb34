"""The one obvious button of the details: Download, then its progress, then Chat."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.messages.units import size
from app.runtime.protocol.messages import LoadProgress
from app.ui.look.theme import Theme
from app.ui.state.download_progress import amount_words, progress_words, share
from app.ui.state.models.entry import Entry
from app.ui.widgets.parts import button, label

if TYPE_CHECKING:
    from app.hub.downloads.download_queue import Item

_STEPS = 1000


class MainButtons(QWidget):
    """Its signals are wishes of the person about the entry that is shown."""

    chat_pressed = Signal()
    eject_pressed = Signal()
    download_pressed = Signal()
    pause_pressed = Signal()
    resume_pressed = Signal()
    cancel_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._entry: Entry | None = None
        self.chat = button(tr("Chat"), "chat", role="primary")
        self.download = button(tr("Download"), "download", role="primary")
        self.resume = button(tr("Resume"), "play", role="primary")
        self.pause = button(tr("Pause"), "pause")
        self.eject = button(tr("Eject"), "eject")
        self.cancel = button(tr("Cancel"), "close")
        self.cancel.setAccessibleName(tr("Cancel this download"))
        self._progress = QProgressBar(textVisible=False)
        self._progress.setAccessibleName(tr("Progress"))
        self._words = label("", "small", wrap=True)
        self._arrange()
        for pressed, signal in (
            (self.chat, self.chat_pressed),
            (self.eject, self.eject_pressed),
            (self.download, self.download_pressed),
            (self.pause, self.pause_pressed),
            (self.resume, self.resume_pressed),
            (self.cancel, self.cancel_pressed),
        ):
            pressed.clicked.connect(signal)

    def show_entry(self, entry: Entry) -> None:
        """Another one is shown."""
        self._entry = entry
        words = tr("Download")
        if entry.download_bytes:
            words = tr("Download {}").format(size(entry.download_bytes))
        self.download.setText(words)
        self.download.setAccessibleName(f"{words}: {entry.title}")

    def show_state(
        self, *, is_open: bool, loading: bool, progress: LoadProgress | None, item: "Item | None"
    ) -> None:
        """Show what it is doing now, and the buttons that go with it."""
        entry = self._entry
        if entry is None:
            return
        ours = item is not None and not item.elsewhere
        at_rest = item is not None and item.state in ("paused", "failed")
        moving = item is not None and not at_rest
        self.chat.setVisible(entry.usable)
        self.chat.setEnabled(not loading)
        self.eject.setVisible(is_open or loading)
        self.eject.setText(tr("Cancel") if loading else tr("Eject"))
        self.eject.setAccessibleName(self.eject.text())
        self.download.setVisible(entry.fetchable and item is None)
        goes_on = item is not None and ours and at_rest and item.retryable
        self.resume.setVisible(goes_on or (item is None and entry.resumable))
        if self.resume.isVisibleTo(self):
            failed = item is not None and item.state == "failed"
            again = tr("Try again") if failed else tr("Resume")
            self.resume.setText(again)
            self.resume.setAccessibleName(again)
        self.pause.setVisible(ours and moving)
        self.cancel.setVisible(ours)
        self.setVisible(entry.usable or entry.fetchable or entry.resumable)
        self._show_progress(loading=loading, progress=progress, item=item)

    def _show_progress(
        self, *, loading: bool, progress: LoadProgress | None, item: "Item | None"
    ) -> None:
        self._progress.setVisible(loading or item is not None)
        self._words.setVisible(loading or item is not None)
        if item is not None:
            self._progress.setRange(0, _STEPS)
            self._progress.setValue(round(share(item) * _STEPS))
            self._words.setText(_sentence(item))
        elif loading:
            done, total = (progress.done, progress.total) if progress else (0, 0)
            self._progress.setRange(0, max(total, 1))
            self._progress.setValue(done)
            words = tr("Loading layer {} of {}").format(done, total)
            self._words.setText(words if total else tr("Starting"))

    def _arrange(self) -> None:
        space = self._theme.space
        row = QHBoxLayout()
        row.setSpacing(space("s"))
        for part in (self.chat, self.download, self.resume, self.pause, self.eject, self.cancel):
            row.addWidget(part)
        row.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space("s"))
        column.addLayout(row)
        column.addWidget(self._progress)
        column.addWidget(self._words)


def _sentence(item: "Item") -> str:
    """How far it is; for what failed or waits for room, why and what to do."""
    if item.state in ("failed", "paused") and item.failure is not None:
        from app.messages.failures import say  # the sentences are read only when one is needed

        return say(item.failure).sentences
    return " · ".join(filter(None, (amount_words(item), progress_words(item))))

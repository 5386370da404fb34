"""The Downloads page: the queue as cards, what all of it comes to, and what is done with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.messages.translate import tr, tr_n
from app.messages.units import rate, size
from app.ui.state.commands import Command, Habit
from app.ui.state.download_progress import time_left
from app.ui.state.model_opener import ModelOpener
from app.ui.state.services import Services
from app.ui.widgets.blank import Blank
from app.ui.widgets.page import Page
from app.ui.widgets.parts import Elided, button, label

from .card_column import Column

if TYPE_CHECKING:
    from app.hub.downloads.download_queue import Item

_WIDEST = 760  # of the cards
_ACTIVE = ("queued", "running", "waiting", "checking")


class DownloadsPage(Page):
    """Shows ``services.downloads`` and passes on what the person wants."""

    def __init__(self, services: Services, opening: ModelOpener) -> None:
        super().__init__()
        self._queue, self._opening = services.downloads, opening
        self._services = services
        self._total = Elided("", "small")
        self.pause_all = button(tr("Pause all"), "pause")
        self.resume_all = button(tr("Resume all"), "play")
        self.clear = button(tr("Clear finished"), role="quiet")
        self.column = Column(services.theme)
        self.blank = Blank(services.theme, "download")
        self.blank.say(
            tr("Nothing is being downloaded"),
            tr("Choose a model, and it arrives here: whole, checked, and ready to chat."),
            tr("Choose a model"),
        )
        self._note = label("", "small", wrap=True)
        self._stack = QStackedWidget()
        self._arrange()
        self.pause_all.clicked.connect(self._queue.pause_all)
        self.resume_all.clicked.connect(self._queue.resume_all)
        self.clear.clicked.connect(self._clear)
        self.blank.pressed.connect(lambda: self.wanted.emit("models"))
        self.column.verb.connect(self._act)
        self.column.moved.connect(self._queue.move)
        self._queue.changed.connect(self._show)
        self._show()

    def commands(self) -> Sequence[Command]:
        group = tr("Downloads page")
        return (
            Command(tr("Pause all downloads"), self._queue.pause_all, "", "pause", group),
            Command(tr("Resume all downloads"), self._queue.resume_all, "", "play", group),
        )

    def habits(self) -> Sequence[Habit]:
        group = tr("Downloads page")
        return (
            Habit(tr("Pause or resume the download"), "Space", group),
            Habit(tr("Move the download up or down"), "Alt+Up", group),
            Habit(tr("Cancel the download"), "Del", group),
        )

    def take_keyboard(self) -> None:
        if self._queue.items:
            self.column.take_keyboard()
        else:
            self.blank.take_keyboard()

    def _show(self) -> None:
        items = self._queue.items
        keyboard = self.column.isAncestorOf(QApplication.focusWidget() or self)
        self.column.show_items(items)
        self._stack.setCurrentWidget(self.column if items else self.blank)
        if keyboard and not items:
            self.blank.take_keyboard()
        active = [item for item in items if item.state in _ACTIVE]
        paused = any(item.state == "paused" for item in items)
        leads = not self._queue.elsewhere
        self.pause_all.setVisible(leads and bool(active))
        self.resume_all.setVisible(leads and not active and paused)
        self.clear.setVisible(leads and any(item.state == "done" for item in items))
        self._total.setText(self._sum(items))
        note = tr("Closing Rookery stops nothing for good: downloads go on at the next start.")
        if self._queue.elsewhere:
            note = tr("Another window of Rookery has the downloads: pause or end them there.")
        self._note.setText(note)
        self._note.setVisible(self._queue.unfinished > 0)

    def _sum(self, items: "Sequence[Item]") -> str:
        """How many, how fast and how long, all together."""
        left = [item for item in items if item.state != "done"]
        if not left:
            count = len(items)
            return tr_n("{} complete", "{} complete", count).format(count) if count else ""
        done = sum(item.done_bytes for item in left)
        total = sum(item.total_bytes for item in left)
        speed = sum(item.bytes_per_s for item in left)
        how_many = tr_n("{} download", "{} downloads", len(left)).format(len(left))
        amount = tr("{} of {}").format(size(done), size(total)) if total else ""
        seconds = (total - done) / speed if speed else -1.0
        moving = any(item.state == "running" for item in left)
        speed_and_time = (rate(speed), time_left(seconds)) if moving and speed else ()
        return " · ".join(filter(None, (how_many, amount, *speed_and_time)))

    def _act(self, verb: str, ident: str) -> None:
        queue = self._queue
        acts = {
            "chat": self._chat,
            "pause": queue.pause,
            "resume": queue.resume,
            "retry": queue.resume,
            "cancel": queue.give_up,
        }
        acts[verb](ident)

    def _chat(self, ident: str) -> None:
        item = next((one for one in self._queue.items if one.id == ident), None)
        if item is not None:
            self._opening.open(Path(item.path))

    def _clear(self) -> None:
        for item in self._queue.items:
            if item.state == "done":
                self._queue.cancel(item.id)

    def _arrange(self) -> None:
        space = self._services.theme.space
        title = QVBoxLayout()
        title.setSpacing(2)
        title.addWidget(label(tr("Downloads"), "title"))
        title.addWidget(self._total)
        top = QHBoxLayout()
        top.setContentsMargins(space("xl"), space("xl"), space("xl"), space("m"))
        top.setSpacing(space("s"))
        top.addLayout(title, 1)
        for part in (self.clear, self.resume_all, self.pause_all):
            top.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
        self._stack.addWidget(self.column)
        self._stack.addWidget(self.blank)
        foot = QHBoxLayout()
        foot.setContentsMargins(space("xl"), space("s"), space("xl"), space("m"))
        foot.addWidget(self._note)
        content = QWidget()
        self.centre(content)
        inner = QWidget()
        inner.setMaximumWidth(_WIDEST + 2 * space("xl"))
        across = QHBoxLayout(content)
        across.setContentsMargins(0, 0, 0, 0)
        across.addStretch(1)
        across.addWidget(inner, 1000)
        across.addStretch(1)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._stack, 1)
        column.addLayout(foot)

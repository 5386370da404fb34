"""At the first start: what this machine has, and the models to take first; downloads by wish."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.messages.translate import tr, tr_n
from app.messages.units import size
from app.ui.state.download_progress import progress_words, share
from app.ui.state.models.entry import Entry, joined
from app.ui.state.models.model_fits import ModelFits
from app.ui.state.models.recommendations import Advice, advised
from app.ui.state.services import Services
from app.ui.widgets.parts import Elided, button, label

if TYPE_CHECKING:
    from app.hub.downloads.download_queue import Item

_STEPS = 1000


class FirstModels(QWidget):
    """``changed`` when there is something to show; ``opened`` carries a model's path."""

    changed = Signal()
    opened = Signal(Path)
    all_wanted = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._fitting = ModelFits(
            lambda _entry: "",
            lambda: services.gpus.usable,
            lambda: services.library.disk,
            services.downloads.done_of,
            services.planning,
        )
        self._advice: list[Advice] = []
        self._cards: dict[str, OfferCard] = {}
        self._machine = label("", "dim", wrap=True)
        self._machine.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.everything = button(tr("See all models"), "models", role="link")
        self.everything.clicked.connect(self.all_wanted)
        self._column = QVBoxLayout()
        self._column.setSpacing(services.theme.space("s"))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(services.theme.space("s"))
        outer.addWidget(self._machine)
        outer.addSpacing(services.theme.space("s"))
        outer.addWidget(label(tr("Good models for this computer"), "strong"))
        outer.addLayout(self._column)
        outer.addWidget(self.everything, 0, Qt.AlignmentFlag.AlignLeft)
        services.library.changed.connect(self._choose)
        services.catalogue.changed.connect(self._choose)
        services.gpus.changed.connect(self._choose)
        services.downloads.changed.connect(self._follow)
        self.hide()

    @property
    def wanted(self) -> bool:
        """Whether there is advice to give: nothing but the guide is here, and something fits."""
        return bool(self._cards)

    @property
    def stops(self) -> list[QWidget]:
        """Where Tab stops, as it is read."""
        return [*(card.act for card in self._cards.values()), self.everything]

    def look(self) -> None:
        """The page is shown: see what there is."""
        self._services.catalogue.load()
        self._services.gpus.look()
        self._choose()

    def _choose(self) -> None:
        library = self._services.library
        if not (library.scanned and self._services.gpus.known):
            return
        own = any(entry.usable and not entry.embedded for entry in library.entries)
        if own and not self._cards:
            return
        if not self._cards:
            session = self._services.session
            self._fitting.measure(session.worker_pid, session.rates)
            offers = self._services.catalogue.entries
            self._advice = advised(joined(library.entries, offers), self._fitting)
            self._build()
        self._follow()

    def _build(self) -> None:
        for advice in self._advice:
            verdict = self._fitting.verdict(advice.entry)
            on_card, here = tr("{} of the card's memory"), tr("{} of memory")
            words = (on_card if verdict.kind == "gpu" else here).format(size(verdict.needed_bytes))
            card = OfferCard(self._services, advice, words, first=not self._cards)
            card.opened.connect(self.opened)
            self._cards[advice.entry.key] = card
            self._column.addWidget(card)
        if self._cards:
            self._machine.setText(self._describe())
            self.changed.emit()

    def _describe(self) -> str:
        here = self._fitting.here
        cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
        counted = tr_n("{} processor core", "{} processor cores", cores).format(cores)
        words = tr("This computer has {} and {} of memory, {} of it free.")
        said = words.format(counted, size(here.memory_total), size(here.memory_available))
        if not here.gpus:
            return said
        card = here.gpus[0]
        words = tr("Its {} has {}, {} of it free.")
        return f"{said} {words.format(card.name, size(card.total_bytes), size(card.free_bytes))}"

    def _follow(self) -> None:
        offers = [advice.entry for advice in self._advice]
        rows = joined(self._services.library.entries, offers)
        here = {row.offer.key: row for row in rows if row.offer and row.usable}
        for advice in self._advice:
            offer = advice.entry.offer
            if offer is not None:
                item = self._services.downloads.item_of(offer.key)
                self._cards[advice.entry.key].show_state(item, here.get(offer.key))


class OfferCard(QFrame):
    """One model: its name, why this one, and Download, then how far, then Chat."""

    opened = Signal(Path)

    def __init__(self, services: Services, advice: Advice, need: str, *, first: bool) -> None:
        super().__init__()
        self._services, self._entry = services, advice.entry
        self._here: Path | None = None
        self._item: Item | None = None
        self.setProperty("card", "true")
        theme = services.theme
        weight = tr("{} to download").format(size(advice.entry.bytes))
        self._about = " · ".join(filter(None, (advice.reason, weight, need)))
        title = Elided(advice.entry.title, "strong")
        self._words = label(self._about, "small", wrap=True)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setRange(0, _STEPS)
        self._bar.setAccessibleName(tr("Progress of {}").format(advice.entry.title))
        self._bar.hide()
        self.act = button(tr("Download"), "download", role="primary" if first else "")
        self.act.setAccessibleName(tr("Download {}").format(advice.entry.title))
        self.act.clicked.connect(self._press)
        said = QVBoxLayout()
        said.setSpacing(2)
        said.addWidget(title)
        said.addWidget(self._bar)
        said.addWidget(self._words)
        row = QHBoxLayout(self)
        edge = theme.space("m")
        row.setContentsMargins(theme.space("l"), edge, edge, edge)
        row.setSpacing(theme.space("m"))
        row.addLayout(said, 1)
        row.addWidget(self.act, 0, Qt.AlignmentFlag.AlignVCenter)

    def show_state(self, item: "Item | None", here: Entry | None) -> None:
        """How far its download is, or that it is here."""
        self._here = here.path if here is not None else None
        self._item = item
        moving = self._item is not None and self._here is None
        self._bar.setVisible(moving)
        words = self._about
        verb, enabled = tr("Download"), True
        if self._here is not None:
            verb = tr("Chat")
        elif self._item is not None:
            self._bar.setValue(round(share(self._item) * _STEPS))
            words = progress_words(self._item)
            verb = {"paused": tr("Resume"), "failed": tr("Try again")}.get(
                self._item.state, f"{share(self._item) * 100:.0f} %"
            )
            enabled = self._item.state in ("paused", "failed") and self._item.retryable
            if self._item.state == "failed" and not enabled:
                verb = tr("Stopped")
        self._words.setText(words)
        self.act.setText(verb)
        self.act.setAccessibleName(f"{verb}: {self._entry.title}")
        self.act.setEnabled(enabled)

    def _press(self) -> None:
        queue = self._services.downloads
        if self._here is not None:
            self.opened.emit(self._here)
        elif self._item is None and self._entry.offer is not None:
            queue.add(self._entry.offer)
        elif self._item is not None:
            queue.resume(self._item.id)

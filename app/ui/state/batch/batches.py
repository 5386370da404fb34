"""All batches of the window, of which one runs at a time; the others wait for their turn."""

import time
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, Signal

from app.store.documents.document_records import WritingSettings
from app.store.kept_batches import KeptBatch
from app.store.records import new_id
from app.ui.state.chat.template_choice import usual_template
from app.ui.state.services import Services

from .batch import Batch, Stage
from .batch_places import output_beside

_MOST = 50  # the oldest that is at its end is forgotten; its files stay
_TEMPLATE = "{{text}}"


class Batches(QObject):
    """``listed`` when there are others, ``chosen_changed`` when another one is shown.

    ``moved_on`` when one of them has changed.  ``interrupted`` are those that a closed window or a
    crash has cut; they go on when the person says so.
    """

    listed = Signal()
    chosen_changed = Signal()
    moved_on = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        kept = services.settings.now.batches.values()
        self.all: list[Batch] = []
        self.chosen: Batch | None = None
        self.interrupted = [one.id for one in kept if one.running]
        for one in sorted(kept, key=lambda one: one.created):
            self._take(Batch(services, msgspec.structs.replace(one, running=False), self))
        services.session.was_opened.connect(self._note_model)

    @property
    def running(self) -> Batch | None:
        """The one that runs, if one does."""
        return next((one for one in self.all if one.stage is Stage.RUNNING), None)

    @property
    def outputs(self) -> set[str]:
        """Where they write."""
        return {one.kept.output for one in self.all}

    def add(self, rows: Path) -> Batch:
        """Set up a batch for the rows of a file; shown at once, and run when it is told to.

        It has the template and settings of the batch that was shown, where that fits.
        """
        loaded, before = self._services.session.loaded, self.chosen
        chat = loaded is None or bool(usual_template(self._services.settings, loaded))
        kept = KeptBatch(
            id=new_id(),
            input=str(rows),
            output=str(output_beside(rows, taken=self.outputs)),
            template=_TEMPLATE,
            chat=before.kept.chat if before else chat,
            settings=before.settings if before else WritingSettings(),
            created=time.time(),
        )
        made = self._take(Batch(self._services, kept, self))
        made.configure()
        self._forget_old()
        self.choose(made)
        return made

    def choose(self, batch: Batch | None) -> None:
        """Show one."""
        if batch is not self.chosen:
            self.chosen = batch
            if batch is not None and batch.stage is Stage.READING:
                batch.look()
            self.chosen_changed.emit()

    def start(self, batch: Batch) -> None:
        """Run it, after those that run or wait already."""
        self.interrupted = [one for one in self.interrupted if one != batch.kept.id]
        batch.queue()
        self._go_on()

    def retry(self, batch: Batch) -> None:
        """Run its failed rows once more, after those that run or wait already."""
        batch.queue(retry=True)
        self._go_on()

    def remove(self, batch: Batch) -> None:
        """Take it from the list; what it has written stays on the disk."""
        kept, at = batch.kept, self.all.index(batch)
        batch.close()
        self.all.remove(batch)
        batch.deleteLater()
        others = dict(self._services.settings.now.batches)
        others.pop(kept.id, None)
        self._services.settings.change(batches=others)
        self.listed.emit()
        if self.chosen is batch:
            self.chosen = None
            self.choose(self.all[min(at, len(self.all) - 1)] if self.all else None)
            if not self.all:
                self.chosen_changed.emit()

    def bring_back(self, kept: KeptBatch) -> None:
        """Undo a removal."""
        back = self._take(Batch(self._services, kept, self))
        back.configure()
        self.choose(back)

    def _take(self, batch: Batch) -> Batch:
        self.all.append(batch)
        batch.changed.connect(self.moved_on)
        batch.ended.connect(self._go_on)
        self.listed.emit()
        return batch

    def _go_on(self) -> None:
        """Start the next one that waits, if none runs."""
        if self.running is None and not self._services.tasks.ended:
            waiting = next((one for one in self.all if one.stage is Stage.QUEUED), None)
            if waiting is not None:
                waiting.start()

    def _note_model(self) -> None:
        """Those that the model was taken from go on."""
        for one in self.all:
            if one.waits_for_model:
                one.queue()
        self._go_on()

    def _forget_old(self) -> None:
        ended = [one for one in self.all if one.stage is Stage.DONE or not one.kept.begun]
        for one in ended[: max(0, len(self.all) - _MOST)]:
            if one is not self.chosen and not one.busy:
                self.remove(one)

"""The settings of the batch that is shown, for the fields that any settings of a text have."""

from PySide6.QtCore import QObject

from app.runtime.protocol.prompts import Sampling
from app.store.documents.document_records import WritingSettings
from app.ui.state.playground.writing_configuration import WritingConfiguration
from app.ui.state.services import Services

from .batch import Batch
from .batches import Batches


class BatchConfiguration(WritingConfiguration):
    """Belongs to another batch whenever another one is shown."""

    def __init__(self, services: Services, batches: Batches, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self._batches = services, batches
        self._heard: Batch | None = None
        batches.chosen_changed.connect(self._follow)
        self._follow()

    @property
    def settings(self) -> WritingSettings:
        batch = self._batches.chosen
        return batch.settings if batch else WritingSettings()

    @property
    def sampling(self) -> Sampling:
        batch, loaded = self._batches.chosen, self._services.session.loaded
        if batch is not None:
            return batch.sampling
        return loaded.sampling if loaded else Sampling()

    def configure(self, **values: object) -> None:
        """A batch that has begun stays as it is."""
        batch = self._batches.chosen
        if batch is not None and not batch.kept.begun:
            batch.configure(**values)

    def _follow(self) -> None:
        if self._heard is not None:
            self._heard.configured.disconnect(self.configured)
            self._heard.typed_wanted.disconnect(self.typed_wanted)
        self._heard = self._batches.chosen
        if self._heard is not None:
            self._heard.configured.connect(self.configured)
            self._heard.typed_wanted.connect(self.typed_wanted)
        self.configured.emit()

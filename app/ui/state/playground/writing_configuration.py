"""What the fields for settings of a text show and change, whoever the settings belong to."""

from PySide6.QtCore import QObject, Signal

from app.runtime.protocol.prompts import Sampling
from app.store.documents.document_records import WritingSettings


class WritingConfiguration(QObject):
    """``configured`` when settings have changed.

    ``typed_wanted`` asks for settings that are typed and not handed in.
    """

    configured = Signal()
    typed_wanted = Signal()

    @property
    def settings(self) -> WritingSettings:
        """How a text is gone on with."""
        raise NotImplementedError

    @property
    def sampling(self) -> Sampling:
        """How the next token is chosen: as the person or else as the model's makers say."""
        raise NotImplementedError

    def configure(self, **values: object) -> None:
        """Change fields of the settings."""
        raise NotImplementedError

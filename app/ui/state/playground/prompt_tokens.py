"""The exact prompt: as which text and tokens a model would read something; reads nothing."""

import asyncio

from PySide6.QtCore import QObject, Signal

from app.errors import Failure
from app.runtime.protocol.prompts import Prompt, Text
from app.runtime.protocol.token_spans import unpack
from app.ui.state.session import Session

from .known_vocabulary import KnownVocabulary
from .token_cells import TokenCells


class PromptTokens(QObject):
    """``ask`` for a prompt; ``changed`` when it is known, or ``failure`` tells why it is not."""

    changed = Signal()

    def __init__(
        self, session: Session, vocabulary: KnownVocabulary, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._vocabulary = session, vocabulary
        self.cells, self.text = TokenCells(()), ""
        self.failure: Failure | None = None
        self._task: asyncio.Task[None] | None = None

    def ask(self, prompt: Prompt) -> None:
        """What the prompt becomes; an earlier question is forgotten.

        A Text is taken as it stands, a Chat with its template and system text.
        """
        if self._task is not None:
            self._task.cancel()
        self._task = self._session.tasks.start(self._ask(prompt))

    async def _ask(self, prompt: Prompt) -> None:
        try:
            vocabulary = await self._vocabulary.read()
            encoded = await self._session.encode(prompt, document=isinstance(prompt, Text))
        except Failure as failure:
            self.failure = failure
            self.cells, self.text = TokenCells(()), ""
        else:
            self.failure = None
            self.cells, self.text = TokenCells(vocabulary.pieces), encoded.text
            self.cells.extend(unpack(encoded.ids))
            self.cells.finish()
        self.changed.emit()

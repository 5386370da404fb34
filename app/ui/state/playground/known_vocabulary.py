"""The vocabulary of the open model, asked of the worker once."""

from app.errors import NoModel
from app.runtime.protocol.vocabulary_messages import Vocabulary
from app.ui.state.session import Session


class KnownVocabulary:
    """``read`` gives the one of the model that is open; ``now`` the one that was read last."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.now: Vocabulary | None = None

    async def read(self) -> Vocabulary:
        """Raises NoModel, WorkerDied and the failures of opening the model again."""
        loaded = self._session.loaded
        if loaded is None:
            raise NoModel
        if self.now is None or self.now.identity != loaded.vocabulary:
            self.now = await self._session.vocabulary()
        return self.now

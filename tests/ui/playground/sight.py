"""What the model sees, with a real engine and a small model of bytes."""

import asyncio
from pathlib import Path

from app.ui.look.theme import Theme
from app.ui.state.notices import Notices
from app.ui.state.playground.known_vocabulary import KnownVocabulary
from app.ui.state.playground.scored_text import ScoredText, ScorePhase
from app.ui.state.session import Session
from app.ui.state.tasks import Tasks
from tests.runtime.small_models import small_file
from tests.support.inline_worker import InlineWorker
from tests.ui.conftest import until


class Sight:
    """A session on an engine in this process, or on a worker."""

    def __init__(self, qapp, folder, supervise=InlineWorker) -> None:
        self._folder = folder
        self.theme = Theme("light")
        self.theme.apply(qapp)
        self.tasks = Tasks(Notices().failure)
        self.session: Session = Session(supervise(lambda: self.session.note_change()), self.tasks)
        self.vocabulary = KnownVocabulary(self.session)
        self.scored = ScoredText(self.session, self.vocabulary)

    async def open(self, generation="7.0", **sizes) -> Path:
        path = Path(small_file(self._folder, generation, **sizes))
        await self.session.opened(path, "cpu fp32")
        return path

    async def score(self, prompt) -> None:
        self.scored.score(prompt)
        await until(lambda: self.scored.phase is not ScorePhase.SCORING)

    async def end_with_loop(self) -> None:
        await self.tasks.close()
        await self.session.close()
        await asyncio.sleep(0)

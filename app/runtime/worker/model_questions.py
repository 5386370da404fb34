"""What is asked of the open model besides the text of a conversation or document."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence

from app.runtime.planning.machine import Rates
from app.runtime.protocol.encodings import Encoded
from app.runtime.protocol.messages import Done, Generate, Prefilled, Reply
from app.runtime.protocol.prompts import Prompt
from app.runtime.protocol.scores import Scored
from app.runtime.protocol.states import (
    StartState,
    StateLoaded,
    StateSeen,
    StatesTaken,
    TakeStates,
)
from app.runtime.protocol.vocabulary_messages import Vocabulary

from .client import Client


class ModelQuestions(ABC):
    """Each waits for a model that is being opened, and starts the worker again where it died."""

    rates: Rates | None = None

    @abstractmethod
    async def _ready(self) -> Client:
        """The worker of the open model.  Raises NoModel, and what opening it again raises."""

    async def encode(self, prompt: Prompt, *, document: bool = True) -> Encoded:
        """The token ids of ``prompt``.  Raises as ``generate`` does."""
        return await (await self._ready()).encode(prompt, document=document)

    async def load_state(self, state: StartState) -> StateLoaded:
        """Have the worker read a state.  Raises as ``generate`` and ``Client.load_state`` do."""
        client = await self._ready()
        return await client.load_state(state)

    async def score(self, prompt: Prompt, top: int = 0) -> AsyncGenerator[Scored | Done, None]:
        """How likely each token of ``prompt`` is; raises as ``generate`` and ``Client.score`` do.

        Leave it inside ``contextlib.aclosing``.
        """
        client = await self._ready()
        async with contextlib.aclosing(client.score(prompt, top)) as events:
            async for event in events:
                yield event

    async def look_at_states(
        self, asked: TakeStates
    ) -> AsyncGenerator[Prefilled | StateSeen | StatesTaken, None]:
        """States on the way through a text; raises as ``generate`` and ``Client.save_state`` do.

        Leave it inside ``contextlib.aclosing``.
        """
        client = await self._ready()
        async with contextlib.aclosing(client.look_at_states(asked)) as events:
            async for event in events:
                yield event

    async def generate_together(
        self, asked: Sequence[Generate]
    ) -> AsyncGenerator[tuple[int, Reply], None]:
        """Replies to texts that begin in one go; see ``Client.generate_together``.

        Leave it inside ``contextlib.aclosing``.
        """
        client = await self._ready()
        async with contextlib.aclosing(client.generate_together(asked)) as replies:
            async for reply in replies:
                yield reply

    async def vocabulary(self) -> Vocabulary:
        """The bytes of every token of the open model.  Raises as ``generate`` does."""
        return await (await self._ready()).vocabulary()

    async def measure_rates(self) -> Rates:
        """Have the worker of the open model measure this machine, and remember what it finds.

        Raises NoModel, OutOfMemory and WorkerDied.
        """
        self.rates = await (await self._ready()).measure_rates()
        return self.rates

"""What the server asks of whoever runs the model."""

from collections.abc import AsyncGenerator
from typing import Protocol

from app.runtime.protocol.encodings import Encoded
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Event, Loaded
from app.runtime.protocol.prompts import Prompt
from app.runtime.protocol.scores import Scored
from app.runtime.protocol.states import StartState
from app.runtime.protocol.vocabulary_messages import Vocabulary


class ModelRunner(Protocol):
    """A Supervisor of the server's own loop, or what hands each call on to one in another loop.

    All of it is called in the server's loop.  Its methods are the Supervisor's and raise the same
    failures; generators are left inside ``contextlib.aclosing``, which stops the text.
    """

    @property
    def loaded(self) -> Loaded | None:
        """The model that answers, or will again when it is asked."""

    async def open(self, path: str, strategy: str = "", *, firm: bool = False) -> Loaded:
        """Open a model in place of the one before."""

    async def rest(self) -> None:
        """Free the memory of the open model until it is asked again."""

    def generate(
        self,
        prompt: Prompt,
        options: GenerateOptions,
        *,
        start: StartState | None = None,
        afresh: bool = False,
    ) -> AsyncGenerator[Event | Done, None]:
        """Continue ``prompt``: events, then one Done."""

    def score(self, prompt: Prompt, top: int = 0) -> AsyncGenerator[Scored | Done, None]:
        """How likely each token of ``prompt`` is."""

    async def encode(self, prompt: Prompt, *, document: bool = True) -> Encoded:
        """The token ids of ``prompt``."""

    async def vocabulary(self) -> Vocabulary:
        """The bytes of every token of the open model."""

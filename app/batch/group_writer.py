"""Has a group of prompts written together by a worker, whoever owns that worker.

Rows cost each other nothing: where the process dies of one, or memory runs out with all of them,
they are tried again in smaller company.  Needs asyncio.
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from app.errors import Failure, NoModel, OutOfMemory, RequestRefused, WorkerDied
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Failed, Generate, Piece, Reply, failure_of
from app.runtime.protocol.prompts import Prompt
from app.runtime.protocol.states import StartState

Asked = tuple[Prompt, GenerateOptions]


@dataclass
class WrittenText:
    """What was written for one prompt; ``reason`` is that of its Done."""

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    reason: str = ""


Result = WrittenText | Failure

OnText = Callable[[int, Result], None]
"""Called with the place of a text that has ended, and what came of it."""


class GroupWriter(ABC):
    """``write`` is the same for a worker of the batch's own and for one that is shared."""

    @abstractmethod
    def _replies(self, texts: Sequence[Generate]) -> AsyncGenerator[tuple[int, Reply], None]:
        """The replies to each of ``texts``, with its place; see ``Client.generate_together``."""

    @abstractmethod
    async def _open_again(self) -> None:
        """The process has died: see that there is another one.  Raises the failures of loading."""

    async def write(
        self, asked: Sequence[Asked], start: StartState | None, on_text: OnText
    ) -> list[Result]:
        """What comes of each prompt, in order; ``on_text`` is called whenever a text has ended.

        All are computed together.  Where the process dies of them they are tried once more, then
        each by itself, so that one row which kills it costs no other; where memory runs out they
        are tried again by halves.  Raises WorkerDied where none survives that, and NoModel where
        the model was taken away.
        """
        if not asked:
            return []
        for _ in range(2):
            try:
                return await self._within_memory(asked, start, on_text)
            except WorkerDied:
                await self._open_again()
            except RequestRefused:  # all together are too long to be sent
                break
        return await self._one_by_one(asked, start, on_text)

    async def _within_memory(
        self, asked: Sequence[Asked], start: StartState | None, on_text: OnText
    ) -> list[Result]:
        """By halves where memory does not hold all of them at once."""
        results = await self._together(asked, start, on_text)
        short = [at for at, result in enumerate(results) if isinstance(result, OutOfMemory)]
        if not short or len(asked) == 1:
            return results
        half = max(1, len(asked) // 2)
        for first in range(0, len(short), half):
            places = short[first : first + half]

            def told(place: int, result: Result, places: list[int] = places) -> None:
                on_text(places[place], result)

            fewer = await self._within_memory([asked[at] for at in places], start, told)
            for at, result in zip(places, fewer, strict=True):
                results[at] = result
        return results

    async def _together(
        self, asked: Sequence[Asked], start: StartState | None, on_text: OnText
    ) -> list[Result]:
        written = [WrittenText() for _ in asked]
        results: list[Result] = list(written)
        texts = [Generate(id=0, prompt=p, options=o, start=start, afresh=True) for p, o in asked]
        async with contextlib.aclosing(self._replies(texts)) as replies:
            async for place, event in replies:
                if isinstance(event, Piece):
                    written[place].text += event.text
                    written[place].tokens += (fact.token for fact in event.tokens)
                elif isinstance(event, Done):
                    if event.reason == "stopped":  # nobody here has stopped it
                        raise NoModel
                    written[place].reason = event.reason
                elif isinstance(event, Failed):
                    results[place] = _failure_of_one(event)
                if isinstance(event, Done | Failed):
                    on_text(place, results[place])
        return results

    async def _one_by_one(
        self, asked: Sequence[Asked], start: StartState | None, on_text: OnText
    ) -> list[Result]:
        results: list[Result] = []
        for at, one in enumerate(asked):

            def told(_place: int, result: Result, at: int = at) -> None:
                on_text(at, result)

            try:
                results += await self._together([one], start, told)
            except RequestRefused as failure:
                results.append(failure)
            except WorkerDied as failure:
                results.append(failure)
                await self._open_again()
        died = [result for result in results if isinstance(result, WorkerDied)]
        if len(died) == len(results):
            raise died[-1]
        return results


class SharedWriter(GroupWriter):
    """Asks a worker that others ask as well; ``ask`` starts it again where it has died."""

    def __init__(
        self, ask: Callable[[Sequence[Generate]], AsyncGenerator[tuple[int, Reply], None]]
    ) -> None:
        self._ask = ask

    def _replies(self, texts: Sequence[Generate]) -> AsyncGenerator[tuple[int, Reply], None]:
        return self._ask(texts)

    async def _open_again(self) -> None:
        """Whoever owns it does that when it is asked next."""


def _failure_of_one(reply: Failed) -> Failure:
    """Raises what ended the process instead, with which all texts ended."""
    failure = failure_of(reply)
    if isinstance(failure, WorkerDied | NoModel):
        raise failure
    return failure

"""The texts of one request, run beside each other; their events come as one stream."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import msgspec

from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Event
from app.runtime.protocol.prompts import Prompt
from app.runtime.protocol.states import StartState

from .model_host import OpenModel
from .thought_budget import with_budget

Told = tuple[int, Event | Done]


@dataclass(frozen=True)
class AskedText:
    """One text: how it is asked for, and at most how many tokens it may think (None: any)."""

    prompt: Prompt
    options: GenerateOptions
    start: StartState | None = None
    afresh: bool = False
    thought: int | None = None

    def seeded(self, more: int) -> "AskedText":
        """The same with the seed that is so much higher, where there is one."""
        sampling = self.options.sampling
        if not more or sampling.seed is None:
            return self
        own = msgspec.structs.replace(sampling, seed=(sampling.seed + more) % (1 << 63))
        return AskedText(
            self.prompt,
            msgspec.structs.replace(self.options, sampling=own),
            self.start,
            self.afresh,
            self.thought,
        )

    def events(self, model: OpenModel) -> AsyncGenerator[Event | Done, None]:
        """What comes of it; leave it inside ``contextlib.aclosing``."""
        runner, start = model.runner, self.start
        if self.thought is not None and start is None:
            return with_budget(runner, model.loaded, self.prompt, self.options, self.thought)
        return runner.generate(self.prompt, self.options, start=start, afresh=self.afresh)


async def run_texts(asked: Sequence[AskedText], model: OpenModel) -> AsyncGenerator[Told, None]:
    """Events of all texts, each with its text's place; the first failure ends all.

    Leave it inside ``contextlib.aclosing``, which stops what is still being written.
    """
    if len(asked) == 1:
        async with contextlib.aclosing(asked[0].events(model)) as events:
            async for event in events:
                yield 0, event
        return
    inbox: asyncio.Queue[Told | None] = asyncio.Queue()
    turns = asyncio.Semaphore(max(1, model.places))
    tasks = [
        asyncio.create_task(_forward(place, one, model, (turns, inbox)))
        for place, one in enumerate(asked)
    ]
    for task in tasks:
        task.add_done_callback(lambda _: inbox.put_nowait(None))
    going = len(tasks)
    try:
        while going:
            told = await inbox.get()
            if told is not None:
                yield told
                continue
            going -= 1
            for task in tasks:
                if task.done():
                    task.result()  # raises what ended it
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _forward(
    place: int,
    asked: AskedText,
    model: OpenModel,
    to: "tuple[asyncio.Semaphore, asyncio.Queue[Told | None]]",
) -> None:
    turns, inbox = to
    async with turns, contextlib.aclosing(asked.events(model)) as events:
        async for event in events:
            inbox.put_nowait((place, event))

"""Prompts and replies that are only timed, requested from a worker as the chat does."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from random import Random

from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Event, Piece
from app.runtime.protocol.prompts import Sampling, Tokens
from app.runtime.worker.client import Client

_PROMPT = 2  # tokens before a text that is written
_GREEDY = Sampling(temperature=0, banned=(0,))  # which some models end with


class Texts:
    """``texts`` texts at once.

    Each prompt is a new one, so that none is found in the state cache.
    """

    def __init__(self, client: Client, vocabulary: int, texts: int, random: Random) -> None:
        self._client, self._vocabulary = client, vocabulary
        self._texts, self._random = texts, random

    async def prefill(self, tokens: int) -> float:
        """Tokens per second while prompts of ``tokens`` tokens are read, until all have been."""
        ends = await asyncio.gather(*(self._read(tokens) for _ in range(self._texts)))
        return tokens * self._texts / max(done.prefill_s for done in ends)

    async def decode(self, tokens: int) -> tuple[int, float]:
        """So many tokens of each: how many were written while all texts were, and the seconds."""
        # the first one begins some steps before the last one joins
        limit = tokens + self._texts
        times = await asyncio.gather(*(self._write(limit) for _ in range(self._texts)))
        begin, end = max(some[0] for some in times), min(some[-1] for some in times)
        return sum(begin < at <= end for some in times for at in some), end - begin

    async def _read(self, tokens: int) -> Done:
        async with contextlib.aclosing(self._events(tokens, 0)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event
        raise AssertionError("a text has no end")

    async def _write(self, limit: int) -> list[float]:
        """The times at which the tokens of one text arrived."""
        times = []
        async with contextlib.aclosing(self._events(_PROMPT, limit)) as events:
            async for event in events:
                if isinstance(event, Piece):
                    times += [time.perf_counter()] * len(event.tokens)
        return times

    def _events(self, prompt: int, limit: int) -> AsyncGenerator[Event | Done, None]:
        ids = tuple(self._random.randrange(self._vocabulary) for _ in range(prompt))
        return self._client.generate(Tokens(ids), GenerateOptions(limit=limit, sampling=_GREEDY))

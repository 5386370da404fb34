"""Measures one loaded model: how fast it reads and writes, and what memory it takes.

It sends texts to a worker as the chat does, so the figures include engine, sampling and pipe.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from app.runtime.checkpoint import open_checkpoint
from app.runtime.planning.machine import Rates, this_machine
from app.runtime.planning.plan import Plan, plan_of
from app.runtime.planning.strategy import parse
from app.runtime.protocol.messages import Loaded, Measured
from app.runtime.worker.client import Client

from .timed_texts import Texts

BLOCK_BYTES = 256 << 20
"""The most memory whose speed is measured: far more than the caches of ordinary processors hold."""

_SEED = 1
_PREFILLS = 2
_NO_BLOCK = 1 << 14  # too small to be felt
_WARM_UP = 16  # after so many tokens the resident memory is read, as the plan predicts it
_ROUNDS, _ROUND_TOKENS = 3, 16  # at most, and at least

Part = Literal["reading", "memory", "writing"]
"""What is being measured: a prompt that is read, how fast memory is, or tokens that are written."""

Report = Callable[[Part, int, int], None]
"""Told before each step: of which part, the how manieth from 1, and of how many."""


class Amounts(NamedTuple):
    """How much is read and written, of how many texts at once."""

    prompt_tokens: int = 256
    decode_tokens: int = 64
    texts: int = 1


class Speeds(NamedTuple):
    """Tokens per second of all texts together, and the speed of memory at that time."""

    prefill: float
    decode: float
    measured: list[Measured]
    rates: Rates


class Measuring:
    """The measurement of a model that ``client`` has loaded."""

    def __init__(self, client: Client, loaded: Loaded, amounts: Amounts) -> None:
        vocabulary = loaded.spec.vocabulary
        self._client, self._amounts = client, amounts
        self._texts = Texts(client, vocabulary, amounts.texts, random.Random(_SEED))
        self._block_bytes = min(loaded.weights_bytes, BLOCK_BYTES)

    async def resident_bytes(self) -> int:
        """What the worker has after 16 tokens.  To be asked first.  Raises as ``speeds`` does."""
        await self._texts.decode(_WARM_UP)
        return (await self._client.measure(_NO_BLOCK)).resident_memory_bytes

    async def speeds(self, report: Report = lambda *_: None) -> Speeds:
        """Decode several times, and measure memory before and after, as its speed varies.

        Raises OutOfMemory, NumbersBroken and WorkerDied.
        """
        prefills = []
        for number in range(1, _PREFILLS + 1):
            report("reading", number, _PREFILLS)
            prefills.append(await self._texts.prefill(self._amounts.prompt_tokens))
        report("memory", 1, 1)
        measured = [await self._client.measure(self._block_bytes)]
        rates = await self._client.measure_rates()
        tokens, seconds = 0, 0.0
        rounds = _rounds(self._amounts.decode_tokens)
        for number, count in enumerate(rounds, 1):
            report("writing", number, len(rounds))
            decoded, took_s = await self._texts.decode(count)
            tokens, seconds = tokens + decoded, seconds + took_s
            measured.append(await self._client.measure(self._block_bytes))
        return Speeds(max(prefills), tokens / seconds, measured, rates)


def predicted(
    path: Path,
    loaded: Loaded,
    rates: Rates,
    texts: int = 1,
    disk_bytes_per_s: float | None = None,
) -> Plan:
    """What a plan says of the same run, with the rates that were measured in it.

    Nothing that was kept of earlier runs of models has a part in it; what the disk gives is told
    where layers are read from it.  Raises CheckpointError.
    """
    with open_checkpoint(path) as checkpoint:
        dtype = checkpoint.dtype
    machine = msgspec.structs.replace(this_machine(rates), disk_bytes_per_s=disk_bytes_per_s)
    return plan_of(loaded.spec, dtype, parse(loaded.strategy), machine, texts=texts)


def _rounds(tokens: int) -> list[int]:
    """The number of tokens to write in each round."""
    rounds = max(1, min(_ROUNDS, tokens // _ROUND_TOKENS))
    return [tokens // rounds + (i < tokens % rounds) for i in range(rounds)]

"""Writes the cells of a grid: one way after the other, each in a worker process of its own.

The cells of a way are written together, as one batch.  No model that is open elsewhere is touched.
It needs asyncio.
"""

import asyncio
import contextlib
from array import array
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec

from app.batch.groups import group_size, in_groups
from app.errors import BY_CODE, Failure, WorkerDied
from app.runtime.planning.machine import Limits, Machine, this_machine
from app.runtime.planning.strategy import parse
from app.runtime.protocol.encodings import Encoded
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import (
    Done,
    Failed,
    Generate,
    Loaded,
    LoadProgress,
    Piece,
    Reply,
    failure_of,
)
from app.runtime.protocol.prompts import Prompt, Sampling, Text, Tokens
from app.runtime.protocol.token_spans import unpack
from app.runtime.worker.client import Client
from app.store.comparisons.comparison_records import Answer, Grid, Place
from app.store.documents.document_records import WritingSettings
from app.store.records import Reply as Footer

Encode = Callable[[Prompt], Awaitable[Encoded]]
OptionsOf = Callable[[WritingSettings, Sampling, Encode], Awaitable[GenerateOptions]]
"""Settings as a person writes them, as what a model is asked for: its ``encode`` makes ids."""

_NO_LIMITS = Limits()


class Opening(NamedTuple):
    """So many layers of a way are in memory."""

    way: int
    done: int
    total: int


class Grew(NamedTuple):
    """An answer has more words and tokens."""

    place: Place
    words: str
    tokens: int


class Ended(NamedTuple):
    """An answer is whole, or a failure has ended it."""

    place: Place
    answer: Answer


Report = Callable[[Opening | Grew | Ended], None]


class GridRun:
    """Writes cells of ``grid``; ``report`` is told of every step.

    ``threads`` compute, 0 for one a core.  ``start`` starts a worker, ``look`` tells of the machine
    once the model is open, by which it is decided how many cells are written at once.
    """

    def __init__(
        self,
        grid: Grid,
        options_of: OptionsOf,
        report: Report,
        *,
        limits: Limits = _NO_LIMITS,
        threads: int = 0,
        start: Callable[[], Client] = Client,
        look: Callable[[], Machine] = this_machine,
    ) -> None:
        self._grid, self._options_of, self._report = grid, options_of, report
        self._limits, self._threads = limits, threads
        self._start, self._look = start, look

    async def write(self, way: int, rows: Sequence[int]) -> None:
        """Open a way's model, write its cells in these rows, and end the worker.

        It ends also where this is cancelled.  Raises the failures of loading and that of a card
        which does not run this way, and, where the process dies, WorkerDied: the cells that were
        not whole by then have ended with it.
        """
        client = self._start()
        try:
            loaded = await self._loaded(client, way)
            machine = await asyncio.to_thread(self._look)
            together = group_size(loaded.spec, parse(loaded.strategy), machine)
            for some in in_groups(rows, together):
                await self._write_together(client, loaded, [Place(row, way) for row in some])
            if client.failure is not None:
                raise client.failure
        except BaseException:
            client.kill()
            raise
        finally:
            await client.close()

    async def _loaded(self, client: Client, way: int) -> Loaded:
        def note(progress: LoadProgress) -> None:
            self._report(Opening(way, progress.done, progress.total))

        asked = self._grid.ways[way]
        self._report(Opening(way, 0, 0))
        loaded = await client.load(
            asked.path, asked.strategy, note, limits=self._limits, threads=self._threads
        )
        down = loaded.stepped_down
        if down is not None:  # nothing is written in another way than was asked for
            raise BY_CODE.get(down.code, Failure)("", **down.facts)
        return loaded

    async def _write_together(
        self, client: Client, loaded: Loaded, places: Sequence[Place]
    ) -> None:
        """All begin in one go, and use nothing that was remembered of others."""
        asked, cells = [], []
        for place in places:
            try:
                request, cell = await self._asked(client, loaded, place)
            except WorkerDied:
                raise
            except Failure as failure:
                self._report(Ended(place, failed_answer(failure)))
            else:
                asked.append(request)
                cells.append(cell)
        if not asked:
            return
        async with contextlib.aclosing(client.generate_together(asked)) as replies:
            async for number, reply in replies:
                cells[number].take(reply, self._report)

    async def _asked(
        self, client: Client, loaded: Loaded, place: Place
    ) -> tuple[Generate, "_Cell"]:
        """Raises RequestRefused, and what makes no tokens of its text."""
        row = self._grid.rows[place.row]
        settings = self._grid.settings[row.settings]
        seeded = msgspec.structs.replace(settings.sampling or loaded.sampling, seed=row.seed)
        options = await self._options_of(settings, seeded, client.encode)
        encoded = await client.encode(Text(self._grid.text_of(row)))
        prompt = Tokens(unpack(encoded.ids), document=True)
        request = Generate(id=0, prompt=prompt, options=options, afresh=True)
        return request, _Cell(place, loaded, row.seed)


class _Cell:
    """An answer while it is written."""

    def __init__(self, place: Place, loaded: Loaded, seed: int) -> None:
        self._place, self._loaded, self._seed = place, loaded, seed
        self._words: list[str] = []
        self._ids, self._lengths = array("I"), array("I")

    def take(self, reply: Reply, report: Report) -> None:
        """What the worker tells of it."""
        if isinstance(reply, Piece):
            self._words.append(reply.text)
            self._ids.extend(fact.token for fact in reply.tokens)
            self._lengths.extend(reply.lengths or [0] * len(reply.tokens))
            report(Grew(self._place, reply.text, len(self._ids)))
        elif isinstance(reply, Done):
            if reply.tokens_taken_back:
                del self._ids[-reply.tokens_taken_back :]
                del self._lengths[-reply.tokens_taken_back :]
            report(Ended(self._place, self._answer(self._footer(reply))))
        elif isinstance(reply, Failed):
            failure = failure_of(reply)
            report(Ended(self._place, self._answer(_told(failure, self._known))))

    @property
    def _known(self) -> Footer:
        loaded = self._loaded
        return Footer(model=loaded.name, strategy=loaded.strategy, seed=self._seed)

    def _footer(self, done: Done) -> Footer:
        return msgspec.structs.replace(
            self._known,
            reason=done.reason,
            prompt_tokens=done.prompt_tokens,
            computed_tokens=done.computed_tokens,
            tokens=done.tokens,
            prefill_s=done.prefill_s,
            decode_s=done.decode_s,
            first_token_s=done.first_token_s,
        )

    def _answer(self, footer: Footer) -> Answer:
        return Answer(
            text="".join(self._words),
            ids=tuple(self._ids),
            lengths=tuple(self._lengths),
            vocabulary=self._loaded.vocabulary,
            reply=footer,
        )


def failed_answer(failure: Failure) -> Answer:
    """The cell of which nothing was written."""
    return Answer(reply=_told(failure, Footer()))


def _told(failure: Failure, known: Footer) -> Footer:
    return msgspec.structs.replace(
        known, failure=failure.code, detail=failure.detail, failure_facts=failure.facts
    )

"""A supervisor without a worker: the test says when layers arrive and how an opening ends."""

import asyncio
from pathlib import Path

import msgspec

from app.errors import NoModel
from app.runtime.checkpoint.describe import describe
from app.runtime.checkpoint.file_names import name_of
from app.runtime.planning.machine import Rates
from app.runtime.protocol.messages import Loaded, LoadProgress
from app.runtime.protocol.prompts import Sampling
from app.runtime.worker.phase import Phase
from app.runtime.worker.ran_out import Shortages


class FakeSupervisor:
    """Same face as the real one; opens at once unless ``hold`` is set, ``refusal`` is raised, or
    that of a strategy in ``refuse``.
    """

    def __init__(self, on_change):
        self._on_change = on_change
        self.phase, self.loaded, self.progress, self.failure = Phase.EMPTY, None, None, None
        self.worker_pid, self.parked = None, False
        self.rates = Rates(2e10)
        self.hold: asyncio.Event | None = None
        self.refusal = None
        self.refuse = {}
        self.asked = []
        self.threads, self.limits, self.preferences = 0, None, None
        self.shortages = Shortages()

    async def open(self, path, strategy="", adapters=(), *, firm=False):
        self.asked.append((path, strategy))
        self.merged = adapters
        self.loaded = None
        self.enter(Phase.LOADING)
        if self.hold is not None:
            await self.hold.wait()
        refusal = self.refuse.get(strategy, self.refusal)
        if refusal is not None:
            self.enter(Phase.EMPTY)
            raise refusal
        file = describe(Path(path))
        self.loaded = Loaded(
            id=1,
            path=path,
            name=file.name,
            spec=file.spec,
            strategy=strategy or "cpu fp32",
            weights_bytes=file.bytes,
            load_s=0.1,
            tokenizer=file.tokenizer,
            templates=("plain",),
            thinks=False,
            sampling=Sampling(),
        )
        self.enter(Phase.READY)
        return self.loaded

    async def encode(self, prompt, *, document=True):
        raise NoModel

    async def vocabulary(self):
        raise NoModel

    async def generate(self, prompt, options, *, start=None):
        raise NoModel
        yield

    async def score(self, prompt, top=0):
        raise NoModel
        yield

    async def look_at_states(self, asked):
        raise NoModel
        yield

    def keep_states(self, cache):
        self.cache = cache

    def follow(self, before, now):
        if self.loaded is not None and self.loaded.path == before:
            name = name_of(Path(now))
            self.loaded = msgspec.structs.replace(self.loaded, path=now, name=name)
            self._on_change()

    def layers(self, done, total):
        self.progress = LoadProgress(id=1, done=done, total=total)
        self._on_change()

    def enter(self, phase, failure=None):
        self.phase, self.failure, self.parked = phase, failure, False
        self.progress = None
        self._on_change()

    async def unload(self):
        self.loaded = None
        self.enter(Phase.EMPTY)

    async def rest(self, *, park=False):
        self.enter(Phase.RESTING)
        self.parked = park
        self._on_change()

    async def close(self):
        self.loaded = None
        self.enter(Phase.CLOSING)

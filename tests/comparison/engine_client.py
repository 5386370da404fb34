"""A worker's verbs on an engine in this process: the real engine, without a process of its own."""

import asyncio
from typing import ClassVar

import msgspec

from app.errors import BY_CODE, Failure, NoModel
from app.runtime.generation.engine import Engine
from app.runtime.loading.loading import open_model
from app.runtime.protocol.encodings import Encode
from app.runtime.protocol.messages import Done, Failed
from app.runtime.states.state_store import StateStore


class EngineClient:
    """``started`` are all that were made; ``slow`` waits for that before each step of the engine.

    ``kill`` does what the end of the process does to its texts.
    """

    started: ClassVar[list["EngineClient"]] = []
    opened_files: ClassVar[dict] = {}

    def __init__(self):
        self.started.append(self)
        self.failure, self.engine, self.killed, self.closed = None, None, False, False
        self.together: list[int] = []
        self._sent = {}
        self.gate: asyncio.Event | None = None

    @classmethod
    def fresh(cls):
        """The class with no clients yet, for one test."""
        return type("Clients", (cls,), {"started": [], "opened_files": cls.opened_files})

    async def load(self, path, strategy, report, **_more):
        key = str(path), strategy
        if key not in self.opened_files:
            self.opened_files[key] = open_model(path, strategy)
        opened = self.opened_files[key]
        self.engine = Engine(opened, self._note, set(), StateStore(room=lambda: 10**9))
        await asyncio.sleep(0)
        return opened.loaded(0)

    async def encode(self, prompt, *, document=True):
        self._sent[0] = []
        self.engine.encode(Encode(id=0, prompt=prompt, document=document))
        return self._sent.pop(0)[0]

    async def generate_together(self, asked):
        self.together.append(len(asked))
        texts = [msgspec.structs.replace(one, id=at + 1) for at, one in enumerate(asked)]
        for text in texts:
            self._sent[text.id] = []
            self.engine.start(text)
        going = len(texts)
        while going:
            if self.gate is not None:
                await self.gate.wait()
            if self.killed:
                raise NoModel
            self.engine.step()
            await asyncio.sleep(0)
            for text in texts:
                replies, self._sent[text.id] = self._sent[text.id], []
                for reply in replies:
                    going -= isinstance(reply, Done | Failed)
                    yield text.id - 1, reply

    def kill(self):
        self.killed = True

    async def close(self):
        self.closed = True

    def _note(self, reply):
        if isinstance(reply, Failed) and reply.id not in self._sent:
            raise BY_CODE.get(reply.code, Failure)(reply.detail, **reply.facts)
        self._sent.setdefault(reply.id, []).append(reply)

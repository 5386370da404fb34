"""A supervisor whose model runs in this process: the real engine, without a process of its own."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence

import msgspec

from app.errors import NoModel
from app.runtime.generation.engine import Engine
from app.runtime.generation.prompting import prompt_ids
from app.runtime.opened import Opened
from app.runtime.protocol.encodings import Encode, Encoded
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Event, Failed, Generate, Reply, failure_of
from app.runtime.protocol.prompts import Prompt
from app.runtime.protocol.states import StartState
from app.runtime.states.state_store import StateStore
from app.runtime.worker.supervisor import Phase

ROOM = 10**9


class InProcess:
    """Has the face of the supervisor, as far as the playground looks at it."""

    def __init__(self, opened: Opened) -> None:
        self.opened, self.loaded = opened, None
        self.phase, self.progress, self.failure = Phase.EMPTY, None, None
        self.rates = self.worker_pid = None
        self.done: list[Done] = []
        self.asked: list[tuple[int, ...]] = []
        self._sent: dict[int, list[Reply]] = {}
        self._cancelled: set[int] = set()
        self._ids = itertools.count(1)
        store = StateStore(room=lambda: ROOM)
        self.engine = Engine(opened, self._note, self._cancelled, store)

    async def open(self, _path: str, _strategy: str = "", *, firm: bool = False) -> object:
        self.loaded, self.phase = self.opened.loaded(0), Phase.READY
        return self.loaded

    async def generate(
        self, prompt: Prompt, options: GenerateOptions, *, start: StartState | None = None
    ) -> AsyncGenerator[Event | Done, None]:
        if self.loaded is None:
            raise NoModel
        request = next(self._ids)
        asked = Generate(id=request, prompt=prompt, options=options, start=start)
        self.asked.append(prompt_ids(prompt, self.opened, document=False))
        sent = self._sent[request] = []
        ended = False
        try:
            self.engine.start(asked)
            while not ended:
                self.engine.step()
                await asyncio.sleep(0)
                for reply in sent:
                    if isinstance(reply, Failed):
                        raise failure_of(reply)
                    if isinstance(reply, Done):
                        ended = True
                        self.done.append(reply)
                    yield reply
                sent.clear()
        finally:
            if not ended:
                self._cancelled.add(request)
            while not (ended or any(isinstance(reply, Done) for reply in sent)):
                self.engine.step()
            self._cancelled.discard(request)

    async def generate_together(
        self, asked: Sequence[Generate]
    ) -> AsyncGenerator[tuple[int, Reply], None]:
        if self.loaded is None:
            raise NoModel
        lane = self.engine.begin_together()
        texts = [msgspec.structs.replace(one, id=next(self._ids)) for one in asked]
        places = {text.id: place for place, text in enumerate(texts)}
        self._sent.update((text.id, []) for text in texts)
        try:
            for text in texts:
                self.engine.start(text, lane)
            while places:
                self.engine.step()
                await asyncio.sleep(0)
                for ident in list(places):
                    sent, self._sent[ident] = self._sent[ident], []
                    for reply in sent:
                        yield places[ident], reply
                        if isinstance(reply, Done | Failed):
                            del places[ident]
        finally:
            self._cancelled.update(places)
            while not lane.idle:
                self.engine.step()
            self._cancelled.difference_update(places)

    async def encode(self, prompt: Prompt, *, document: bool = True) -> Encoded:
        if self.loaded is None:
            raise NoModel
        request = next(self._ids)
        self._sent[request] = []
        self.engine.encode(Encode(id=request, prompt=prompt, document=document))
        await asyncio.sleep(0)
        (told,) = self._sent.pop(request)
        return told

    async def rest(self, *, park: bool = False) -> None:
        self.phase = Phase.RESTING

    async def close(self) -> None:
        self.loaded = None

    def _note(self, reply: Reply) -> None:
        self._sent.setdefault(reply.id, []).append(reply)

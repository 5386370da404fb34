"""A supervisor whose engine runs in this process and loop: real numbers without another process."""

import asyncio
import itertools

import msgspec

from app.errors import NoModel, RequestRefused
from app.runtime.generation.engine import Engine
from app.runtime.generation.prompt_cuts import PromptCuts
from app.runtime.loading.loading import open_model
from app.runtime.protocol.encodings import Encode
from app.runtime.protocol.messages import Done, Failed, Generate, failed, failure_of
from app.runtime.protocol.scores import Score
from app.runtime.protocol.states import StatesTaken
from app.runtime.protocol.vocabulary_messages import ReadVocabulary
from app.runtime.worker.supervisor import Phase

_ENDINGS = (Done, StatesTaken, Failed)


class InlineWorker:
    """Has the face of a Supervisor; the engine goes on while somebody waits for a reply."""

    def __init__(self, on_change):
        self._on_change = on_change
        self.phase, self.loaded, self.failure, self.progress = Phase.EMPTY, None, None, None
        self.worker_pid, self.rates = None, None
        self._ids = itertools.count(1)
        self._sent, self._cancelled = {}, set()
        self.engine = None

    async def open(self, path, strategy="", *, firm=False):
        opened = open_model(path, strategy)
        self.engine = Engine(opened, self._note, self._cancelled)
        self.engine._scoring._cuts = PromptCuts(32, 96)  # the window has its turn after each piece
        self.loaded, self.phase = opened.loaded(0), Phase.READY
        self._on_change()
        return self.loaded

    async def close(self):
        self.engine, self.loaded, self.phase = None, None, Phase.CLOSING

    def generate(self, prompt, options, *, start=None):
        return self._ask(Generate(id=next(self._ids), prompt=prompt, options=options, start=start))

    def score(self, prompt, top=0):
        return self._ask(Score(id=next(self._ids), prompt=prompt, top=top))

    def look_at_states(self, asked):
        return self._ask(msgspec.structs.replace(asked, id=next(self._ids)))

    async def encode(self, prompt, *, document=True):
        return self._told(Encode(id=next(self._ids), prompt=prompt, document=document))

    async def vocabulary(self):
        return self._told(ReadVocabulary(id=next(self._ids)))

    def _told(self, request):
        if self.engine is None:
            raise NoModel
        self.engine.encode(request)
        return self._sent.pop(request.id)[0]

    async def _ask(self, request):
        if self.engine is None:
            raise NoModel
        try:
            begin = self.engine.score if isinstance(request, Score) else self.engine.start
            begin(request)
        except RequestRefused as failure:
            self._note(failed(request.id, failure))
        try:
            while True:
                for reply in self._sent.pop(request.id, ()):
                    if isinstance(reply, Failed):
                        raise failure_of(reply)
                    yield reply
                    if isinstance(reply, _ENDINGS):
                        return
                self.engine.step()
                await asyncio.sleep(0)
        finally:
            self._cancelled.add(request.id)

    def _note(self, reply):
        self._sent.setdefault(reply.id, []).append(reply)

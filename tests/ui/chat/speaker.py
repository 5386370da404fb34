"""Stands in for the supervisor: says what a test wants said, piece by piece, at its pace."""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator

from app.errors import Failure, NoModel
from app.runtime.families.templates import render
from app.runtime.protocol.encodings import Encoded
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import (
    Done,
    Event,
    Loaded,
    Piece,
    Prefilled,
    ReplyBegun,
    TokenFacts,
)
from app.runtime.protocol.prompts import Chat, Prompt, Sampling
from app.runtime.protocol.states import StartState
from app.runtime.protocol.token_spans import TokenSpan, pack
from app.runtime.protocol.vocabulary_messages import Vocabulary
from app.runtime.spec import Spec
from app.runtime.worker.phase import Phase

SPEC = Spec(
    generation="7.0",
    layers=24,
    width=1024,
    heads=16,
    head_size=64,
    attention_width=1024,
    ffn_width=4096,
    vocabulary=65536,
    parameters=450_767_872,
)


def loaded(name: str = "rwkv7-g1-0.4b", *, thinks: bool = True, path: str = "") -> Loaded:
    return Loaded(
        id=1,
        path=path or f"/models/{name}.pth",
        name=name,
        spec=SPEC,
        strategy="cpu bf16",
        weights_bytes=800_000_000,
        load_s=1.2,
        tokenizer="world",
        family="g1" if thinks else "world",
        templates=("g1", "world", "text") if thinks else ("world", "text", "g1"),
        thinks=thinks,
        sampling=Sampling(temperature=1.0, top_p=0.3, presence=0.5, frequency=0.5),
    )


class Speaker:
    """A supervisor without a worker. ``says`` is the next reply, ``fails`` what ends it.

    ``replies`` come before it, each once.
    """

    def __init__(self, says: str = "Hello.", model: Loaded | None = None) -> None:
        self.says = says
        self.replies: list[str] = []
        self.fails: Failure | None = None
        self.rates = None
        self.pause_s = 0.0
        self.prompt_tokens, self.remembered = 12, 0
        self.holds = asyncio.Event()
        self.holds.set()
        self.asked: list[tuple[Prompt, int, Sampling]] = []
        self.reproducible: list[bool | None] = []
        self.starts: list[StartState | None] = []
        self.left_early = 0
        self.taken_back = 0
        self.told_vocabulary = ""  # tells that its tokens are of it
        self.phase = Phase.READY if model else Phase.EMPTY
        self.loaded = model
        self.progress = None
        self.failure = None
        self.worker_pid = None

    async def generate(
        self, prompt: Prompt, options: GenerateOptions, *, start: StartState | None = None
    ) -> AsyncGenerator[Event | Done, None]:
        self.starts.append(start)
        self.asked.append((prompt, options.limit, options.sampling))
        self.reproducible.append(options.reproducible)
        if self.loaded is None:
            raise NoModel
        ended = False
        try:
            if self.told_vocabulary:
                yield ReplyBegun(id=1, tokens=TokenSpan(self.told_vocabulary))
            for done in range(0, self.prompt_tokens + 1, max(self.prompt_tokens // 4, 1)):
                yield Prefilled(id=1, done=done, total=self.prompt_tokens)
            says = self.replies.pop(0) if self.replies else self.says
            tokens = re.findall(r"\s*\S+|\s+$", says)
            for number, text in enumerate(tokens):
                await self.holds.wait()
                await asyncio.sleep(self.pause_s)
                yield Piece(id=1, text=text, tokens=(TokenFacts(number),))
            if self.fails is not None:
                raise self.fails
            ended = True
            yield Done(
                id=1,
                reason="stop",
                prompt_tokens=self.prompt_tokens,
                computed_tokens=self.prompt_tokens - self.remembered,
                tokens=len(tokens),
                prefill_s=0.2,
                decode_s=max(len(tokens) - 1, 1) / 41.0,
                first_token_s=0.24,
                seed=1234,
                taken_back=self.taken_back,
            )
        finally:
            self.left_early += not ended

    async def open(self, path: str, strategy: str = "", *, firm: bool = False) -> Loaded:
        self.loaded = loaded(path=path)
        return self.loaded

    async def encode(self, prompt: Prompt, *, document: bool = True) -> Encoded:
        text = getattr(prompt, "text", "")
        if isinstance(prompt, Chat):
            parts = render(prompt.turns, prompt.form or prompt.template or "g1", prompt.think)
            text = "".join(part.text for part in parts)
        ids = list(text.encode())
        lengths = pack([1] * len(ids))  # texts of the tests are ASCII
        return Encoded(id=1, vocabulary="bytes", text=text, ids=pack(ids), lengths=lengths)

    async def vocabulary(self) -> Vocabulary:
        return Vocabulary(id=1, identity="bytes", pieces=tuple(bytes((n,)) for n in range(256)))

    async def unload(self) -> None:
        self.loaded = None

    async def close(self) -> None:
        with contextlib.suppress(AttributeError):
            self.loaded = None

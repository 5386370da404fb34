"""One reply being written: collects its words, keeps them in the store, and how it went."""

import asyncio
import contextlib
import os
from concurrent.futures import Future

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure, RequestRefused, StoreError, WorkerDied
from app.runtime.families.templates import thought_end
from app.runtime.families.thinking import is_thinking
from app.runtime.protocol.chat_template import Template
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Loaded, Piece, Prefilled, ReplyBegun
from app.runtime.protocol.prompts import Chat, Turn
from app.runtime.protocol.reply_tokens import ReplyTokens
from app.runtime.protocol.states import StartState
from app.runtime.protocol.token_spans import TokenSpan
from app.store.conversations import Conversations
from app.store.records import Message, Reply, Status
from app.ui.state.reply_clock import ReplyClock
from app.ui.state.session import Session

_REPAINT_MS = 34  # at most 30 times a second
_KEEP_MS = 200  # what was on the screen longer than this survives the end of the program


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the model; ``lead`` is the part of the prompt that belongs to the reply.

    ``sources`` are the messages that the turns of the chat are the texts of ("" for none), and
    ``tokens`` those of them that are known already; the store is asked for the others.  A thought
    of more than ``thought_limit`` tokens is closed (0: never), as the template ``form`` does it.
    """

    chat: Chat
    options: GenerateOptions
    lead: str = ""
    sources: tuple[str, ...] = ()
    tokens: dict[str, TokenSpan] = {}
    thought_limit: int = 0
    form: str | Template = ""

    def within(self, limit: int | None) -> "Request":
        """The same with at most so many tokens; None leaves it as it is."""
        if limit is None:
            return self
        options = msgspec.structs.replace(self.options, limit=limit)
        return msgspec.structs.replace(self, options=options)


class ReplyStream(QObject):
    """``grew`` at most 30 times a second, ``ended`` once; ``message`` is the reply as it stands.

    It begins once the event ``after`` is set, if there is one; ``under_way`` is set when its prompt
    has been read, so that who waits for that finds it remembered.
    """

    grew = Signal()
    ended = Signal()

    def __init__(self, session: Session, store: Conversations, message: Message, ask: Request):
        super().__init__()
        self._session, self._store, self._ask = session, store, ask
        self.message = message
        self.after: asyncio.Event | None = None
        self.under_way = asyncio.Event()
        self._ends_thought = self._thought_closed = False
        self.read: tuple[int, int] | None = None
        self.failure: Failure | None = None
        self._task: asyncio.Task[None] | None = None
        self._before = message.reply
        self._parts: list[str] = [message.text]
        self._unkept: list[str] = []
        self._tokens = ReplyTokens(len(message.text) + len(ask.lead))
        self._status: Status = "stopped"
        self._clock = ReplyClock()
        self._repaint = QTimer(self, singleShot=True, interval=_REPAINT_MS)
        self._repaint.timeout.connect(self._show)
        self._keep = QTimer(self, singleShot=True, interval=_KEEP_MS)
        self._keep.timeout.connect(self._flush)
        self.kept: Future[None] | None = None

    def started(self, task: "asyncio.Task[None]") -> None:
        """The task that runs ``run``: ``stop`` ends it, and with it ends the reply.

        Also where it is stopped before its first step, and ``run`` never begins.
        """
        self._task = task
        task.add_done_callback(self._finish)

    def stop(self) -> None:
        """End the reply now; what was written stays."""
        if self._task is not None:
            self._task.cancel()

    def end_thinking(self) -> None:
        """Close the thought that is being written; the answer follows."""
        self._ends_thought = True

    async def run(self) -> None:
        """Write until the model, the person or a failure ends it; failures become its footer."""
        try:
            if self.after is not None:
                await self.after.wait()
            self._take(self._ask.lead)
            await self._listen()
            self._status = "stopped" if self._clock.reason == "stopped" else "done"
        except Failure as failure:
            self.failure = failure
            self._status = "failed"

    @property
    def tokens(self) -> TokenSpan | None:
        """As which tokens the reply was written, as far as that is known."""
        return self._tokens.span

    @property
    def so_far(self) -> int:
        """How many tokens were read and written, with all that came before the reply."""
        return (self.read[1] if self.read else 0) + self._clock.tokens

    @property
    def left(self) -> int:
        """How many tokens it may still have."""
        return max(0, self._ask.options.limit - self._clock.tokens)

    async def _listen(self) -> None:
        chat = await with_tokens(self._ask, self._store, self.message.conversation)
        start = await self._start()
        while not await self._heard_all(chat, start):
            turns = chat.turns
            if turns and turns[-1].role == "assistant":
                turns = turns[:-1]
            chat = msgspec.structs.replace(chat, turns=(*turns, self._behind_thought()))

    async def _heard_all(self, chat: Chat, start: StartState | None) -> bool:
        """Whether the text is at its end; else its thought has to be closed."""
        owned = msgspec.structs.replace(self._ask.options, owner=self.message.conversation)
        events = self._session.generate(chat, owned, start)
        async with contextlib.aclosing(events):
            async for event in events:
                self._clock.note(event)
                self._tokens.note(event)
                if isinstance(event, ReplyBegun):
                    self._begin_tokens()
                elif isinstance(event, Prefilled):
                    self.read = (event.done, event.total)
                    self._due()
                elif isinstance(event, Piece) and event.text:
                    self._take(event.text)
                    self.under_way.set()
                elif isinstance(event, Done) and event.taken_back:
                    self._join()
                    self._parts = [self._parts[0][: -event.taken_back]]
                if self._thought_is_over():
                    return False
        return True

    def _thought_is_over(self) -> bool:
        limit = self._ask.thought_limit
        reached = limit and self._before.tokens + self._clock.tokens >= limit
        if self._thought_closed or not (reached or self._ends_thought) or self.left <= 0:
            return False
        self._ends_thought = False
        self._join()
        return is_thinking(self.message.text)

    def _behind_thought(self) -> Turn:
        """Close the thought; the reply as it is gone on with.

        What was written so far is stored whole: its tokens are told anew for what follows.
        """
        self._before, left = self._reply(self._session.loaded), self.left
        self._thought_closed = True
        end = thought_end(self._ask.form) if self._ask.form else ""
        text = self.message.text.rstrip("\n")
        self._parts = [text, end or "\n</think>\n"]
        known = self._tokens.span
        self._join()
        self._unkept.clear()
        stopped = msgspec.structs.replace(self.message, status="stopped")
        self._store.finish(stopped, known)
        self._store.resume(self.message.id)
        self._tokens = ReplyTokens(len(self.message.text), known)
        self._clock = ReplyClock()
        self._ask = self._ask.within(left)
        self._due()
        return Turn("assistant", self.message.text, known)

    async def _start(self) -> StartState | None:
        """Where the conversation begins.  Raises RequestRefused where that state is gone."""
        start = await asyncio.wrap_future(self._store.starts.of(self.message.conversation))
        if start is None:
            return None
        if not await self._session.tasks.thread(os.path.exists, start.path):
            raise RequestRefused(why="start-gone", name=start.name)
        return start.state

    def _begin_tokens(self) -> None:
        if (span := self.tokens) is not None:
            self._store.begin_tokens(self.message.id, span)

    def _take(self, words: str) -> None:
        if not words:
            return
        self._parts.append(words)
        self._unkept.append(words)
        if not self._keep.isActive():
            self._keep.start()
        self._due()

    def _due(self) -> None:
        if not self._repaint.isActive():
            self._repaint.start()

    def _show(self) -> None:
        self._join()
        self.grew.emit()

    def _join(self) -> None:
        text = "".join(self._parts)
        self._parts = [text]
        self.message = msgspec.structs.replace(self.message, text=text)

    def _flush(self) -> None:
        if self._unkept:
            words, ids = "".join(self._unkept), self._tokens.gained()
            self.kept = self._store.grow(self.message.id, words, ids)
            self._unkept.clear()

    def _finish(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            self._clock.reason = "stopped"
        self._repaint.stop()
        self._keep.stop()
        self.under_way.set()
        self._join()
        reply = self._reply(self._session.loaded)
        self.message = msgspec.structs.replace(self.message, status=self._status, reply=reply)
        self.kept = self._store.finish(self.message, self.tokens)
        self.ended.emit()

    def _reply(self, loaded: Loaded | None) -> Reply:
        failure = self.failure
        facts = self._clock.facts(self._ask.options.sampling.seed)
        model = self.message.reply
        if loaded is not None and not isinstance(failure, WorkerDied):
            model = Reply(model=loaded.name, strategy=loaded.strategy)
        before = self._before  # of a reply that goes on
        return msgspec.structs.replace(
            facts,
            tokens=before.tokens + facts.tokens,
            decode_s=before.decode_s + facts.decode_s,
            first_token_s=before.first_token_s or facts.first_token_s,
            model=model.model,
            strategy=model.strategy,
            failure=failure.code if failure else "",
            detail=failure.detail if failure else "",
            failure_facts=failure.facts if failure else {},
            edited=before.edited,
        )


async def with_tokens(ask: Request, store: Conversations, conversation: str) -> Chat:
    """The chat with the tokens of its replies, of which the store cannot read all perhaps."""
    known = dict(ask.tokens)
    if all(turn.role != "assistant" for turn in ask.chat.turns):
        return ask.chat
    with contextlib.suppress(StoreError):
        stored = await asyncio.wrap_future(store.tokens(conversation))
        known = stored | known
    turns = [
        msgspec.structs.replace(turn, tokens=known.get(source))
        for turn, source in zip(ask.chat.turns, ask.sources, strict=True)
    ]
    return msgspec.structs.replace(ask.chat, turns=tuple(turns))

"""Has the model read what is typed before it is sent, so that its reply begins at once."""

import asyncio
import contextlib

from PySide6.QtCore import QObject, QTimer

from app.errors import Failure
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.prompts import Chat, Sampling, Tokens, Turn
from app.runtime.protocol.token_spans import unpack
from app.ui.state.services import Services

from .conversation import ConversationController
from .reply_stream import with_tokens

_PAUSE_MS = 500
_LONGEST = 100_000  # characters: what is longer is read once, when it is sent
_LEAST = 24  # tokens that are worth it
_GREEDY = Sampling(temperature=0.0)


class DraftReading(QObject):
    """``note`` what stands in the field; what of it will not change is read when typing pauses.

    The last word may still grow, and with it the tokens before it: they are left out.  What was
    read is remembered by the engine as any other prompt is, and nothing of it is stored in the
    conversation.
    """

    def __init__(
        self, services: Services, controller: ConversationController, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._services, self._controller = services, controller
        self._text = ""
        self._read: tuple[int, ...] = ()
        self._task: asyncio.Task[None] | None = None
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._pause.timeout.connect(self._begin)
        controller.writing_changed.connect(self._stop_for_reply)
        controller.opened.connect(self._forget)

    def note(self, text: str) -> None:
        """The words in the field are these now."""
        if text != self._text:
            self._text = text
            self._pause.start()

    def _begin(self) -> None:
        session, settings = self._services.session, self._services.settings.now
        loaded = session.loaded
        busy = session.writing or self._controller.writing is not None
        usable = loaded is not None and loaded.has_tokenizer and loaded.templates
        short = len(self._text) <= _LONGEST
        if short and settings.read_drafts and usable and not busy and self._stable():
            self._stop()
            self._task = self._services.tasks.start(self._run())

    def _stable(self) -> str:
        """The words without the last one."""
        return self._text[: max(self._text.rfind(" "), self._text.rfind("\n"), 0)].rstrip()

    async def _run(self) -> None:
        """A failure is told by the reply itself, if it comes again there."""
        with contextlib.suppress(Failure):
            ids = await self._prefix()
            fresh = ids[: len(self._read)] != self._read or len(ids) >= len(self._read) + _LEAST
            if len(ids) < _LEAST or not fresh:
                return
            owner = self._controller.conversation.id
            options = GenerateOptions(limit=1, sampling=_GREEDY, reproducible=False, owner=owner)
            start = await asyncio.wrap_future(self._services.conversations.starts.of(owner))
            begin = start.state if start is not None else None
            events = self._services.session.generate(Tokens(ids), options, begin)
            async with contextlib.aclosing(events):
                async for _ in events:
                    pass
            self._read = ids

    async def _prefix(self) -> tuple[int, ...]:
        """The ids that the prompt begins with, whatever comes behind the stable words."""
        controller, words = self._controller, self._stable()
        ask = controller.requests.request_for_draft(controller.tree)
        conversation = controller.conversation.id
        chat = await with_tokens(ask, self._services.conversations, conversation)
        found = [await self._ids(chat, words + end) for end in (" and", "? x")]
        same = zip(*found, strict=False)
        count = next((at for at, pair in enumerate(same) if len(set(pair)) > 1), len(found[0]))
        return found[0][:count]

    async def _ids(self, chat: Chat, words: str) -> tuple[int, ...]:
        asked = Chat(
            turns=(*chat.turns, Turn("user", words)),
            template=chat.template,
            think=chat.think,
            form=chat.form,
        )
        encoded = await self._services.session.encode(asked, document=False)
        return unpack(encoded.ids)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _stop_for_reply(self) -> None:
        if self._controller.writing is not None:
            self._pause.stop()
            self._stop()

    def _forget(self) -> None:
        """Another conversation or branch is shown."""
        self._stop()
        self._read = ()
        self._text = ""

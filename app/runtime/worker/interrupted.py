"""A text that is interrupted: what came of it, and how the rest is asked of another worker."""

import time

import msgspec

from app.errors import RequestRefused
from app.runtime.families.templates import lead
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Event, Loaded, Piece, ReplyBegun
from app.runtime.protocol.prompts import Chat, Prompt, Turn
from app.runtime.protocol.reply_tokens import ReplyTokens


class Interruptible:
    """Asks for a prompt's text, and after an interruption for what is left of it.

    ``prompt`` and ``options`` are what is asked for now.  ``note`` every event, which gives it as
    it is for whoever reads the whole.
    """

    def __init__(self, prompt: Prompt, options: GenerateOptions, loaded: Loaded | None) -> None:
        self._first, self.prompt, self.options = options, prompt, options
        self.fingerprint = loaded.fingerprint if loaded is not None else ""
        self._reply = _Reply(prompt, loaded) if isinstance(prompt, Chat) else None
        self._written = self._before = 0
        self._began_s = time.perf_counter()
        self._first_s = self._last_s = self._decode_s = 0.0

    @property
    def can_go_on(self) -> bool:
        """Whether it can be asked for again: a reply goes on from its tokens, others begin anew."""
        return self._reply is not None or not self._written

    def note(self, event: Event | Done) -> Event | Done:
        """Take what an event tells."""
        if self._reply is not None:
            self._reply.note(event)
        if isinstance(event, Piece):
            self._written += len(event.tokens)
            self._last_s = time.perf_counter()
            self._first_s = self._first_s or self._last_s
        return self._whole(event) if isinstance(event, Done) and self._before else event

    def interrupt(self) -> None:
        """The text goes on in another worker, as far as its limit still allows."""
        if self._reply is not None:
            self.prompt = self._reply.prompt
        if self._last_s > self._first_s:
            self._decode_s += self._last_s - self._first_s
        self._before = self._written
        self.options = msgspec.structs.replace(
            self._first, limit=max(0, self._first.limit - self._written)
        )
        self._last_s = self._first_s

    def _whole(self, done: Done) -> Done:
        """What was written before counts as well."""
        return msgspec.structs.replace(
            done,
            tokens=self._before + done.tokens,
            decode_s=self._decode_s + done.decode_s,
            first_token_s=self._first_s - self._began_s,
        )


class _Reply:
    """The reply of a Chat so far: its text and its tokens."""

    def __init__(self, chat: Chat, loaded: Loaded | None) -> None:
        last = chat.turns[-1] if chat.turns else Turn("user", "")
        self._chat, self._goes_on = chat, last.role == "assistant"
        self._begun = last.text if self._goes_on else _lead(chat, loaded)
        self._text = [self._begun]
        known = last.tokens if self._goes_on else None
        self._tokens = ReplyTokens(len(self._begun), known)

    def note(self, event: Event | Done) -> None:
        if isinstance(event, Piece | ReplyBegun | Done):
            self._tokens.note(event)
        if isinstance(event, Piece):
            self._text.append(event.text)

    @property
    def prompt(self) -> Chat:
        """The chat with what was written as its last turn."""
        text = "".join(self._text)
        if text == self._begun:
            return self._chat
        before = self._chat.turns[:-1] if self._goes_on else self._chat.turns
        turn = Turn("assistant", text, self._tokens.span)
        return msgspec.structs.replace(self._chat, turns=(*before, turn))


def _lead(chat: Chat, loaded: Loaded | None) -> str:
    """What the template begins the reply with, which is part of its text."""
    template = chat.form or chat.template or next(iter(loaded.templates if loaded else ()), "")
    try:
        return lead(template, chat.think) if template else ""
    except RequestRefused:  # the worker will say so
        return ""

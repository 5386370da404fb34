"""A conversation that is to be answered, whichever of the addresses it came to, and its replies."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from app.runtime.families.family import family_named
from app.runtime.families.templates import Think, lead
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Loaded, Piece, ReplyBegun, TokenFacts
from app.runtime.protocol.prompts import Chat, Sampling, Turn
from app.runtime.protocol.reply_tokens import ReplyTokens
from app.runtime.protocol.states import StartState

from .model_host import OpenModel
from .replies.reply_memory import ReplyMemory
from .replies.reply_parts import ReplyPart, ReplyParts
from .replies.tool_calls import ToolCall
from .replies.tool_prompt import call_grammar, tool_lines
from .text_run import AskedText, run_texts

NamedTool = tuple[str, str, Any]
"""Name, description, and the JSON schema of the arguments."""


@dataclass(frozen=True)
class AskedChat:
    """What is to be answered; ``options`` makes of the model's usual sampling how.

    ``think`` None leaves it to the model's usual way, ``budget`` is how many tokens a thought may
    have.  One of ``tools`` is called in any case if one ``must``.  ``session`` names the
    conversation, ``start`` is a state to begin with.
    """

    turns: tuple[Turn, ...]
    options: Callable[[Sampling], GenerateOptions]
    think: bool | None = None
    budget: int | None = None
    tools: tuple[NamedTool, ...] = ()
    must: bool = False
    count: int = 1
    session: str = ""
    start: StartState | None = None
    afresh: bool = False


@dataclass(frozen=True)
class ChatPiece:
    """More of the reply at ``place``, and the tokens since the last piece."""

    place: int
    parts: list[ReplyPart]
    tokens: tuple[TokenFacts, ...] = ()


@dataclass(frozen=True)
class ChatEnd:
    """The reply at ``place`` has ended, with ``calls`` if there are any."""

    place: int
    done: Done
    calls: list[ToolCall]


class _Reply:
    """One reply as it grows."""

    def __init__(self, begun: str, tools: frozenset[str], *, goes_on: bool) -> None:
        self.parts = ReplyParts(begun, tools, goes_on=goes_on)
        self.tokens = ReplyTokens(len(begun))
        self.text, self.told = begun, ""

    def fed(self, piece: Piece) -> list[ReplyPart]:
        self.tokens.note(piece)
        self.text += piece.text
        return self._noted(self.parts.feed(piece.text))

    def ended(self, done: Done) -> tuple[list[ReplyPart], list[ToolCall]]:
        self.tokens.note(done)
        parts, calls = self.parts.end()
        return self._noted(parts), calls

    def _noted(self, parts: list[ReplyPart]) -> list[ReplyPart]:
        self.told += "".join(part.text for part in parts if part.kind == "answer")
        return parts


class ChatRun:
    """The replies to one conversation by the open model."""

    def __init__(self, asked: AskedChat, model: OpenModel, memory: ReplyMemory) -> None:
        self._asked, self._model, self._memory = asked, model, memory
        self._think = _think_of(asked, model.loaded)
        self._scope = (model.loaded.fingerprint, asked.session, self._think)

    async def events(self) -> AsyncGenerator[ChatPiece | ChatEnd, None]:
        """Pieces and ends of all replies.  Leave it inside ``contextlib.aclosing``."""
        asked, text = self._asked, self._text()
        goes_on = asked.turns[-1].role == "assistant"
        begun = "" if goes_on else self._lead()
        names = frozenset(name for name, _, _ in asked.tools)
        replies = [_Reply(begun, names, goes_on=goes_on) for _ in range(asked.count)]
        texts = [text.seeded(place) for place in range(asked.count)]
        async with contextlib.aclosing(run_texts(texts, self._model)) as events:
            async for place, event in events:
                reply = replies[place]
                if isinstance(event, Piece):
                    yield ChatPiece(place, reply.fed(event), event.tokens)
                elif isinstance(event, ReplyBegun):
                    reply.tokens.note(event)
                elif isinstance(event, Done):
                    parts, calls = reply.ended(event)
                    if not goes_on and not calls:
                        written = Turn("assistant", reply.text, reply.tokens.span)
                        self._memory.keep(self._scope, asked.turns, reply.told, written)
                    yield ChatPiece(place, parts)
                    yield ChatEnd(place, event, calls)

    def _text(self) -> AskedText:
        asked, loaded = self._asked, self._model.loaded
        family = family_named(loaded.family, loaded.tokenizer)
        options = asked.options(family.recommended(self._think))
        if asked.must and options.grammar is None:
            options = msgspec.structs.replace(options, grammar=call_grammar(asked.tools))
        turns = asked.turns
        if asked.session or options.sampling.seed is None:
            # else the same request could have another answer later
            turns = self._memory.recalled(self._scope, turns)
        if asked.tools:
            turns = (Turn("system", tool_lines(asked.tools, must=asked.must)), *turns)
        budget = asked.budget if self._think == "on" else None
        prompt = Chat(turns=turns, think=self._think)
        return AskedText(prompt, options, asked.start, asked.afresh, budget)

    def _lead(self) -> str:
        template = next(iter(self._model.loaded.templates), "")
        return lead(template, self._think) if template else ""


def _think_of(asked: AskedChat, loaded: Loaded) -> Think:
    """An empty thought where none is wanted, or where a call may come, which thoughts disturb."""
    if not loaded.thinks or asked.must:
        return "off"
    if asked.think and asked.budget != 0:
        return "on"
    if asked.think is not None or asked.tools or asked.budget == 0:
        return "fake"
    return "off"

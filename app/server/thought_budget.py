"""Ends a thought that has become too long, and has the reply go on with its answer."""

import contextlib
from collections.abc import AsyncGenerator

import msgspec

from app.runtime.families.templates import lead
from app.runtime.families.thinking import without_thought
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Event, Loaded, Piece, Prefilled, ReplyBegun
from app.runtime.protocol.prompts import Chat, Prompt, Turn

from .model_runner import ModelRunner

_CLOSING = "\n</think>\n\n"


async def with_budget(
    runner: ModelRunner, loaded: Loaded, prompt: Prompt, options: GenerateOptions, most: int
) -> AsyncGenerator[Event | Done, None]:
    """As ``generate``, but a thought of ``most`` tokens is closed, and the answer follows.

    What closes it comes as a Piece without tokens.  The one Done counts both parts.  Leave it
    inside ``contextlib.aclosing``.
    """
    template = prompt.template if isinstance(prompt, Chat) else ""
    template = template or next(iter(loaded.templates), "")
    if not isinstance(prompt, Chat) or prompt.turns[-1].role == "assistant":
        most = options.limit
    begun = lead(template, prompt.think) if isinstance(prompt, Chat) and template else ""
    text, tokens = begun, 0
    async with contextlib.aclosing(runner.generate(prompt, options)) as events:
        async for event in events:
            if isinstance(event, Piece):
                text += event.text
                tokens += len(event.tokens)
            yield event
            if isinstance(event, Done):
                return
            if tokens >= most and _is_thinking(text):
                break
    if not isinstance(prompt, Chat):
        return
    yield Piece(id=0, text=_CLOSING)
    turns = (*prompt.turns, Turn("assistant", text + _CLOSING))
    left = msgspec.structs.replace(options, limit=max(1, options.limit - tokens))
    rest = runner.generate(msgspec.structs.replace(prompt, turns=turns), left)
    async with contextlib.aclosing(rest) as events:
        async for event in events:
            if isinstance(event, Done):
                yield _whole(event, tokens)
            elif not isinstance(event, ReplyBegun | Prefilled):
                yield event


def _is_thinking(text: str) -> bool:
    return text.lstrip().startswith("<think") and not without_thought(text)


def _whole(done: Done, before: int) -> Done:
    """The first part's tokens were written and not read, so they count as such."""
    read = max(0, done.prompt_tokens - before)
    return msgspec.structs.replace(
        done,
        prompt_tokens=read,
        computed_tokens=min(done.computed_tokens, read),
        tokens=done.tokens + before,
    )

"""POST /api/chat and /api/generate: replies as lines, or as one object."""

import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from app.errors import ServerRefused
from app.runtime.protocol.generate_options import GenerateOptions, Outputs
from app.runtime.protocol.messages import Done, Piece
from app.runtime.protocol.prompts import Sampling, Text
from app.server.chat_run import AskedChat, ChatEnd, ChatPiece, ChatRun
from app.server.http.answers import LINES, JsonAnswer, StreamAnswer
from app.server.http.request_body import check_length, read_body
from app.server.http.request_record import RequestRecord, record_of
from app.server.model_host import OpenModel
from app.server.openai.chat_endpoint import named_tool
from app.server.openai.chat_turns import turns_of
from app.server.openai.option_fields import options_of
from app.server.openai.request_fields import CalledFunction, MadeCall, Message
from app.server.replies.token_usage import Usage
from app.server.replies.tool_calls import ToolCall
from app.server.server_services import Services
from app.server.text_run import AskedText

from .ollama_fields import (
    OllamaChatFields,
    OllamaFields,
    OllamaGenerateFields,
    OllamaMessage,
    grammar_in,
    sampling_fields,
)

Shown = Callable[[dict[str, Any]], dict[str, Any]]


class OllamaTexts:
    """Answers with what ``services`` have."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def chat(self, request: Request) -> ASGIApp:
        """The next reply of a conversation."""
        fields = await read_body(request, OllamaChatFields)
        if not fields.messages:
            return self._open_only(fields, "message", request)
        tools = tuple(map(named_tool, fields.tools or ()))
        asked = _asked(fields, tuple(map(_message, fields.messages)))
        asked = AskedChat(**{**vars(asked), "tools": tools})

        def shown(message: dict[str, Any]) -> dict[str, Any]:
            return {"message": {"role": "assistant", "content": "", **message}}

        return self._answer(fields, asked, shown, request)

    async def generate(self, request: Request) -> ASGIApp:
        """The answer to one prompt, or how it goes on if it is raw."""
        fields = await read_body(request, OllamaGenerateFields)
        if fields.suffix:
            raise ServerRefused(why="field-unknown", name="suffix")
        if fields.images:
            raise ServerRefused(why="picture", value="images")
        if not fields.prompt:
            return self._open_only(fields, "response", request)

        def shown(message: dict[str, Any]) -> dict[str, Any]:
            return {"response": message.pop("content", ""), **message}

        if fields.raw:
            check_length(fields.prompt)
            return self._answer(fields, Text(fields.prompt), shown, request)
        messages = [Message(role="user", content=fields.prompt)]
        if fields.system:
            messages.insert(0, Message(role="system", content=fields.system))
        return self._answer(fields, _asked(fields, tuple(messages)), shown, request)

    def _answer(
        self, fields: OllamaFields, asked: AskedChat | Text, shown: Shown, request: Request
    ) -> ASGIApp:
        record = record_of(request.scope)
        reply = _OllamaReply(fields, asked, self._services, record)
        if fields.stream:
            return StreamAnswer(reply.lines(shown), LINES)

        async def whole() -> dict[str, Any]:
            return await reply.whole(shown)

        return JsonAnswer(whole)

    def _open_only(self, fields: OllamaFields, name: str, request: Request) -> ASGIApp:
        """What programs ask for to have a model ready."""

        async def made() -> dict[str, Any]:
            async with self._services.host.admitted(fields.model) as model:
                record_of(request.scope).model = model.id
            nothing: Any = {"role": "assistant", "content": ""} if name == "message" else ""
            return {
                "model": fields.model or model.id,
                "created_at": now(),
                name: nothing,
                "done": True,
                "done_reason": "load",
            }

        return JsonAnswer(made)


class _OllamaReply:
    """The answer to one request."""

    def __init__(
        self,
        fields: OllamaFields,
        asked: AskedChat | Text,
        services: Services,
        record: RequestRecord,
    ) -> None:
        self._fields, self._asked = fields, asked
        self._services, self._record = services, record
        self._began_s = time.perf_counter()
        self._waited_s = 0.0

    async def whole(self, shown: Shown) -> dict[str, Any]:
        """All of it."""
        message: dict[str, Any] = {"content": ""}
        last: dict[str, Any] = {}
        async with contextlib.aclosing(self._told()) as told:
            async for more, end in told:
                for name, value in more.items():
                    message[name] = message[name] + value if name in message else value
                last = end or last
        return {**self._head(), **shown(message), **last}

    async def lines(self, shown: Shown) -> AsyncGenerator[dict[str, Any], None]:
        """A line for each piece."""
        async with contextlib.aclosing(self._told()) as told:
            async for more, end in told:
                yield {**self._head(), **shown(more), **(end or {"done": False})}

    def _head(self) -> dict[str, Any]:
        return {"model": self._fields.model or self._record.model, "created_at": now()}

    async def _told(self) -> AsyncGenerator[tuple[dict[str, Any], dict[str, Any] | None], None]:
        """More of the message, and at the end what it took."""
        host, record = self._services.host, self._record
        async with host.admitted(self._fields.model) as model:
            record.model = model.id
            self._waited_s = time.perf_counter() - self._began_s
            events = self._raw(model) if isinstance(self._asked, Text) else self._chat(model)
            async with contextlib.aclosing(events) as told:
                async for more, done in told:
                    yield more, self._end(done) if done else None

    async def _chat(
        self, model: OpenModel
    ) -> AsyncGenerator[tuple[dict[str, Any], Done | None], None]:
        assert isinstance(self._asked, AskedChat)
        run = ChatRun(self._asked, model, self._services.memory)
        names = {"thought": "thinking", "answer": "content"}
        async with contextlib.aclosing(run.events()) as events:
            async for event in events:
                if isinstance(event, ChatPiece):
                    self._record.written += len(event.tokens)
                    for part in event.parts:
                        yield {names[part.kind]: part.text}, None
                elif isinstance(event, ChatEnd):
                    if event.calls:
                        yield {"tool_calls": [_call(one) for one in event.calls]}, None
                    yield {}, event.done

    async def _raw(
        self, model: OpenModel
    ) -> AsyncGenerator[tuple[dict[str, Any], Done | None], None]:
        assert isinstance(self._asked, Text)
        text = AskedText(self._asked, _options(self._fields, model.loaded.sampling))
        async with contextlib.aclosing(text.events(model)) as events:
            async for event in events:
                if isinstance(event, Piece):
                    self._record.written += len(event.tokens)
                    yield {"content": event.text}, None
                elif isinstance(event, Done):
                    yield {}, event

    def _end(self, done: Done) -> dict[str, Any]:
        """Times in nanoseconds."""
        usage = Usage()
        usage.note(done)
        self._record.read, self._record.cached = usage.read, usage.cached
        reason = "length" if done.reason == "limit" else "stop"
        return {
            "done": True,
            "done_reason": reason,
            "total_duration": _ns(time.perf_counter() - self._began_s),
            "load_duration": _ns(self._waited_s),
            "prompt_eval_count": done.prompt_tokens,
            "prompt_eval_duration": _ns(done.prefill_s),
            "eval_count": done.tokens,
            "eval_duration": _ns(done.decode_s),
        }


def now() -> str:
    """The time as Ollama writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


def _asked(fields: OllamaFields, messages: tuple[Message, ...]) -> AskedChat:
    think = fields.think
    _options(fields, Sampling())  # refused before a model is waited for
    return AskedChat(
        turns=turns_of(messages),
        options=lambda usual: _options(fields, usual),
        think=None if think is None else bool(think),
    )


def _options(fields: OllamaFields, usual: Sampling) -> GenerateOptions:
    sampling = sampling_fields(fields.options)
    options = options_of(sampling, usual, fields.options.num_predict, Outputs())
    return msgspec.structs.replace(options, grammar=grammar_in(fields.format))


def _message(one: OllamaMessage) -> Message:
    if one.images:
        raise ServerRefused(why="picture", value="images")
    calls = [
        MadeCall(
            function=CalledFunction(name=call.function.name, arguments=call.function.arguments)
        )
        for call in one.tool_calls or ()
    ]
    return Message(role=one.role, content=one.content, tool_calls=calls or None)


def _call(call: ToolCall) -> dict[str, Any]:
    return {"function": {"name": call.name, "arguments": json.loads(call.arguments)}}

"""POST /v1/chat/completions: replies as one object, or as chunks while they are written."""

import contextlib
import dataclasses
import secrets
import time
from collections.abc import AsyncGenerator
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from app.errors import ServerRefused
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.prompts import Sampling
from app.server.chat_run import AskedChat, ChatEnd, ChatPiece, ChatRun, NamedTool
from app.server.http.answers import JsonAnswer, StreamAnswer
from app.server.http.request_body import check_length, read_body
from app.server.http.request_record import RequestRecord, record_of
from app.server.model_host import OpenModel
from app.server.replies.finish_reason import finish_reason
from app.server.replies.token_texts import TokenTexts
from app.server.replies.token_usage import Usage
from app.server.replies.tool_calls import ToolCall
from app.server.server_services import Services

from .chat_turns import turns_of
from .option_fields import count_of, options_of, top_of
from .request_fields import ChatFields, ResponseFormat, Tool
from .start_of_request import start_of

_NAMES = {"thought": "reasoning_content", "answer": "content"}
_NO_THOUGHT = ("none", "minimal")
_TEXT = ResponseFormat()
_CHOICES = ("auto", "none", "required")


class ChatEndpoint:
    """Answers with what ``services`` have."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def answer(self, request: Request) -> ASGIApp:
        """Read the request; the answer does the work."""
        fields = await read_body(request, ChatFields)
        start = await start_of(fields.state_id, self._services.host.offered)
        asked = dataclasses.replace(asked_chat(fields), start=start)
        reply = _Replies(fields, asked, self._services, record_of(request.scope))
        if fields.stream:
            return StreamAnswer(reply.chunks())
        return JsonAnswer(reply.whole)


class _Replies:
    """The answer to one request."""

    def __init__(
        self, fields: ChatFields, asked: AskedChat, services: Services, record: RequestRecord
    ) -> None:
        self._fields, self._asked = fields, asked
        self._services, self._record = services, record
        self._usage = Usage()
        self._top = top_of(fields.top_logprobs, "top_logprobs")
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": fields.model or "",
        }

    async def whole(self) -> dict[str, Any]:
        """All replies, when they have ended."""
        choices = [_Choice(place) for place in range(self._asked.count)]
        async with contextlib.aclosing(self._events()) as events:
            async for event, tokens in events:
                choice = choices[event.place]
                if isinstance(event, ChatEnd):
                    choice.end(event)
                    continue
                choice.note(event, tokens)
        shown = [choice.told(logprobs=bool(self._fields.logprobs)) for choice in choices]
        return {**self._head, "choices": shown, "usage": self._usage.told()}

    async def chunks(self) -> AsyncGenerator[dict[str, Any], None]:
        """Chunks of all replies as they come."""
        self._head["object"] = "chat.completion.chunk"
        options = self._fields.stream_options
        usage = {"usage": None} if options and options.include_usage else {}
        streams = [_Stream() for _ in range(self._asked.count)]
        async with contextlib.aclosing(self._events()) as events:
            async for event, tokens in events:
                stream = streams[event.place]
                if isinstance(event, ChatEnd):
                    made = stream.last(event)
                else:
                    made = stream.deltas(event, tokens)
                for delta, logprobs, finish in made:
                    choice = {
                        "index": event.place,
                        "delta": delta,
                        "logprobs": {"content": logprobs} if logprobs else None,
                        "finish_reason": finish,
                    }
                    yield {**self._head, "choices": [choice], **usage}
        if usage:
            yield {**self._head, "choices": [], "usage": self._usage.told()}

    async def _events(self) -> AsyncGenerator[tuple[ChatPiece | ChatEnd, list[Any]], None]:
        """Events with the entries of their tokens, if these are wanted."""
        fields, record, host = self._fields, self._record, self._services.host
        async with host.admitted(fields.model or "", self._asked.count) as model:
            self._head["model"] = record.model = model.id
            self._head["system_fingerprint"] = system_fingerprint(model)
            texts = TokenTexts(await model.vocabulary()) if fields.logprobs else None
            run = ChatRun(self._asked, model, self._services.memory)
            async with contextlib.aclosing(run.events()) as events:
                async for event in events:
                    entries: list[Any] = []
                    if isinstance(event, ChatEnd):
                        self._usage.note(event.done)
                        record.read, record.cached = self._usage.read, self._usage.cached
                    else:
                        record.written += len(event.tokens)
                        if texts is not None:
                            entries = texts.chat_entries(event.tokens, self._top)
                    yield event, entries


class _Choice:
    """One reply that is told as a whole."""

    def __init__(self, place: int) -> None:
        self._place = place
        self._texts = {"thought": "", "answer": ""}
        self._tokens: list[Any] = []
        self._end: ChatEnd | None = None

    def note(self, piece: ChatPiece, tokens: list[Any]) -> None:
        for part in piece.parts:
            self._texts[part.kind] += part.text
        self._tokens += tokens

    def end(self, event: ChatEnd) -> None:
        self._end = event
        if event.done.tokens_taken_back:
            del self._tokens[-event.done.tokens_taken_back :]

    def told(self, *, logprobs: bool) -> dict[str, Any]:
        end = self._end
        assert end is not None
        answer, thought = self._texts["answer"], self._texts["thought"]
        message: dict[str, Any] = {"role": "assistant", "content": answer, "refusal": None}
        if thought:
            message["reasoning_content"] = thought.rstrip()
        if end.calls:
            message["content"] = answer or None
            message["tool_calls"] = [call_entry(call) for call in end.calls]
        return {
            "index": self._place,
            "message": message,
            "logprobs": {"content": self._tokens, "refusal": None} if logprobs else None,
            "finish_reason": finish_reason(end.done, calls=bool(end.calls)),
        }


_Delta = tuple[dict[str, Any], list[Any], str | None]


class _Stream:
    """One reply as deltas; the first one tells the role."""

    def __init__(self) -> None:
        self._begun = False
        self._tokens: list[Any] = []

    def deltas(self, piece: ChatPiece, tokens: list[Any]) -> list[_Delta]:
        """Tokens whose text is held back go with the text that comes next."""
        self._tokens += tokens
        made: list[_Delta] = []
        if not self._begun:
            self._begun = True
            made.append(({"role": "assistant", "content": ""}, [], None))
        for part in piece.parts:
            told, self._tokens = self._tokens, []
            made.append(({_NAMES[part.kind]: part.text}, told, None))
        return made

    def last(self, end: ChatEnd) -> list[_Delta]:
        made: list[_Delta] = []
        if self._tokens:
            made.append(({"content": ""}, self._tokens, None))
        for index, call in enumerate(end.calls):
            entry = call_entry(call)
            whole = entry["function"]["arguments"]
            entry["function"]["arguments"] = ""
            more = {"index": index, "function": {"arguments": whole}}
            made.append(({"tool_calls": [{"index": index, **entry}]}, [], None))
            made.append(({"tool_calls": [more]}, [], None))
        made.append(({}, [], finish_reason(end.done, calls=bool(end.calls))))
        return made


def call_entry(call: ToolCall) -> dict[str, Any]:
    """A call with an id of its own."""
    return {
        "id": f"call_{secrets.token_hex(12)}",
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def system_fingerprint(model: OpenModel) -> str:
    """Tells one model in one way of running from others."""
    return f"fp_{model.loaded.fingerprint[:12]}_{model.loaded.strategy.replace(' ', '-')}"


def asked_chat(fields: ChatFields) -> AskedChat:
    """What a request comes to.  Raises ServerRefused and RequestRefused."""
    if fields.functions or fields.function_call:
        raise ServerRefused(why="calls-refused")
    tools, must = _tools(fields)
    if must and (fields.grammar or (fields.response_format or _TEXT).type != "text"):
        raise ServerRefused(why="field-clash", name="tool_choice", value="response_format")
    limit = fields.max_completion_tokens
    limit = fields.max_tokens if limit is None else limit
    top = top_of(fields.top_logprobs, "top_logprobs")
    outputs = Outputs(logprob=True, top=top) if fields.logprobs else Outputs()
    options_of(fields, Sampling(), limit, outputs)  # refused before a model is waited for
    budget = fields.reasoning_budget
    return AskedChat(
        turns=turns_of(fields.messages),
        options=lambda usual: options_of(fields, usual, limit, outputs),
        think=_think(fields),
        budget=None if budget is None or budget < 0 else budget,
        tools=tools,
        must=must,
        count=count_of(fields.n),
        session=fields.session_id or "",
        afresh=fields.cache_prompt is False,
    )


def _think(fields: ChatFields) -> bool | None:
    switch = fields.chat_template_kwargs
    if switch is not None and switch.enable_thinking is not None:
        return switch.enable_thinking
    effort = fields.reasoning_effort
    if effort is None:
        return True if fields.reasoning_budget else None
    return effort not in _NO_THOUGHT


def _tools(fields: ChatFields) -> tuple[tuple[NamedTool, ...], bool]:
    """The tools that may be called now, and whether one must be."""
    tools = tuple(map(named_tool, fields.tools or ()))
    check_length(*(about for _, about, _ in tools))
    choice = fields.tool_choice
    if choice is None or choice == "auto":
        return tools, False
    if choice == "none":
        return (), False
    if isinstance(choice, str):
        if choice not in _CHOICES:
            wanted = ",".join(_CHOICES)
            raise ServerRefused(
                why="field-value", name="tool_choice", value=choice[:40], wanted=wanted
            )
        if not tools:
            raise ServerRefused(why="field-clash", name="tool_choice", value="tools")
        return tools, True
    function = choice.get("function", choice)
    name = function.get("name") if isinstance(function, dict) else None
    chosen = tuple(tool for tool in tools if tool[0] == name)
    if not chosen:
        raise ServerRefused(why="tool-unknown", name=str(name)[:40])
    return chosen, True


def named_tool(tool: Tool) -> NamedTool:
    """A tool as a chat has it.  Raises ServerRefused for what is no function."""
    if tool.type != "function" or tool.function is None:
        raise ServerRefused(
            why="field-value", name="tools.type", value=tool.type[:40], wanted="function"
        )
    function = tool.function
    return function.name, function.description or "", function.parameters

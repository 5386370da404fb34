"""POST /v1/responses: what chat completions do, as items and their events; nothing is kept."""

import contextlib
import secrets
import time
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from app.runtime.protocol.messages import Done
from app.server.chat_run import AskedChat, ChatEnd, ChatPiece, ChatRun
from app.server.http.answers import EVENTS, JsonAnswer, StreamAnswer
from app.server.http.request_body import read_body
from app.server.http.request_record import RequestRecord, record_of
from app.server.replies.token_usage import Usage
from app.server.replies.tool_calls import ToolCall
from app.server.server_services import Services

from .response_fields import ResponseFields, asked_response

_NAMED = EVENTS._replace(last=b"")
Event = tuple[str, dict[str, Any]]


class ResponseEndpoint:
    """Answers with what ``services`` have."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def answer(self, request: Request) -> ASGIApp:
        """Read the request; the answer does the work."""
        fields = await read_body(request, ResponseFields)
        made = _Response(fields, asked_response(fields), self._services, record_of(request.scope))
        if fields.stream:
            return StreamAnswer(made.events(), _NAMED)
        return JsonAnswer(made.whole)


class _Response:
    """The answer to one request."""

    def __init__(
        self, fields: ResponseFields, asked: AskedChat, services: Services, record: RequestRecord
    ) -> None:
        self._asked, self._services, self._record = asked, services, record
        self._fields = fields
        self._items = _Items()
        self._usage = Usage()
        self._told: dict[str, Any] = {
            "id": f"resp_{secrets.token_hex(16)}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "instructions": fields.instructions,
            "metadata": fields.metadata or {},
            "model": fields.model or "",
            "output": [],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "store": False,
            "temperature": fields.temperature,
            "top_p": fields.top_p,
            "tool_choice": fields.tool_choice or "auto",
            "tools": [],
            "usage": None,
        }

    async def whole(self) -> dict[str, Any]:
        """The response when it has ended."""
        async with contextlib.aclosing(self.events()) as events:
            async for _ in events:
                pass
        return self._told

    async def events(self) -> AsyncGenerator[Event, None]:
        """Its events, numbered."""
        number = 0
        async with contextlib.aclosing(self._unnumbered()) as events:
            async for kind, told in events:
                yield kind, {"type": kind, "sequence_number": number, **told}
                number += 1

    async def _unnumbered(self) -> AsyncGenerator[Event, None]:
        async with self._services.host.admitted(self._fields.model or "") as model:
            self._told["model"] = self._record.model = model.id
            yield "response.created", {"response": dict(self._told)}
            yield "response.in_progress", {"response": dict(self._told)}
            run = ChatRun(self._asked, model, self._services.memory)
            async with contextlib.aclosing(run.events()) as events:
                async for event in events:
                    if isinstance(event, ChatPiece):
                        self._record.written += len(event.tokens)
                    for told in self._of(event):
                        yield told
        yield f"response.{self._told['status']}", {"response": self._told}

    def _of(self, event: ChatPiece | ChatEnd) -> Iterator[Event]:
        if isinstance(event, ChatPiece):
            for part in event.parts:
                yield from self._items.grow(part.kind, part.text)
            return
        yield from self._items.close()
        for call in event.calls:
            yield from self._items.called(call)
        self._end(event.done)

    def _end(self, done: Done) -> None:
        self._usage.note(done)
        usage, record = self._usage, self._record
        record.read, record.cached = usage.read, usage.cached
        cut = done.reason == "limit"
        self._told["status"] = "incomplete" if cut else "completed"
        self._told["incomplete_details"] = {"reason": "max_output_tokens"} if cut else None
        self._told["output"] = self._items.ended
        self._told["usage"] = {
            "input_tokens": usage.read,
            "input_tokens_details": {"cached_tokens": usage.cached},
            "output_tokens": usage.written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.read + usage.written,
        }


class _Items:
    """The items of the output: a thought, a message, calls; one of them grows at a time."""

    def __init__(self) -> None:
        self.ended: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None
        self._kind = self._text = ""

    def grow(self, kind: str, text: str) -> Iterator[Event]:
        """More text of the thought or of the answer."""
        if kind != self._kind:
            yield from self.close()
            yield from self._begin(kind)
        self._text += text
        yield f"response.{_TEXTS[kind]}.delta", {**self._where(), "delta": text, **_logprobs(kind)}

    def close(self) -> Iterator[Event]:
        """What grew has ended."""
        item, kind = self._open, self._kind
        if item is None:
            return
        part, where = _part(kind, self._text), self._where()
        yield f"response.{_TEXTS[kind]}.done", {**where, "text": self._text, **_logprobs(kind)}
        yield "response.content_part.done", {**where, "part": part}
        item.update(status="completed", content=[part])
        yield "response.output_item.done", {"output_index": len(self.ended), "item": item}
        self.ended.append(item)
        self._open, self._kind, self._text = None, "", ""

    def called(self, call: ToolCall) -> Iterator[Event]:
        """A call, as a whole."""
        index = len(self.ended)
        item = {
            "type": "function_call",
            "id": f"fc_{secrets.token_hex(12)}",
            "call_id": f"call_{secrets.token_hex(12)}",
            "name": call.name,
            "arguments": "",
            "status": "in_progress",
        }
        where = {"item_id": item["id"], "output_index": index}
        yield "response.output_item.added", {"output_index": index, "item": dict(item)}
        kind, arguments = "response.function_call_arguments", call.arguments
        yield f"{kind}.delta", {**where, "delta": arguments}
        yield f"{kind}.done", {**where, "arguments": arguments, "name": call.name}
        item.update(arguments=arguments, status="completed")
        yield "response.output_item.done", {"output_index": index, "item": item}
        self.ended.append(item)

    def _begin(self, kind: str) -> Iterator[Event]:
        self._kind = kind
        item: dict[str, Any] = {"id": f"msg_{secrets.token_hex(12)}", "status": "in_progress"}
        if kind == "answer":
            item.update(type="message", role="assistant", content=[])
        else:
            item.update(type="reasoning", summary=[], content=[])
        self._open = item
        index = len(self.ended)
        yield "response.output_item.added", {"output_index": index, "item": dict(item)}
        yield "response.content_part.added", {**self._where(), "part": _part(kind, "")}

    def _where(self) -> dict[str, Any]:
        item = self._open
        assert item is not None
        return {"item_id": item["id"], "output_index": len(self.ended), "content_index": 0}


_TEXTS = {"answer": "output_text", "thought": "reasoning_text"}


def _logprobs(kind: str) -> dict[str, Any]:
    return {"logprobs": []} if kind == "answer" else {}


def _part(kind: str, text: str) -> dict[str, Any]:
    part: dict[str, Any] = {"type": _TEXTS[kind], "text": text}
    return {**part, "annotations": [], "logprobs": []} if kind == "answer" else part

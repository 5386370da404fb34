"""POST /v1/completions: texts that go on as they stand, from words or from token ids."""

import contextlib
import secrets
import time
from collections.abc import AsyncGenerator
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from app.errors import ServerRefused
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import Done, Piece
from app.runtime.protocol.prompts import Prompt, Sampling, Text, Tokens
from app.runtime.protocol.scores import Scored, TokenScore
from app.runtime.protocol.states import StartState
from app.server.http.answers import JsonAnswer, StreamAnswer
from app.server.http.request_body import check_length, read_body
from app.server.http.request_record import RequestRecord, record_of
from app.server.model_host import OpenModel
from app.server.replies.finish_reason import finish_reason
from app.server.replies.token_texts import CompletionLogprobs, TokenTexts
from app.server.replies.token_usage import Usage
from app.server.server_services import Services
from app.server.text_run import AskedText, run_texts

from .option_fields import count_of, options_of, top_of
from .request_fields import CompletionFields
from .start_of_request import start_of

MOST_PROMPTS = 2048


class CompletionEndpoint:
    """Answers with what ``services`` have."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def answer(self, request: Request) -> ASGIApp:
        """Read the request; the answer does the work."""
        fields = await read_body(request, CompletionFields)
        prompts = prompts_of(fields.prompt, "prompt")
        _check(fields)
        start = await start_of(fields.state_id, self._services.host.offered)
        made = _Completions(fields, (prompts, start), self._services, record_of(request.scope))
        return StreamAnswer(made.chunks()) if fields.stream else JsonAnswer(made.whole)


def prompts_of(given: str | list[str | int | list[int]], name: str) -> list[Prompt]:
    """Texts or token ids, each a prompt of its own.  Raises ServerRefused."""
    if isinstance(given, str):
        given = [given]
    if given and all(isinstance(one, int) for one in given):
        return [Tokens(tuple(one for one in given if isinstance(one, int)))]
    prompts: list[Prompt] = []
    for one in given:
        if isinstance(one, int):
            raise ServerRefused(why="field", name=name)
        prompts.append(Text(one) if isinstance(one, str) else Tokens(tuple(one)))
    if not prompts or len(prompts) > MOST_PROMPTS:
        raise ServerRefused(why="field", name=name)
    check_length(*(one for one in given if isinstance(one, str)))
    return prompts


def _check(fields: CompletionFields) -> None:
    if fields.suffix:
        raise ServerRefused(why="field-unknown", name="suffix")
    if fields.best_of not in (None, fields.n or 1):
        raise ServerRefused(why="field-unknown", name="best_of")
    options_of(fields, Sampling(), fields.max_tokens, Outputs())
    top_of(fields.logprobs, "logprobs")
    count_of(fields.n)


class _Completions:
    """The answer to one request: ``n`` texts of each prompt, in the prompts' order."""

    def __init__(
        self,
        fields: CompletionFields,
        asked: tuple[list[Prompt], StartState | None],
        services: Services,
        record: RequestRecord,
    ) -> None:
        self._fields, (self._prompts, self._start) = fields, asked
        self._services, self._record = services, record
        self._count = count_of(fields.n)
        self._usage = Usage()
        self._head = {
            "id": f"cmpl-{secrets.token_hex(12)}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": fields.model or "",
        }

    @property
    def _texts(self) -> int:
        return len(self._prompts) * self._count

    async def whole(self) -> dict[str, Any]:
        """All texts, when they have ended."""
        choices = [_Choice(place) for place in range(self._texts)]
        async with contextlib.aclosing(self._told()) as told:
            async for place, text, logprobs, finish in told:
                choices[place].note(text, logprobs, finish)
        shown = [choice.told() for choice in choices]
        return {**self._head, "choices": shown, "usage": self._usage.told()}

    async def chunks(self) -> AsyncGenerator[dict[str, Any], None]:
        """Pieces of all texts as they come."""
        options = self._fields.stream_options
        usage = {"usage": None} if options and options.include_usage else {}
        async with contextlib.aclosing(self._told()) as told:
            async for place, text, logprobs, finish in told:
                choice = {
                    "index": place,
                    "text": text,
                    "logprobs": logprobs,
                    "finish_reason": finish,
                }
                yield {**self._head, "choices": [choice], **usage}
        if usage:
            yield {**self._head, "choices": [], "usage": self._usage.told()}

    async def _told(
        self,
    ) -> AsyncGenerator[tuple[int, str, dict[str, Any] | None, str | None], None]:
        """Place, more text, its tokens where they are wanted, and why it ended."""
        fields, record = self._fields, self._record
        async with self._services.host.admitted(fields.model or "", self._texts) as model:
            self._head["model"] = record.model = model.id
            entries = await self._entries(model)
            if fields.echo:
                for place in range(self._texts):
                    text, logprobs = await self._echo(place, model, entries)
                    yield place, text, logprobs, None
            async with contextlib.aclosing(run_texts(self._asked(model), model)) as events:
                async for place, event in events:
                    if isinstance(event, Piece):
                        record.written += len(event.tokens)
                        told = entries[place].told(event.tokens) if entries else None
                        yield place, event.text, told, None
                    elif isinstance(event, Done):
                        self._usage.note(event, place // self._count)
                        record.read, record.cached = self._usage.read, self._usage.cached
                        yield place, "", None, finish_reason(event)

    async def _entries(self, model: OpenModel) -> list[CompletionLogprobs]:
        if self._fields.logprobs is None:
            return []
        texts = TokenTexts(await model.vocabulary())
        return [CompletionLogprobs(texts, self._fields.logprobs) for _ in range(self._texts)]

    def _asked(self, model: OpenModel) -> list[AskedText]:
        fields = self._fields
        top = fields.logprobs
        outputs = Outputs() if top is None else Outputs(logprob=True, top=top)
        options = options_of(fields, model.loaded.sampling, fields.max_tokens, outputs)
        afresh = fields.cache_prompt is False
        return [
            AskedText(prompt, options, self._start, afresh).seeded(place)
            for prompt in self._prompts
            for place in range(self._count)
        ]

    async def _echo(
        self, place: int, model: OpenModel, entries: list[CompletionLogprobs]
    ) -> tuple[str, dict[str, Any] | None]:
        """The prompt, and how likely its tokens were if that is wanted."""
        prompt = self._prompts[place // self._count]
        encoded = await model.runner.encode(prompt)
        if not entries:
            return encoded.text, None
        scores: list[TokenScore] = []
        top = self._fields.logprobs or 0
        async with contextlib.aclosing(model.runner.score(prompt, top)) as events:
            async for event in events:
                if isinstance(event, Scored):
                    scores += event.tokens
        return encoded.text, entries[place].told(scores)


class _Choice:
    """One text that is told as a whole."""

    def __init__(self, place: int) -> None:
        self._place, self._text = place, ""
        self._logprobs: dict[str, Any] | None = None
        self._finish: str | None = None

    def note(self, text: str, logprobs: dict[str, Any] | None, finish: str | None) -> None:
        self._text += text
        self._finish = finish or self._finish
        if logprobs is not None:
            known = self._logprobs or {name: [] for name in logprobs}
            self._logprobs = {name: known[name] + logprobs[name] for name in logprobs}

    def told(self) -> dict[str, Any]:
        return {
            "index": self._place,
            "text": self._text,
            "logprobs": self._logprobs,
            "finish_reason": self._finish,
        }

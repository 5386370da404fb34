"""The small addresses: models, health, tokens and metrics."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from app.errors import ServerRefused
from app.runtime.protocol.prompts import Text, Tokens
from app.runtime.protocol.token_spans import unpack

from .http.answers import JsonAnswer
from .http.request_body import check_length, read_body
from .http.request_record import record_of
from .offered_models import OfferedModel
from .server_metrics import Now
from .server_services import Services

_OWNER = "rookery"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


class TokenizeFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request of /tokenize, as llama.cpp's server has it."""

    content: str | None = None
    prompt: str | None = None
    model: str | None = None
    with_pieces: bool = False


class DetokenizeFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request of /detokenize."""

    tokens: list[int]
    model: str | None = None


class PlainEndpoints:
    """Answers with what ``services`` have."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def models(self, request: Request) -> ASGIApp:
        """The models offered, the open one first."""

        async def made() -> Any:
            listed = await self._services.host.offered.listed()
            return {"object": "list", "data": [_entry(one) for one in listed]}

        return JsonAnswer(made)

    async def model(self, request: Request) -> ASGIApp:
        """One of them."""

        async def made() -> Any:
            return _entry(await self._services.host.offered.find(request.path_params["name"]))

        return JsonAnswer(made)

    async def health(self, request: Request) -> ASGIApp:
        """ok, or that a model is being loaded."""

        async def made() -> Any:
            admission = self._services.host.admission
            if admission.loading:
                raise ServerRefused(why="loading", wait_s=2)
            running, waiting = admission.running, admission.waiting
            return {"status": "ok", "texts_running": running, "texts_waiting": waiting}

        return JsonAnswer(made)

    async def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        admission = self._services.host.admission
        now = Now(admission.running, admission.waiting)
        return PlainTextResponse(self._services.metrics.text(now), media_type=_METRICS)

    async def tokenize(self, request: Request) -> ASGIApp:
        """The token ids of a text as it stands."""
        fields = await read_body(request, TokenizeFields)
        text = fields.content if fields.content is not None else fields.prompt
        if text is None:
            raise ServerRefused(why="field", name="content")
        check_length(text)

        async def made() -> Any:
            async with self._services.host.admitted(fields.model or "") as model:
                record_of(request.scope).model = model.id
                encoded = await model.runner.encode(Text(text))
                ids = unpack(encoded.ids)
                if not fields.with_pieces:
                    return {"tokens": ids}
                pieces = (await model.vocabulary()).pieces
                return {"tokens": [{"id": one, "piece": _piece(pieces[one])} for one in ids]}

        return JsonAnswer(made)

    async def detokenize(self, request: Request) -> ASGIApp:
        """The text of token ids."""
        fields = await read_body(request, DetokenizeFields)

        async def made() -> Any:
            async with self._services.host.admitted(fields.model or "") as model:
                record_of(request.scope).model = model.id
                encoded = await model.runner.encode(Tokens(tuple(fields.tokens)))
                return {"content": encoded.text}

        return JsonAnswer(made)


def _entry(model: OfferedModel) -> dict[str, Any]:
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": _OWNER,
    }


def _piece(piece: bytes) -> str | list[int]:
    """As text, or as bytes where it is no whole character."""
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return list(piece)

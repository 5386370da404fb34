"""The addresses of the server, and what a request passes before it comes to one."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import Failure, ServerRefused

from .api_description import api_description
from .http.answers import send_refusal
from .http.guards import LOCAL_ORIGINS, HostGuard, KeyGuard
from .http.request_record import Recorded
from .ollama.ollama_models import OllamaModels
from .ollama.ollama_texts import OllamaTexts
from .openai.chat_endpoint import ChatEndpoint
from .openai.completion_endpoint import CompletionEndpoint
from .openai.embedding_endpoint import EmbeddingEndpoint
from .openai.response_endpoint import ResponseEndpoint
from .plain_endpoints import PlainEndpoints
from .server_services import Services

Endpoint = Callable[[Request], Awaitable[ASGIApp]]


@dataclass(frozen=True)
class Access:
    """Who may ask: with this ``key`` if it is not "", by one of these names, from these pages.

    ``names`` None lets any name pass, as behind a key on other addresses than this computer's own.
    """

    key: str = ""
    names: tuple[str, ...] | None = ()
    origins: tuple[str, ...] = ()


def http_app(services: Services, access: Access) -> ASGIApp:
    """All of it as one ASGI app."""
    plain = PlainEndpoints(services)
    routes: list[BaseRoute] = [
        *_both("/models", plain.models, "GET"),
        *_both("/models/{name:path}", plain.model, "GET"),
        *_both("/health", plain.health, "GET"),
        *_both("/metrics", plain.metrics, "GET"),
        *_both("/tokenize", plain.tokenize),
        *_both("/detokenize", plain.detokenize),
        *_both("/chat/completions", ChatEndpoint(services).answer),
        *_both("/completions", CompletionEndpoint(services).answer),
        *_both("/embeddings", EmbeddingEndpoint(services).answer),
        *_both("/responses", ResponseEndpoint(services).answer),
        Route("/openapi.json", _routed(api_description), methods=["GET"]),
        *_ollama(services),
    ]
    refusals = {
        Failure: _refused,
        HTTPException: _no_route,
        ClientDisconnect: _gone,
        Exception: _broken,  # a bug, which is raised and logged as well
    }
    app: ASGIApp = Starlette(routes=routes, exception_handlers=refusals)
    app = KeyGuard(app, access.key)
    app = CORSMiddleware(
        app,
        allow_origins=access.origins,
        allow_origin_regex=LOCAL_ORIGINS,
        allow_methods=("GET", "POST"),
        allow_headers=("*",),
    )
    if access.names is not None:
        app = HostGuard(app, access.names)
    return Recorded(app, services.records)


def _both(path: str, endpoint: Endpoint, *methods: str) -> Sequence[Route]:
    """Below /v1 and without it, for clients are told both."""
    taken = list(methods or ("POST",))
    return [Route(f"{before}{path}", _routed(endpoint), methods=taken) for before in ("/v1", "")]


def _ollama(services: Services) -> Sequence[Route]:
    texts, models = OllamaTexts(services), OllamaModels(services)
    refused = [
        Route(f"/api/{verb}", _routed(models.refuse), methods=["POST", "DELETE"])
        for verb in ("pull", "push", "create", "copy", "delete")
    ]
    return [
        Route("/", models.root, methods=["GET", "HEAD"]),
        Route("/api/version", _routed(models.version), methods=["GET"]),
        Route("/api/tags", _routed(models.tags), methods=["GET"]),
        Route("/api/ps", _routed(models.running), methods=["GET"]),
        Route("/api/show", _routed(models.show), methods=["POST"]),
        Route("/api/chat", _routed(texts.chat), methods=["POST"]),
        Route("/api/generate", _routed(texts.generate), methods=["POST"]),
        Route("/api/embed", _routed(models.embed), methods=["POST"]),
        Route("/api/embeddings", _routed(models.embed), methods=["POST"]),
        *refused,
    ]


def _routed(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """As starlette types it: whatever is returned is only called."""

    async def routed(request: Request) -> Response:
        return await endpoint(request)  # type: ignore[return-value]

    return routed


class _Refusal(Response):
    """A failure before the answer began."""

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self._failure = failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        await send_refusal(scope, send, self._failure)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Failure)
    return _Refusal(error)


async def _no_route(request: Request, error: Exception) -> Response:
    path = request.url.path[:80]
    if getattr(error, "status_code", 404) == 405:
        return _Refusal(ServerRefused(why="method", name=path, value=request.method))
    return _Refusal(ServerRefused(why="no-address", name=path))


async def _broken(request: Request, error: Exception) -> Response:
    return _Refusal(Failure())


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)

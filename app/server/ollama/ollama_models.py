"""The other addresses below /api: which models there are, and embeddings."""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from app import __version__
from app.errors import ServerRefused
from app.server.http.answers import JsonAnswer
from app.server.http.request_body import read_body
from app.server.http.request_record import record_of
from app.server.offered_models import OfferedModel
from app.server.openai.completion_endpoint import prompts_of
from app.server.openai.embedding_endpoint import embedded, embedding_name
from app.server.replies.token_usage import Usage
from app.server.server_services import Services

from .ollama_fields import OllamaEmbedFields, OllamaNameFields

_RUNNING = "Ollama is running"  # by these very words programs know it
_CAPABILITIES = ("completion", "tools", "embedding")


class OllamaModels:
    """Answers with what ``services`` have."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def root(self, request: Request) -> Response:
        """That it runs."""
        return PlainTextResponse(_RUNNING)

    async def version(self, request: Request) -> ASGIApp:
        """The program's."""

        async def made() -> Any:
            return {"version": __version__}

        return JsonAnswer(made)

    async def tags(self, request: Request) -> ASGIApp:
        """The models offered."""

        async def made() -> Any:
            listed = await self._services.host.offered.listed()
            return {"models": [_entry(one) for one in listed]}

        return JsonAnswer(made)

    async def running(self, request: Request) -> ASGIApp:
        """The open model."""

        async def made() -> Any:
            host = self._services.host
            if host.runner.loaded is None:
                return {"models": []}
            one = await host.offered.find("")
            return {"models": [{**_entry(one), "size_vram": 0, "expires_at": _NEVER}]}

        return JsonAnswer(made)

    async def show(self, request: Request) -> ASGIApp:
        """What is known of a model."""
        fields = await read_body(request, OllamaNameFields)

        async def made() -> Any:
            one = await self._services.host.offered.find(fields.model or fields.name)
            details = _entry(one)["details"]
            about = {
                "general.architecture": "rwkv",
                "general.parameter_count": one.parameters,
            }
            return {
                "modelfile": "",
                "parameters": "",
                "template": "",
                "details": details,
                "model_info": about,
                "capabilities": _CAPABILITIES,
            }

        return JsonAnswer(made)

    async def embed(self, request: Request) -> ASGIApp:
        """Texts as vectors."""
        fields = await read_body(request, OllamaEmbedFields)
        given = fields.input if fields.input is not None else fields.prompt
        if given is None:
            raise ServerRefused(why="field", name="input")
        old = fields.input is None
        texts: list[Any] = [given] if isinstance(given, str) else list(given)

        async def made() -> Any:
            usage, prompts = Usage(), prompts_of(texts, "input")
            async with self._services.host.admitted(fields.model, len(prompts)) as model:
                vectors = await embedded(prompts, model, usage, record_of(request.scope))
            lists = [vector.tolist() for vector in vectors]
            if old:
                return {"embedding": lists[0]}
            return {
                "model": embedding_name(model),
                "embeddings": lists,
                "prompt_eval_count": usage.read,
            }

        return JsonAnswer(made)

    async def refuse(self, request: Request) -> ASGIApp:
        """Nothing is fetched, copied or deleted."""
        raise ServerRefused(why="not-here", name=request.url.path)


_NEVER = "0001-01-01T00:00:00Z"


def _entry(model: OfferedModel) -> dict[str, Any]:
    changed = datetime.fromtimestamp(model.created, UTC).isoformat().replace("+00:00", "Z")
    return {
        "name": model.id,
        "model": model.id,
        "modified_at": changed,
        "size": model.bytes,
        "digest": model.fingerprint,
        "details": {
            "parent_model": "",
            "format": model.format,
            "family": "rwkv",
            "families": ["rwkv"],
            "parameter_size": f"{model.parameters / 1e9:.1f}B",
            "quantization_level": model.dtype,
        },
    }

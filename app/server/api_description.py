"""GET /openapi.json: what requests may hold, made from the very types that they are read into."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from app import __version__

from .http.answers import JsonAnswer
from .ollama.ollama_fields import (
    OllamaChatFields,
    OllamaEmbedFields,
    OllamaGenerateFields,
    OllamaNameFields,
)
from .openai.request_fields import ChatFields, CompletionFields, EmbeddingFields
from .openai.response_fields import ResponseFields
from .plain_endpoints import DetokenizeFields, TokenizeFields

BODIES: dict[str, type[msgspec.Struct]] = {
    "/v1/chat/completions": ChatFields,
    "/v1/completions": CompletionFields,
    "/v1/embeddings": EmbeddingFields,
    "/v1/responses": ResponseFields,
    "/tokenize": TokenizeFields,
    "/detokenize": DetokenizeFields,
    "/api/chat": OllamaChatFields,
    "/api/generate": OllamaGenerateFields,
    "/api/embed": OllamaEmbedFields,
    "/api/embeddings": OllamaEmbedFields,
    "/api/show": OllamaNameFields,
}
"""What is posted where."""

_READ = ("/v1/models", "/health", "/metrics", "/api/version", "/api/tags", "/api/ps")
_REFUSED = ("400", "401", "403", "404", "408", "413", "415", "429", "500", "503")


async def api_description(request: Request) -> ASGIApp:
    """The description as JSON."""

    async def made() -> dict[str, Any]:
        return described()

    return JsonAnswer(made)


def described() -> dict[str, Any]:
    """All addresses in OpenAPI 3.1."""
    place = "#/components/schemas/{name}"
    schemas, components = msgspec.json.schema_components(BODIES.values(), ref_template=place)
    answers = {"200": {"description": "an answer"}} | {
        status: {"description": "a refusal in words"} for status in _REFUSED
    }
    paths: dict[str, Any] = {
        path: {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": schema}},
                },
                "responses": answers,
            }
        }
        for path, schema in zip(BODIES, schemas, strict=True)
    }
    paths |= {path: {"get": {"responses": answers}} for path in _READ}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rookery", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }

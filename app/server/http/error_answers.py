"""Failures as statuses and bodies: as OpenAI's libraries read them, and below /api as Ollama's."""

from typing import Any

import msgspec

from app.errors import (
    CheckpointError,
    Failure,
    NoModel,
    OutOfMemory,
    RequestRefused,
    ServerRefused,
    StrategyError,
    TokenizerError,
)
from app.messages.failures import one_line

_BY_REASON = {
    "body-large": 413,
    "body-slow": 408,
    "host": 403,
    "key": 401,
    "loading": 503,
    "method": 405,
    "no-address": 404,
    "not-here": 501,
    "not-json": 415,
    "queue-full": 429,
    "state-unknown": 404,
    "stopping": 503,
    "unknown-model": 404,
}
_CODES = {
    "unknown-model": "model_not_found",
    "key": "invalid_api_key",
    "queue-full": "rate_limit_exceeded",
    "prompt-long": "context_length_exceeded",
}
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_BUSY_S = "2"


def status_of(failure: Failure) -> int:
    """The HTTP status of a request that failed so before anything was sent."""
    if isinstance(failure, ServerRefused):
        return _BY_REASON.get(str(failure.facts.get("why")), 400)
    if isinstance(failure, RequestRefused | TokenizerError | StrategyError):
        return 400
    if isinstance(failure, NoModel | OutOfMemory):
        return 503
    return 500


def body_of(failure: Failure, status: int) -> dict[str, Any]:
    """As OpenAI's libraries read it; ``param`` is the field that it is about."""
    why = str(failure.facts.get("why", ""))
    name = failure.facts.get("name")
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {
        "error": {
            "message": words_of(failure),
            "type": _TYPES.get(status, kind),
            "param": name if why.startswith(("field", "sampling")) else None,
            "code": _CODES.get(why, why or failure.code),
        }
    }


def words_of(failure: Failure) -> str:
    """The sentences; where a model's file lies is not told."""
    if isinstance(failure, CheckpointError):
        facts = {name: fact for name, fact in failure.facts.items() if name != "folder"}
        return one_line(type(failure)(failure.detail, **facts))
    return one_line(failure)


def headers_of(failure: Failure, status: int) -> dict[str, str]:
    """When to ask again, and how to show a key."""
    if status in (429, 503):
        return {"retry-after": str(failure.facts.get("wait_s", _BUSY_S))}
    return {"www-authenticate": "Bearer"} if status == 401 else {}


def refusal_bytes(failure: Failure, status: int, *, ollama: bool) -> bytes:
    """The body as JSON."""
    if ollama:
        return msgspec.json.encode({"error": words_of(failure)})
    return msgspec.json.encode(body_of(failure, status))

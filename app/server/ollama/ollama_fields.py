"""The fields of requests as Ollama names them, as those of the other addresses."""

import json
from typing import Any

import msgspec

from app.errors import ServerRefused
from app.runtime.protocol.grammars import Grammar
from app.server.openai.request_fields import SamplingFields, Tool


class OllamaOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a text is written; ``num_predict`` -1 is as many tokens as may be."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    seed: int | None = None
    num_predict: int | None = None
    stop: str | list[str] | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class OllamaFunction(msgspec.Struct, frozen=True, kw_only=True):
    """What was called; ``arguments`` is an object."""

    name: str
    arguments: dict[str, Any] = {}


class OllamaCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call in a message."""

    function: OllamaFunction


class OllamaMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message."""

    role: str
    content: str = ""
    images: list[str] | None = None
    tool_calls: list[OllamaCall] | None = None


class OllamaFields(msgspec.Struct, frozen=True, kw_only=True):
    """What /api/chat and /api/generate have in common."""

    model: str = ""
    stream: bool = True
    format: str | dict[str, Any] | None = None
    options: OllamaOptions = OllamaOptions()
    think: bool | str | None = None


class OllamaChatFields(OllamaFields, frozen=True, kw_only=True):
    """A request of /api/chat; without messages the model is only opened."""

    messages: list[OllamaMessage] = []
    tools: list[Tool] | None = None


class OllamaGenerateFields(OllamaFields, frozen=True, kw_only=True):
    """A request of /api/generate; a ``raw`` prompt goes on as it stands."""

    prompt: str = ""
    system: str = ""
    suffix: str = ""
    images: list[str] | None = None
    raw: bool = False


class OllamaEmbedFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request of /api/embed and of /api/embeddings, the older one."""

    model: str = ""
    input: str | list[str] | None = None
    prompt: str | None = None


class OllamaNameFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is about a model."""

    model: str = ""
    name: str = ""


def sampling_fields(options: OllamaOptions) -> SamplingFields:
    """The same as the other addresses have it."""
    told = msgspec.structs.asdict(options)
    del told["num_predict"]
    return SamplingFields(**told)


def grammar_in(form: str | dict[str, Any] | None) -> Grammar | None:
    """json is any object, and an object a schema.  Raises ServerRefused."""
    if not form:
        return None
    if isinstance(form, dict):
        return Grammar(kind="json-schema", text=json.dumps(form))
    if form != "json":
        raise ServerRefused(why="field-value", name="format", value=form[:40], wanted="json")
    return Grammar(kind="json-schema", text=json.dumps({"type": "object"}))

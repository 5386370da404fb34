"""The fields of requests as OpenAI's libraries and llama.cpp's server name them.

What is not here is ignored, as the libraries send more every year.
"""

from typing import Any

import msgspec


class StreamOptions(msgspec.Struct, frozen=True):
    """``include_usage`` asks for one more chunk with the tokens."""

    include_usage: bool = False


class JsonSchema(msgspec.Struct, frozen=True, kw_only=True):
    """The schema of an answer."""

    name: str = ""
    schema: dict[str, Any] | bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True, kw_only=True):
    """``type`` is text, json_object or json_schema."""

    type: str = "text"
    json_schema: JsonSchema | None = None


class SamplingFields(msgspec.Struct, frozen=True, kw_only=True):
    """What all requests for a text have; None is the model's own."""

    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    typical_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repeat_penalty: float | None = None
    repetition_penalty: float | None = None
    penalty_decay: float | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    grammar: str | None = None
    response_format: ResponseFormat | None = None
    state_id: str | None = None
    session_id: str | None = None
    cache_prompt: bool | None = None
    id_slot: int | None = None


class ContentPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message; ``type`` text, input_text, output_text or refusal is read."""

    type: str
    text: str | None = None
    refusal: str | None = None


Content = str | list[ContentPart] | None


class CalledFunction(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply has called."""

    name: str
    arguments: str | dict[str, Any] = "{}"


class MadeCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call in a reply."""

    function: CalledFunction
    id: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message; what it says of its own thought is dropped."""

    role: str
    content: Content = None
    tool_calls: list[MadeCall] | None = None
    tool_call_id: str | None = None
    name: str | None = None


class FunctionTool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that may be called, with the JSON schema of its arguments."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """``type`` is function."""

    type: str = "function"
    function: FunctionTool | None = None


class TemplateOptions(msgspec.Struct, frozen=True):
    """How vLLM and llama.cpp have thinking switched."""

    enable_thinking: bool | None = None


class ChatFields(SamplingFields, frozen=True, kw_only=True):
    """A request of /v1/chat/completions."""

    messages: list[Message]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Any] | None = None
    function_call: Any = None
    reasoning_effort: str | None = None
    reasoning_budget: int | None = None
    chat_template_kwargs: TemplateOptions | None = None


class CompletionFields(SamplingFields, frozen=True, kw_only=True):
    """A request of /v1/completions."""

    prompt: str | list[str | int | list[int]] = ""
    max_tokens: int | None = None
    logprobs: int | None = None
    echo: bool | None = None
    suffix: str | None = None
    best_of: int | None = None


class EmbeddingFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request of /v1/embeddings; ``task`` names a head of an embedding model."""

    input: str | list[str | int | list[int]]
    model: str | None = None
    encoding_format: str | None = None
    dimensions: int | None = None
    task: str | None = None

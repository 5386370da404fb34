"""A request of /v1/responses, as the conversation that it comes to."""

from typing import Any

import msgspec

from app.errors import ServerRefused
from app.server.chat_run import AskedChat

from .chat_endpoint import asked_chat
from .request_fields import (
    CalledFunction,
    ChatFields,
    ContentPart,
    FunctionTool,
    JsonSchema,
    MadeCall,
    Message,
    ResponseFormat,
    Tool,
)

_CALL, _RESULT = "function_call", "function_call_output"


class InputItem(msgspec.Struct, frozen=True, kw_only=True):
    """A message, a call, or what came of one; thoughts are dropped."""

    type: str = "message"
    role: str = "user"
    content: str | list[ContentPart] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[ContentPart] | None = None


class TextFormat(msgspec.Struct, frozen=True, kw_only=True):
    """What the text must be like."""

    type: str = "text"
    name: str = ""
    schema: dict[str, Any] | bool | None = None


class TextFields(msgspec.Struct, frozen=True, kw_only=True):
    """How the text is written."""

    format: TextFormat = TextFormat()


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it thinks."""

    effort: str | None = None


class FlatTool(msgspec.Struct, frozen=True, kw_only=True):
    """A function, its fields beside its type."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None


class ResponseFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request; nothing of it is kept, so none can go on from another one's id."""

    input: str | list[InputItem]
    model: str | None = None
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: list[FlatTool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    text: TextFields | None = None
    reasoning: Reasoning | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    background: bool | None = None
    seed: int | None = None
    session_id: str | None = None
    metadata: dict[str, Any] | None = None


def asked_response(fields: ResponseFields) -> AskedChat:
    """What a request comes to.  Raises ServerRefused and RequestRefused."""
    for name in ("previous_response_id", "conversation", "background"):
        if getattr(fields, name):
            raise ServerRefused(why="field-unknown", name=name)
    return asked_chat(
        ChatFields(
            messages=_messages(fields),
            model=fields.model,
            max_tokens=fields.max_output_tokens,
            temperature=fields.temperature,
            top_p=fields.top_p,
            seed=fields.seed,
            session_id=fields.session_id,
            tools=[_tool(one) for one in fields.tools or ()],
            tool_choice=fields.tool_choice,
            response_format=_format(fields.text),
            reasoning_effort=fields.reasoning.effort if fields.reasoning else None,
        )
    )


def _messages(fields: ResponseFields) -> list[Message]:
    given = fields.input
    items = [InputItem(content=given)] if isinstance(given, str) else given
    told = [Message(role="system", content=fields.instructions)] if fields.instructions else []
    return [*told, *(message for item in items if (message := _message(item)) is not None)]


def _message(item: InputItem) -> Message | None:
    if item.type == "reasoning":
        return None
    if item.type == _CALL:
        called = CalledFunction(name=item.name or "", arguments=item.arguments or "{}")
        return Message(role="assistant", tool_calls=[MadeCall(function=called)])
    if item.type == _RESULT:
        return Message(role="tool", content=item.output)
    if item.type != "message":
        wanted = f"message,{_CALL},{_RESULT},reasoning"
        raise ServerRefused(
            why="field-value", name="input.type", value=item.type[:40], wanted=wanted
        )
    return Message(role=item.role, content=item.content)


def _tool(tool: FlatTool) -> Tool:
    """Raises ServerRefused for tools that OpenAI runs itself."""
    if tool.type != "function" or tool.name is None:
        raise ServerRefused(
            why="field-value", name="tools.type", value=tool.type[:40], wanted="function"
        )
    function = FunctionTool(
        name=tool.name, description=tool.description, parameters=tool.parameters
    )
    return Tool(function=function)


def _format(text: TextFields | None) -> ResponseFormat | None:
    if text is None:
        return None
    form = text.format
    return ResponseFormat(
        type=form.type, json_schema=JsonSchema(name=form.name, schema=form.schema)
    )

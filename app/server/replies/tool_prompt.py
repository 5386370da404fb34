"""Tools in the words that G1 models were trained on, and the grammar of a call that must come."""

import json
from collections.abc import Sequence
from typing import Any

from app.runtime.protocol.grammars import Grammar

from .tool_calls import FENCE

_ONLY = "Return only a JSON function call."
_MAY = "To call a function, return only a JSON function call. Otherwise answer the user."


def tool_lines(tools: Sequence[tuple[str, str, Any]], *, must: bool) -> str:
    """The system text that names ``tools`` (name, description, JSON schema of the arguments)."""
    lines = [f"- {_signature(name, schema)}{_told(about)}" for name, about, schema in tools]
    return "\n".join(["Tools:", *lines, _ONLY if must else _MAY])


def call_text(name: str, arguments: str) -> str:
    """A call as the model writes it, for a reply that stands in the prompt."""
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        value = arguments
    told = json.dumps({"name": name, "arguments": value}, ensure_ascii=False)
    return f"{FENCE}\n{told}\n```"


def result_text(content: str) -> str:
    """What a tool has answered, as the user's turn."""
    return f"Function output:\n{content}"


def call_grammar(tools: Sequence[tuple[str, str, Any]]) -> Grammar:
    """One call of one of ``tools`` in its fence, with arguments that fit their schema."""
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": schema or {"type": "object"}},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for name, _, schema in tools
    ]
    schema = calls[0] if len(calls) == 1 else {"anyOf": calls}
    schema = {**schema, "x-guidance": {"whitespace_flexible": False}}
    lark = f'start: "{FENCE}\\n" call "\\n```"\ncall: %json {json.dumps(schema)}\n'
    return Grammar(kind="lark", text=lark)


def _signature(name: str, schema: Any) -> str:
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    required = schema.get("required", []) if isinstance(schema, dict) else []
    if not isinstance(properties, dict):
        return f"{name}()"
    fields = [
        f"{field}{'' if field in required else '?'}: {_type(about)}"
        for field, about in properties.items()
    ]
    return f"{name}({', '.join(fields)})"


def _type(schema: Any) -> str:
    """As TypeScript writes it."""
    if not isinstance(schema, dict):
        return "any"
    if isinstance(schema.get("enum"), list):
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " | ".join(map(str, kind))
    if kind == "array":
        return f"{_type(schema.get('items'))}[]"
    return str(kind)


def _told(about: str) -> str:
    return f": {' '.join(about.split())}" if about.strip() else ""

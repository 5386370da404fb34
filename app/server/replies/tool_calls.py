"""Calls of tools in a reply, in the three forms that G1 models write, and bare JSON.

A fence of JSON is what they were trained to; <tool_call> (as Hermes has it) and <tool_calls> are
what they write by themselves.
"""

import json
from typing import Any, NamedTuple

FENCE = "```json"
MARKS = (FENCE, "<tool_call>", "<tool_calls>")
BARE_MARKS = ("{", "[")
"""A reply that begins so may be a call without any mark."""

_MOST = 128


class ToolCall(NamedTuple):
    """One call; ``arguments`` is JSON."""

    name: str
    arguments: str


def calls_in(text: str, tools: frozenset[str]) -> list[ToolCall]:
    """The calls of ``tools`` that follow each other in ``text``; none unless all of it is such.

    Text that is left between them is not one: a fence with other JSON stays an answer.
    """
    found: list[ToolCall] = []
    for value in _values(text):
        for one in value if isinstance(value, list) else [value]:
            call = _call(one, tools)
            if call is None:
                return []
            found.append(call)
    return found[:_MOST]


def _values(text: str) -> list[Any]:
    """The JSON objects and lists in it, one after another."""
    decoder, at = json.JSONDecoder(), 0
    found: list[Any] = []
    while len(found) < _MOST:
        places = [place for mark in BARE_MARKS if (place := text.find(mark, at)) >= 0]
        if not places:
            break
        try:
            value, at = decoder.raw_decode(text, min(places))
        except (ValueError, RecursionError):
            break
        found.append(value)
    return found


def _call(value: Any, tools: frozenset[str]) -> ToolCall | None:
    if not isinstance(value, dict):
        return None
    function = value.get("function")
    inner = function if isinstance(function, dict) else value
    name = inner.get("name", function)
    arguments = inner.get("arguments", inner.get("parameters", {}))
    if not isinstance(name, str) or name not in tools:
        return None
    if isinstance(arguments, str):
        return ToolCall(name, arguments) if _is_object(arguments) else None
    if not isinstance(arguments, dict):
        return None
    return ToolCall(name, json.dumps(arguments, ensure_ascii=False))


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False

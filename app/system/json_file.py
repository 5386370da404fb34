"""JSON that the program keeps: read so that whatever is written there is a ValueError at worst.

It may come from anywhere: no UTF-8, half surrogate pairs, brackets a million deep.
"""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_DEEPEST = 100


def decode(text: bytes, kind: type[T]) -> T:
    """``kind`` out of JSON.  Raises ValueError whatever is wrong with it.

    A name of a file may be no text: half a surrogate pair, which ``encode`` wrote, comes back.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError:
        if b"\\ud" not in text and b"\\uD" not in text:
            raise
    return msgspec.convert(loads(text), kind)


def loads(text: bytes) -> Any:
    """Any JSON, _DEEPEST levels at most.  Raises ValueError whatever is wrong with it."""
    try:
        found = json.loads(text.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    level = [found]
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return found
    raise ValueError("it is nested too deeply")


def encode(value: object, *, indent: int = 0) -> bytes:
    """JSON that every reader takes, also where a text holds half a surrogate pair."""
    try:
        text = msgspec.json.encode(value)
        return msgspec.json.format(text, indent=indent) if indent else text
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), indent=indent or None).encode("ascii")


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()

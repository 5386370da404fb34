"""Reads a request's body: only JSON, only so much, only so long."""

import asyncio
import re
from typing import TypeVar

import msgspec
from starlette.requests import Request

from app.errors import ServerRefused

MOST_BYTES = 16 << 20
MOST_CHARACTERS = 4 << 20
"""Of all texts of one request."""

_PATIENCE_S = 60
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_JSON = "application/json"

T = TypeVar("T")


async def read_body(request: Request, kind: type[T]) -> T:
    """The body as ``kind``; fields that it does not have are ignored.

    Raises ServerRefused, and starlette's ClientDisconnect where the other side is gone.
    """
    return decoded(await _read(request), kind)


def decoded(body: bytes, kind: type[T]) -> T:
    """JSON as ``kind``.  Raises ServerRefused with the field that is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        said = str(error)
        place = _PLACE.search(said)
        name = place[1] if place and place[1] else "body"
        told = _PLACE.sub("", said).replace("`", "")
        raise ServerRefused(why="field", name=name, said=told) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ServerRefused(why="body-broken", said=str(error)[:200]) from error


async def _read(request: Request) -> bytes:
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != _JSON:
        told = {"value": kind[:80]} if kind else {}
        raise ServerRefused(why="not-json", **told)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MOST_BYTES:
        raise ServerRefused(why="body-large", limit_bytes=MOST_BYTES)
    parts, size = [], 0
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BYTES:
                    raise ServerRefused(why="body-large", limit_bytes=MOST_BYTES)
                parts.append(part)
    except TimeoutError as error:
        raise ServerRefused(why="body-slow", limit_s=_PATIENCE_S) from error
    return b"".join(parts)


def check_length(*texts: str) -> None:
    """Raise ServerRefused where the texts of a request are longer than any prompt may be."""
    if sum(map(len, texts)) > MOST_CHARACTERS:
        raise ServerRefused(why="prompt-long", limit=MOST_CHARACTERS)

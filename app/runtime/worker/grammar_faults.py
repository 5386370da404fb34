"""What a grammar would be refused for, and where in its text; asks no worker and no model."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from app.errors import RequestRefused
from app.runtime.generation.grammars.grammar_text import check_followed
from app.runtime.protocol.grammars import Grammar

_TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([{}\[\],:])|([^\s{}\[\],:"]+))', re.DOTALL)


class GrammarFault(NamedTuple):
    """Why a grammar is refused; it is wrong from character ``start`` to ``end``, if that is known.

    Both are 0 where it is not.
    """

    failure: RequestRefused
    start: int = 0
    end: int = 0


def fault_in(grammar: Grammar) -> GrammarFault | None:
    """None where it can be followed.  What is empty and needs a text has no fault yet either."""
    if grammar.kind != "json" and not grammar.text.strip():
        return None
    try:
        check_followed(grammar)
    except RequestRefused as failure:
        return GrammarFault(failure, *_place(grammar, failure))
    return None


def _place(grammar: Grammar, failure: RequestRefused) -> tuple[int, int]:
    text, facts = grammar.text, failure.facts
    if facts.get("why") == "schema-json":
        return _of_json(text)
    if grammar.kind == "json-schema":
        return place_of(text, str(facts.get("place", "")), str(facts.get("found", "")))
    return int(facts.get("at", 0)), int(facts.get("until", 0))


def _of_json(text: str) -> tuple[int, int]:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        at = min(error.pos, max(0, len(text) - 1))
        return at, at + 1
    except (ValueError, RecursionError):
        pass
    return 0, 0


def place_of(text: str, pointer: str, name: str = "") -> tuple[int, int]:
    """From where to where the value stands that a JSON pointer (RFC 6901) names in a JSON text.

    Where ``name`` is a key of that value, the key is meant.  (0, 0) for what is not there.
    """
    found = 0, 0
    for path, start, end in _values(text):
        if path == pointer:
            found = start, end
        if name and path == f"{pointer}/{_escaped(name)}#":
            return start, end
    return found


def _values(text: str) -> Iterator[tuple[str, int, int]]:
    """The pointer of each value with its place; keys have theirs with a # behind it."""
    path: list[str | int] = []
    opened: list[int] = []
    key_next: list[bool] = []
    for token in _TOKEN.finditer(text):
        mark, start = token[2], token.end() - len(token[0].lstrip())
        if mark in ("{", "["):
            opened.append(start)
            path.append(0 if mark == "[" else "")
            key_next.append(mark == "{")
        elif mark in ("}", "]"):
            if not opened:
                return
            path.pop()
            key_next.pop()
            yield _pointer(path), opened.pop(), token.end()
        elif mark == ",":
            if path and isinstance(path[-1], int):
                path[-1] += 1
            elif path:
                key_next[-1] = True
        elif mark == ":":
            continue
        elif key_next and key_next[-1]:
            key_next[-1], path[-1] = False, _plain(token[0])
            yield f"{_pointer(path)}#", start, token.end()
        else:
            yield _pointer(path), start, token.end()


def _plain(written: str) -> str:
    try:
        return str(json.loads(written))
    except ValueError:
        return written.strip().strip('"')


def _pointer(path: list[str | int]) -> str:
    return "".join(f"/{_escaped(str(step))}" for step in path)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")

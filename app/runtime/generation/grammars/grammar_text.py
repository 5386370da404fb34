"""What a grammar is in the form that llguidance reads, and what is refused before that.

Where something may stand before the text that is held to it, in a reply of a chat, that is a
grammar of its own, which leads to the other.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from app.errors import RequestRefused
from app.runtime.protocol.grammars import Grammar

from .error_places import place_in
from .schema_check import Part, checked_schema, parts_of

LONGEST = 1 << 17
"""Characters of a schema, expression or grammar."""

Errors = Callable[[str], str]
"""Compiles a text and tells in the library's words why it cannot be followed, "" where it can."""

_TRIES = 200
"""How many parts of a schema are compiled alone, to find the one that cannot be followed."""

_BETWEEN = r"( |\n( {0,40}|\t{0,20}))"
"""White space between the tokens of JSON: a space, or a new line with its indentation."""

_JSON_WAYS = {"whitespace_pattern": _BETWEEN, "lenient": False, "coerce_one_of": False}
_ANY_TOKENS = '%llguidance {"no_forcing": true}\n'
_OPEN, _CLOSE = "<think>", "</think>"
_UNHEEDED = re.compile(r"\[[^\]\n]*\b(temperature|max_tokens|stop)\s*=|(allow_invalid_utf8)")
_LONGEST_SAID = 300
_ERROR = re.compile(r"^error: (.+)$", re.MULTILINE)
_ADVICE = ". Enable "  # options of the library's own
_EXCERPT = re.compile(r"\n +\d+ \| ")


class Head(NamedTuple):
    """What stands before the text that is held to a grammar.

    ``lead`` is what the template has begun the reply with, ``begun`` what was written of the
    reply after that, ``join`` what a reply usually begins with.
    """

    lead: str = ""
    begun: str = ""
    join: str = ""


def check_grammar(grammar: Grammar) -> None:
    """Raise RequestRefused for what is no grammar of its kind, or is too long.

    What only compiling shows is found by ``check_followed``, and before the first token.
    """
    if len(grammar.text) > LONGEST:
        raise RequestRefused(why="grammar-size", value=len(grammar.text), most=LONGEST)
    if grammar.kind == "json-schema":
        checked_schema(grammar.text)
    elif grammar.kind == "lark" and (unheeded := _UNHEEDED.search(grammar.text)):
        raise RequestRefused(why="lark-option", found=unheeded[1] or unheeded[2])


def check_followed(grammar: Grammar) -> None:
    """As ``check_grammar``, and what only compiling shows as well, without a vocabulary."""
    check_grammar(grammar)
    if said := _errors(compiled_from(grammar, Head())):
        raise refusal(grammar, said, _errors)


def _errors(text: str) -> str:
    from llguidance import LLMatcher

    _, told = LLMatcher.validate_grammar_with_warnings(text)
    return told[0] if told else ""


def compiled_from(grammar: Grammar, head: Head, *, banned: bool = False) -> str:
    """What llguidance makes a matcher of; ``grammar`` has been checked.

    Bytes that are sure to follow come as the tokens in which they are usually written, but where
    tokens are ``banned``, which others may replace.
    """
    is_json = grammar.kind in ("json", "json-schema")
    before, body = _before(head, is_json=is_json), _body(grammar)
    if banned:
        before = _ANY_TOKENS + (before or "start: @body\n")
    if not before:
        return json.dumps({"grammars": [body]})
    return json.dumps({"grammars": [{"lark_grammar": before}, {"name": "body", **body}]})


def refusal(grammar: Grammar, said: str, errors: Errors) -> RequestRefused:
    """Why a grammar that has been checked cannot be followed; of a schema, which part of it.

    Of the others the facts ``at`` and ``until`` tell the characters, where these are known.
    """
    if grammar.kind in ("lark", "regex"):
        why = "grammar-refused" if grammar.kind == "lark" else "regex-refused"
        found = place_in(grammar, said)
        where = {"at": found.at, "until": found.until} if found else {}
        return RequestRefused(why=why, said=_shortened(said), **where)
    place = ""
    if isinstance(json.loads(grammar.text or "true"), dict):
        place, said = _wrong_part(grammar, said, errors)
    return RequestRefused(why="schema-refused", place=place, said=_shortened(said))


def _before(head: Head, *, is_json: bool) -> str:
    """The grammar of what may come first, "" for nothing: a thought to its end, and some space."""
    joins = head.join and not head.lead  # else the space stands before what the template began
    join = f"JOIN: {json.dumps(head.join)}\n" if joins else ""
    space = "JOIN? " if join else ""
    if (head.lead or head.begun).startswith(_OPEN[:-1]):
        closed = _CLOSE[:-1] in head.lead
        rest = ">" if closed else rf"{_OPEN[len(head.lead) :]}(?s:.*)<\/think>"
        gap = r"GAP: /[ \r\n\t]{1,4}/"
        return f"start: {space}thought GAP? @body\nthought[lazy]: /{rest}/\n{gap}\n{join}"
    if is_json:
        return f"start: GAP? @body\nGAP: /{_BETWEEN}/\n"
    return f"start: {space}@body\n{join}" if join else ""


def _body(grammar: Grammar) -> dict[str, Any]:
    if grammar.kind == "lark":
        return {"lark_grammar": grammar.text}
    if grammar.kind == "regex":
        return {"lark_grammar": f"start: /{_as_lark(grammar.text)}/"}
    schema = True if grammar.kind == "json" else json.loads(grammar.text)
    return _schema_body(schema)


def _schema_body(schema: Any) -> dict[str, Any]:
    """``schema`` True is any value, False none."""
    keywords = {} if schema is True else {"anyOf": [False]} if schema is False else schema
    return {"json_schema": {**keywords, "x-guidance": _JSON_WAYS}}


def _as_lark(expression: str) -> str:
    """An expression between slashes: those in it, and ends of line, are escaped."""
    from llguidance import regex_to_lark

    return regex_to_lark(expression, "")


def _wrong_part(grammar: Grammar, said: str, errors: Errors) -> tuple[str, str]:
    """The smallest part of a schema that cannot be followed alone either, and why."""
    whole = json.loads(grammar.text)
    named = {key: whole[key] for key in ("$defs", "definitions") if key in whole}
    part, tries = Part("", whole), 0
    while True:
        for inner in parts_of(part):
            tries += 1
            if tries > _TRIES:
                return part.place, said
            alone = {**named, **inner.schema} if isinstance(inner.schema, dict) else inner.schema
            if wrong := errors(json.dumps({"grammars": [_schema_body(alone)]})):
                part, said = inner, wrong
                break
        else:
            return part.place, said


def _shortened(said: str) -> str:
    """What is said of the place, without the excerpt that points at it."""
    inner = _ERROR.search(said)
    told = inner[1] if inner else _EXCERPT.split(said)[0].partition(_ADVICE)[0]
    return " ".join(told.split())[:_LONGEST_SAID]

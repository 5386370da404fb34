"""Reads a JSON schema before anything is made of it, so that a refusal names the part.

What is checked here are names and kinds of values; whether the parts make sense together is found
when the schema is compiled.  Keywords: JSON Schema 2020-12, validation and core.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from app.errors import RequestRefused

DEEPEST = 64
"""Schemas within schemas."""

MOST_PARTS, MOST_OPTIONAL = 2000, 400
"""Schemas in all, and properties of one object that may be left out, of which any may come next.

Finding out which may takes time that grows with the square of their number."""

_TYPES = {"null", "boolean", "object", "array", "number", "integer", "string"}


class Part(NamedTuple):
    """A schema within a schema, and the way to it as a JSON pointer (RFC 6901), "" at the top."""

    place: str
    schema: Any

    def below(self, *names: str | int) -> str:
        """The pointer to what is called so in it."""
        steps = (str(name).replace("~", "~0").replace("/", "~1") for name in names)
        return "/".join((self.place, *steps))


def checked_schema(text: str) -> Any:
    """The schema that is written as JSON in ``text``: a dict, or True for any value.

    Raises RequestRefused, with why "schema-json" (fact said) where it is no JSON, else
    "schema-keyword" or "schema-value" (facts place, found), "schema-deep" or "schema-large" (fact
    most).
    """
    try:
        schema = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(why="schema-json", said=str(error)[:200]) from error
    for count, part in enumerate(all_parts(Part("", schema))):
        if count == MOST_PARTS:
            raise RequestRefused(why="schema-large", place="", most=MOST_PARTS)
        _check(part)
    return schema


def all_parts(whole: Part) -> Iterator[Part]:
    """A schema and all within it, each before its own.  Raises as ``checked_schema`` does."""
    waiting = [(whole, 0)]
    while waiting:
        part, depth = waiting.pop()
        if depth > DEEPEST:
            raise RequestRefused(why="schema-deep", most=DEEPEST)
        yield part
        waiting += [(inner, depth + 1) for inner in reversed(list(parts_of(part)))]


def parts_of(part: Part) -> Iterator[Part]:
    """The schemas directly within one."""
    if not isinstance(part.schema, dict):
        return
    for name, value in part.schema.items():
        if name in _NAMED and isinstance(value, dict):
            for key, inner in value.items():
                yield Part(part.below(name, key), inner)
        elif name in _LISTED and isinstance(value, list):
            for number, inner in enumerate(value):
                yield Part(part.below(name, number), inner)
        elif name in _SINGLE:
            yield Part(part.below(name), value)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _check(part: Part) -> None:
    if isinstance(part.schema, bool):
        return
    if not isinstance(part.schema, dict):
        raise RequestRefused(why="schema-value", place=part.place, found=_shown(part.schema))
    for name, value in part.schema.items():
        if name in _ANNOTATIONS or (name.startswith("x-") and name != "x-guidance"):
            continue
        check = _KEYWORDS.get(name)
        if check is None:
            raise RequestRefused(why="schema-keyword", place=part.place, found=name[:60])
        if not check(value):
            place = part.below(name)
            raise RequestRefused(why="schema-value", place=place, found=_shown(value))
    named, required = part.schema.get("properties", {}), set(part.schema.get("required", ()))
    if part.schema.get("minProperties", 0) > len(required) + 1:  # free names may come twice
        raise RequestRefused(why="schema-keyword", place=part.place, found="minProperties")
    if len(named.keys() - required) > MOST_OPTIONAL:
        raise RequestRefused(why="schema-large", place=part.place, most=MOST_OPTIONAL)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name in _TYPES for name in names)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_full_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict | bool)


def _is_schema_or_list(value: Any) -> bool:
    return isinstance(value, dict | bool | list)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_anything(value: Any) -> bool:
    return True


_NAMED = ("properties", "patternProperties", "$defs", "definitions")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
_SINGLE = ("items", "additionalProperties", "additionalItems")

_KEYWORDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_NAMED, _is_object),
    **dict.fromkeys(("anyOf", "oneOf", "allOf"), _is_full_list),
    "prefixItems": _is_list,
    "items": _is_schema_or_list,
    **dict.fromkeys(("additionalProperties", "additionalItems"), _is_schema),
    "type": _is_type,
    "const": _is_anything,
    "enum": _is_full_list,
    "required": _is_names,
    **dict.fromkeys(("$ref", "$id", "id", "$anchor", "$schema", "pattern", "format"), _is_text),
    **dict.fromkeys(("minItems", "maxItems", "minProperties", "maxProperties"), _is_count),
    **dict.fromkeys(("minLength", "maxLength"), _is_count),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    "multipleOf": _is_positive,
}

_ANNOTATIONS = frozenset(
    (
        *("title", "description", "$comment", "default", "examples", "deprecated"),
        *("readOnly", "writeOnly", "contentMediaType", "contentEncoding"),
        *("discriminator", "example", "externalDocs"),  # OpenAPI's
    )
)
"""Keywords that tell a person something, and change nothing about what fits."""

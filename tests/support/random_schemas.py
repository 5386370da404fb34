"""JSON schemas of bounded depth made at random, and whether a value fits one, told plainly."""

import re

NAMES = ("id", "name", 'in "quotes"', "größe", "a b", "x/y~z", "", "\u4e16\u754c", "tab\t")
WORDS = ("red", "blue", "deep green", 'say "hi"', "back\\slash", "straße", "🐦")
PATTERNS = ("^[a-z]{2,5}$", "^(yes|no|perhaps)$", "^[0-9]{2}-[0-9]{2}$", "^A+B?$")


def random_schema(random, depth=3):
    """A schema without keywords that nothing can fit; a quarter of them have definitions."""
    schema = _any(random, depth)
    if random.random() < 0.25:
        named = {"item": _any(random, 1), "list/of": _any(random, 1)}
        outer = {"one": {"$ref": "#/$defs/item"}, "two": {"$ref": "#/$defs/list~1of"}}
        outer["three"] = schema
        shape = {"type": "object", "properties": outer, "required": ["one", "three"]}
        return {**shape, "additionalProperties": False, "$defs": named, "title": "a title"}
    return schema


def _any(random, depth):
    leaves = (_constant, _integer, _number, _text, _choice, _simple)
    branches = (_array, _tuple, _object, _object, _either, _map)
    return random.choice(leaves if depth <= 0 else leaves + branches * 2)(random, depth)


def _simple(random, depth):
    return random.choice(({"type": "null"}, {"type": "boolean"}, {"type": ["boolean", "null"]}))


def _constant(random, depth):
    return {"const": random.choice((*WORDS, 0, -17, True, None, [1, "a"], {"k": [None]}))}


def _choice(random, depth):
    return {"enum": random.sample((*WORDS, 1, 22, False, None), random.randint(1, 4))}


def _integer(random, depth):
    low = random.randint(-50, 50)
    schema = {"type": "integer", "minimum": low, "maximum": low + random.randint(0, 2000)}
    if random.random() < 0.2:
        schema = {"type": "integer", "minimum": 0, "maximum": 1000, "multipleOf": 7}
    return schema


def _number(random, depth):
    return {"type": "number", "exclusiveMinimum": -1, "maximum": random.randint(0, 9)}


def _text(random, depth):
    if random.random() < 0.4:
        return {"type": "string", "pattern": random.choice(PATTERNS)}
    return {"type": "string", "minLength": random.randint(0, 2), "maxLength": random.randint(2, 8)}


def _array(random, depth):
    least = random.randint(0, 2)
    schema = {"type": "array", "items": _any(random, depth - 1)}
    return {**schema, "minItems": least, "maxItems": least + random.randint(0, 2)}


def _tuple(random, depth):
    first = [_any(random, depth - 1) for _ in range(random.randint(1, 2))]
    return {"type": "array", "prefixItems": first, "items": False, "minItems": len(first)}


def _object(random, depth):
    names = random.sample(NAMES, random.randint(1, 4))
    schema = {
        "type": "object",
        "properties": {name: _any(random, depth - 1) for name in names},
        "additionalProperties": False,
    }
    if random.random() < 0.7:
        schema["required"] = random.sample(names, random.randint(0, len(names)))
    return schema


def _map(random, depth):
    return {"type": "object", "additionalProperties": {"type": "integer", "enum": [1, 2, 3]}}


def _either(random, depth):
    return {"anyOf": [_any(random, depth - 1) for _ in range(random.randint(2, 3))]}


def fits(value, schema, whole=None):
    """Whether a value that was read from JSON fits a schema of these keywords."""
    whole = schema if whole is None else whole
    if isinstance(schema, bool):
        return schema
    return all(
        _CHECKS[name](value, wanted, schema, whole)
        for name, wanted in schema.items()
        if name in _CHECKS
    )


def _same(one, other):
    """Equal as JSON, in which true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return one == other


def _is(value, name):
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {
        "null": value is None,
        "boolean": isinstance(value, bool),
        "integer": number and value == int(value),
        "number": number,
        "string": isinstance(value, str),
        "array": isinstance(value, list),
        "object": isinstance(value, dict),
    }[name]


def _type(value, wanted, schema, whole):
    return any(_is(value, name) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _for_kind(name, check):
    def checked(value, wanted, schema, whole):
        return not _is(value, name) or check(value, wanted)

    return checked


def _items(value, wanted, schema, whole):
    rest = value[len(schema.get("prefixItems", ())) :] if isinstance(value, list) else ()
    return all(fits(one, wanted, whole) for one in rest)


def _prefix(value, wanted, schema, whole):
    pairs = zip(value, wanted, strict=False) if isinstance(value, list) else ()
    return all(fits(one, inner, whole) for one, inner in pairs)


def _properties(value, wanted, schema, whole):
    return not isinstance(value, dict) or all(
        fits(value[name], inner, whole) for name, inner in wanted.items() if name in value
    )


def _others(value, wanted, schema, whole):
    named = schema.get("properties", {})
    rest = [value[name] for name in value if name not in named] if isinstance(value, dict) else ()
    return all(fits(one, wanted, whole) for one in rest)


def _reference(value, wanted, schema, whole):
    found = whole
    for step in wanted.removeprefix("#/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return fits(value, found, whole)


_CHECKS = {
    "type": _type,
    "const": lambda value, wanted, schema, whole: _same(value, wanted),
    "enum": lambda value, wanted, schema, whole: any(_same(value, one) for one in wanted),
    "anyOf": lambda value, wanted, schema, whole: any(fits(value, one, whole) for one in wanted),
    "minimum": _for_kind("number", lambda value, wanted: value >= wanted),
    "maximum": _for_kind("number", lambda value, wanted: value <= wanted),
    "exclusiveMinimum": _for_kind("number", lambda value, wanted: value > wanted),
    "multipleOf": _for_kind("number", lambda value, wanted: value % wanted == 0),
    "minLength": _for_kind("string", lambda value, wanted: len(value) >= wanted),
    "maxLength": _for_kind("string", lambda value, wanted: len(value) <= wanted),
    "pattern": _for_kind("string", lambda value, wanted: re.search(wanted, value) is not None),
    "minItems": _for_kind("array", lambda value, wanted: len(value) >= wanted),
    "maxItems": _for_kind("array", lambda value, wanted: len(value) <= wanted),
    "required": _for_kind("object", lambda value, wanted: set(wanted) <= value.keys()),
    "items": _items,
    "prefixItems": _prefix,
    "properties": _properties,
    "additionalProperties": _others,
    "$ref": _reference,
}

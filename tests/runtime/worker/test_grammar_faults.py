"""Where a grammar is wrong, in its own text."""

import json

import pytest

from app.runtime.protocol.grammars import Grammar
from app.runtime.worker.grammar_faults import fault_in, place_of


@pytest.mark.parametrize(
    ("kind", "text", "marked"),
    [
        ("json-schema", '{"type": "object",, "a": 1}', ","),
        ("json-schema", '{"type":\n "object", "gets": {"é": 1}}', '"gets"'),
        ("json-schema", '{"properties": {"a/b": {"type": "strong"}}}', '"strong"'),
        ("json-schema", '{"anyOf": [{"type": "string"}, {"minLength": -1}]}', "-1"),
        ("json-schema", '{"properties": {"a": {"type": "string", "pattern": "(?=x)"}}}', None),
        ("lark", 'start: "é" b\nb: "é" "', '"'),
        ("lark", 'start: "a" missing', "missing"),
        ("lark", "start: A\nA: /a(/", "("),
        ("lark", 'strat: "a"', None),
        ("regex", "a/(b", "("),
        ("regex", "é/c[z-a]de", "z-a"),
        ("regex", "x(?=x)y", "(?="),
        ("regex", "(", "("),
    ],
)
def test_a_fault_is_told_with_its_place(kind, text, marked):
    fault = fault_in(Grammar(kind=kind, text=text))
    assert fault is not None
    if marked is not None:
        assert text[fault.start : fault.end] == marked


def test_what_can_be_followed_or_is_not_written_yet_has_no_fault():
    for kind, text in (
        ("json", ""),
        ("json-schema", "  "),
        ("json-schema", '{"type": "object"}'),
        ("regex", "[a-z]+"),
        ("lark", 'start: "yes" | "no"'),
    ):
        assert fault_in(Grammar(kind=kind, text=text)) is None


def test_each_pointer_finds_its_value():
    value = {"a": [1, {"b": "c,]"}, []], "~/": {"": None}, "é": [True, '\\"']}
    text = json.dumps(value, ensure_ascii=False, indent=1)
    for pointer, found in (
        ("", value),
        ("/a", value["a"]),
        ("/a/1", value["a"][1]),
        ("/a/1/b", "c,]"),
        ("/a/2", []),
        ("/~0~1/", None),
        ("/é/1", '\\"'),
    ):
        start, end = place_of(text, pointer)
        assert json.loads(text[start:end]) == found
    assert place_of(text, "/nowhere") == (0, 0)

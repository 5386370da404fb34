"""A schema that cannot be followed is refused with the part that is to blame."""

import json

import pytest

from app.errors import RequestRefused
from app.runtime.generation.grammars.schema_check import DEEPEST, Part, all_parts, checked_schema


def refused(schema):
    return refused_text(json.dumps(schema))


def refused_text(text):
    with pytest.raises(RequestRefused) as raised:
        checked_schema(text)
    return raised.value.facts


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", '{"minimum": NaN}', "[" * 100_000])
def test_what_is_no_json_is_refused(text):
    assert refused_text(text)["why"] == "schema-json"


@pytest.mark.parametrize("schema", [[], 3, None, "string"])
def test_a_schema_is_an_object_or_true_or_false(schema):
    assert refused(schema)["why"] == "schema-value"
    facts = refused({"items": {"properties": {"a": schema}}})
    assert facts["place"] == "/items/properties/a"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "text"),
        ("type", []),
        ("type", ["string", 1]),
        ("enum", []),
        ("anyOf", []),
        ("allOf", {}),
        ("properties", []),
        ("required", ["a", 1]),
        ("required", "a"),
        ("minLength", -1),
        ("maxItems", 2.5),
        ("maxLength", True),
        ("minimum", "1"),
        ("exclusiveMaximum", True),
        ("multipleOf", 0),
        ("pattern", 3),
        ("$ref", {}),
        ("additionalProperties", "no"),
    ],
)
def test_a_value_that_means_nothing_is_refused_with_its_place(name, value):
    facts = refused({"type": "object", "properties": {"a/b": {name: value}}})
    assert (facts["why"], facts["place"]) == ("schema-value", f"/properties/a~1b/{name}")
    assert facts["found"] == json.dumps(value)


@pytest.mark.parametrize("name", ["not", "if", "uniqueItems", "requierd", "x-guidance", "nullable"])
def test_a_keyword_that_is_not_followed_is_refused_and_never_passed_over(name):
    facts = refused({"anyOf": [{"type": "string"}, {"items": {name: {}}}]})
    assert facts == {"why": "schema-keyword", "place": "/anyOf/1/items", "found": name}


def test_more_names_than_can_be_told_apart_are_refused():
    assert refused({"minProperties": 2})["found"] == "minProperties"
    assert refused({"required": ["a"], "minProperties": 3})["found"] == "minProperties"
    checked_schema('{"required": ["a"], "minProperties": 2}')


def test_words_for_people_and_the_extensions_of_others_change_nothing():
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A thing",
        "description": "…",
        "examples": [{"not": 1}],
        "x-order": 3,
        "properties": {"not": {"default": {"if": 1}}, "if": True},
        "enum": [{"uniqueItems": 1}],
    }
    assert checked_schema(json.dumps(schema)) == schema


def test_schemas_within_each_other_have_a_limit():
    schema = {"type": "null"}
    for _ in range(DEEPEST):
        schema = {"items": schema}
    checked_schema(json.dumps(schema))
    assert refused({"items": schema}) == {"why": "schema-deep", "most": DEEPEST}


def test_parts_come_in_the_order_of_the_text_with_their_pointers():
    schema = {
        "properties": {"b": {"items": [True, {}]}, "a": {}},
        "$defs": {"c": {"anyOf": [{}]}},
        "const": {"properties": {"no": {}}},
    }
    assert [part.place for part in all_parts(Part("", schema))] == [
        "",
        "/properties/b",
        "/properties/b/items/0",
        "/properties/b/items/1",
        "/properties/a",
        "/$defs/c",
        "/$defs/c/anyOf/0",
    ]


def test_a_schema_of_which_too_much_may_be_left_out_is_refused():
    named = {f"k{i}": {} for i in range(401)}
    assert refused({"items": {"properties": named}}) == {
        "why": "schema-large",
        "place": "/items",
        "most": 400,
    }
    checked_schema(json.dumps({"properties": named, "required": list(named)}))
    assert refused({"anyOf": [{}] * 2000})["why"] == "schema-large"

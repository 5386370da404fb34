"""Templates and the columns that they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.batch.prompt_template import PromptTemplate, template_for
from app.batch.row_files import Row, Summary
from app.errors import RequestRefused

NAMES = ("text", "lang", "a b", "größe", "1")
LITERAL = st.text(st.characters(codec="utf-8", exclude_characters="{}"), max_size=8)


def summary(*columns, repeated=()):
    return Summary(tuple(columns), frozenset(repeated), 1, "")


@given(
    parts=st.lists(LITERAL | st.sampled_from(NAMES).map(lambda name: (name,)), max_size=8),
    values=st.fixed_dictionaries({name: st.text(max_size=8) for name in NAMES}),
    space=st.sampled_from(["", " ", "  "]),
)
def test_every_hole_is_filled_with_its_column_and_nothing_else_changes(parts, values, space):
    text = "".join(
        part if isinstance(part, str) else "{{" + space + part[0] + space + "}}" for part in parts
    )
    wanted = "".join(part if isinstance(part, str) else values[part[0]] for part in parts)
    assert template_for(text, "", summary(*NAMES)).filled(Row(values)) == wanted


def test_what_is_filled_in_is_not_looked_at_again():
    template = template_for("{{a}}{{b}}", "", summary("a", "b"))
    assert template.filled(Row({"a": "{{b}}", "b": "\\1 {{a}}"})) == "{{b}}\\1 {{a}}"


def test_braces_around_nothing_and_single_ones_stay():
    template = template_for("{{}} {a} {{a", "", summary("a"))
    assert template.filled(Row({"a": "x"})) == "{{}} {a} {{a"


@pytest.mark.parametrize(
    ("column", "columns", "meant"),
    [
        ("", ("text", "title"), "text"),
        ("title", ("text", "title"), "title"),
        ("", ("body",), "body"),
    ],
)
def test_text_is_the_column_asked_for_or_the_one_called_so_or_the_only_one(column, columns, meant):
    template = template_for("{{text}}!", column, summary(*columns))
    values = {name: name for name in columns}
    assert template.filled(Row(values)) == f"{meant}!"
    assert template.input_of(Row(values)) == meant


@pytest.mark.parametrize(
    ("text", "column", "columns", "why"),
    [
        ("{{name}}", "", ("a", "b"), "column-unknown"),
        ("{{text}}", "c", ("a", "b"), "column-unknown"),
        ("{{text}}", "", ("a", "b"), "column-unclear"),
        ("{{a}}", "", ("a", "b"), "column-twice"),
    ],
)
def test_a_name_that_means_nothing_is_refused_with_the_columns_there_are(
    text, column, columns, why
):
    with pytest.raises(RequestRefused) as refused:
        template_for(text, column, summary(*columns, repeated=("a",)))
    assert refused.value.facts["why"] == why
    assert refused.value.facts["wanted"] == "a, b"


def test_a_row_without_a_needed_value_has_no_prompt_and_one_without_another_has():
    template = PromptTemplate("{{a}}", None)
    assert template.filled(Row({"a": ""})) == ""
    assert template.input_of(Row({"a": "", "b": "x"})) == {"a": "", "b": "x"}
    for row in (Row({"b": "x"}), Row(broken=RequestRefused(why="row-no-json"))):
        with pytest.raises(RequestRefused):
            template.filled(row)

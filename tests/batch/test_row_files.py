"""What is read out of files of rows."""

import codecs
import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.batch.row_files import Row, RowFile
from app.errors import NotFound, RequestRefused, Unreadable
from app.messages.failures import say

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
FIELDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


def rows_of(folder, name, data):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    file = RowFile(str(path))
    return file.summary(), list(file.rows())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


@given(
    rows=st.lists(st.lists(FIELDS, min_size=2, max_size=2), max_size=5),
    kind=st.sampled_from(["csv", "tsv"]),
    encoding=st.sampled_from(ENCODINGS),
    ends=st.sampled_from(["\r\n", "\n"]),
)
def test_a_table_comes_back_as_it_was_written_in_every_encoding(folder, rows, kind, encoding, ends):
    text = io.StringIO()
    delimiter = {"csv": ",", "tsv": "\t"}[kind]
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerows([["one", "two"], *rows])
    found, read = rows_of(folder, f"table.{kind}", text.getvalue().encode(encoding))
    assert (found.columns, found.rows) == (("one", "two"), len(rows))
    assert read == [Row({"one": one, "two": two}) for one, two in rows]


@given(
    values=st.lists(st.dictionaries(FIELDS, FIELDS | st.integers() | st.none(), min_size=1)),
    ascii_only=st.booleans(),
    encoding=st.sampled_from(ENCODINGS),
)
def test_json_lines_come_back_as_texts(folder, values, ascii_only, encoding):
    lines = "".join(json.dumps(value, ensure_ascii=ascii_only) + "\n" for value in values)
    found, read = rows_of(folder, "rows.jsonl", lines.encode(encoding))
    assert found.rows == len(values)
    assert set(found.columns) == {name for value in values for name in value}
    for row, value in zip(read, values, strict=True):
        assert row.values == {n: "" if v is None else str(v) for n, v in value.items()}


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")), max_size=6))
def test_each_line_of_a_text_is_a_row_an_empty_one_too(folder, lines):
    found, read = rows_of(folder, "lines.txt", "".join(line + "\n" for line in lines))
    if lines:
        lines = [lines[0].removeprefix("\ufeff"), *lines[1:]]
    assert [row.values["text"] for row in read] == lines
    assert found.rows == len(lines)


def test_a_last_line_needs_no_end_and_windows_ends_are_no_part_of_it(folder):
    _, read = rows_of(folder, "windows.txt", b"one\r\n\r\ntwo")
    assert [row.values["text"] for row in read] == ["one", "", "two"]


def test_a_short_row_lacks_values_and_a_long_one_is_broken_alone(folder):
    found, read = rows_of(folder, "ragged.csv", "a,b\n1,2\n3\n\n4,5,6\n7,8\n")
    assert found.rows == 4
    assert [row.values for row in read] == [
        {"a": "1", "b": "2"},
        {"a": "3"},
        {},
        {"a": "7", "b": "8"},
    ]
    assert "has 3 fields, and the header has 2" in say(read[2].broken).text
    assert read[2].raw == "4,5,6"


def test_lines_that_are_no_json_object_are_broken_alone(folder):
    lines = '{"a": {"b": [1, true]}}\nnot json\n[1]\n"a text"\n\n{"a": null}\n'
    found, read = rows_of(folder, "mixed.jsonl", lines + "[" * 100_000 + "\n")
    assert [bool(row.broken) for row in read] == [False, True, True, False, False, True]
    assert read[0].values == {"a": '{"b": [1, true]}'}
    assert read[3].values == {"text": "a text"}
    assert found.columns == ("a", "text")


def test_names_that_stand_twice_are_told_and_empty_ones_are_no_columns(folder):
    found, _ = rows_of(folder, "twice.csv", " a ,b,,a\n1,2,3,4\n")
    assert found.columns == ("a", "b")
    assert "a" in found.repeated
    assert "b" not in found.repeated


def test_a_huge_field_is_read(folder):
    _, read = rows_of(folder, "huge.csv", "text\n" + "x" * 300_000 + "\n")
    assert len(read[0].values["text"]) == 300_000


@pytest.mark.parametrize("name", ["empty.csv", "empty.tsv", "empty.jsonl", "empty.txt"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_an_empty_file_has_no_rows_and_no_error(folder, name, mark):
    found, read = rows_of(folder, name, mark)
    assert (found.rows, read) == (0, [])


def test_what_cannot_be_read_is_refused_in_words(folder, tmp_path):
    with pytest.raises(NotFound):
        RowFile(str(tmp_path / "absent.csv")).summary()
    with pytest.raises(Unreadable):
        RowFile(str(tmp_path)).summary()
    with pytest.raises(Unreadable, match="unreadable"):
        rows_of(folder, "latin.csv", "text\ncaf\xe9\n".encode("latin-1"))
    with pytest.raises(RequestRefused) as refused:
        rows_of(folder, "open.csv", 'text\n"never closed\nand on\n')
    assert refused.value.facts["why"] == "rows-unread"


def test_the_digest_tells_one_content_from_another(folder):
    one, _ = rows_of(folder, "a.txt", "one\n")
    again, _ = rows_of(folder, "b.txt", "one\n")
    other, _ = rows_of(folder, "b.txt", "two\n")
    assert one.digest == again.digest != other.digest

"""Tables as output: what they hold, and where a row of them ends."""

import contextlib
import csv
import io

import pytest

from app.batch.output_file import OutputFile
from app.batch.output_forms import JsonLines, Table, form_of
from app.batch.row_files import Row, RowFile
from app.errors import DiskFull, RequestRefused

COLUMNS = ("id", "output")
TEXTS = ('He said "no"\nand, left', "", 'a "', "日本\r\nline")


def line(row, text, error=""):
    made = {"row": row, "input": f"in {row}", "text": text, "tokens": [1, 2], "stop_reason": "end"}
    return {**made, "error": error} if error else made


def rows(count):
    return [Row({"id": f'{at}\n"x"', "output": "given"}) for at in range(count)]


def read(data):
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def whole(path):
    with contextlib.closing(OutputFile(path, resume=False, form=Table(COLUMNS))) as output:
        output.append([line(at, text) for at, text in enumerate(TEXTS)], rows(4))
    return path.read_bytes()


def test_a_table_has_the_columns_of_its_input_and_names_of_its_own_beside_them(tmp_path):
    header, first, *_ = read(whole(tmp_path / "out.csv"))
    assert header == ["row", "id", "output", "output_", "stop_reason", "tokens", "error"]
    assert first == ["0", '0\n"x"', "given", TEXTS[0], "end", "2", ""]
    assert RowFile(str(tmp_path / "out.csv")).summary().rows == 4


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_table_that_was_cut_anywhere_goes_on_to_the_same_bytes(tmp_path, cut):
    there, path = whole(tmp_path / "whole.csv"), tmp_path / "out.csv"
    path.write_bytes(there[:-cut])
    with contextlib.closing(OutputFile(path, resume=True, form=Table(COLUMNS))) as output:
        output.keep_groups_of(1, 4)
        left = range(output.lines, 4)
        output.append([line(at, TEXTS[at]) for at in left], [rows(4)[at] for at in left])
        assert [output.read(at)["text"] for at in range(4)] == list(TEXTS)
    assert path.read_bytes() == there


def test_another_table_is_refused(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("a,b\n1,2\n")
    output = OutputFile(path, resume=True, form=Table(COLUMNS))
    with contextlib.closing(output), pytest.raises(RequestRefused) as refused:
        output.keep_groups_of(1, 4)
    assert refused.value.facts["why"] == "output-other"


@pytest.mark.parametrize("form", [JsonLines(), Table(COLUMNS)])
def test_rows_that_failed_are_replaced_in_their_places(tmp_path, form, monkeypatch):
    path = tmp_path / "out"
    with contextlib.closing(OutputFile(path, resume=False, form=form)) as output:
        output.append([line(0, "a"), line(1, "", "no"), line(2, "c"), line(3, "", "no")], rows(4))
        before = path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", _full)
            with pytest.raises(DiskFull):
                output.replace({1: line(1, "b")}, {})
        assert path.read_bytes() == before
        assert output.failed_rows == [1, 3]
        output.replace({1: line(1, "b" * 50)}, dict(enumerate(rows(4))))
        assert (output.lines, output.failed_rows) == (4, [3])
        output.append([line(4, "e")], rows(1))
        assert [output.read(at)["text"] for at in range(5)] == ["a", "b" * 50, "c", "", "e"]
        with pytest.raises(RequestRefused):
            OutputFile(path, resume=True)  # it is still locked


def _full(_):
    raise OSError(28, "No space left on device")


def test_the_ending_of_its_name_tells_the_form(tmp_path):
    assert isinstance(form_of(tmp_path / "a.CSV", ()), Table)
    assert b"\t" in form_of(tmp_path / "a.tsv", ()).head
    assert isinstance(form_of(tmp_path / "a.jsonl", ()), JsonLines)

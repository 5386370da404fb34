"""The lines of a batch on the disk, and the job beside them."""

import contextlib
import json

import pytest

from app.batch.job import Job, check_same, job_path, keep, kept
from app.batch.output_file import OutputFile
from app.batch.output_forms import line_of
from app.errors import DiskFull, NotFound, RequestRefused

JOB = Job(
    model="m",
    strategy="cpu fp32",
    backend="native",
    input="i",
    template="{{text}}",
    column="text",
    chat="",
    options={"seed": 5, "temperature": 0.0},
    start="",
    group=2,
)


def lines(*rows):
    return b"".join(line_of({"row": row, "text": f"é{row}"}) for row in rows)


def refusal(act, *args, **kwargs):
    with pytest.raises(RequestRefused) as refused:
        act(*args, **kwargs)
    return refused.value.facts["why"]


@pytest.mark.parametrize(
    ("there", "whole"),
    [
        (b"", 0),
        (lines(0), 0),
        (lines(0, 1), 2),
        (lines(0, 1, 2), 2),
        (lines(0, 1) + b'{"row": 2, "te', 2),
        (lines(0, 1, 2) + lines(3)[:-1], 2),
        (lines(0, 1, 2, 3) + b"\0\0\0\0", 4),
        (lines(0, 1, 2, 3, 4), 5),
        (b'{"ro', 0),
    ],
)
def test_what_follows_the_last_whole_group_is_taken_back(tmp_path, there, whole):
    path = tmp_path / "out.jsonl"
    path.write_bytes(there)
    with contextlib.closing(OutputFile(path, resume=True)) as output:
        output.keep_groups_of(2, 5)
        assert output.lines == whole
        output.append({"row": row, "text": f"é{row}"} for row in range(whole, 5))
    assert path.read_bytes() == lines(0, 1, 2, 3, 4)


@pytest.mark.parametrize("there", [lines(1), lines(0, 0), b"words\n", b"[0]\n", lines(0, 1, 2)])
def test_a_file_with_other_lines_is_refused_and_left_as_it_is(tmp_path, there):
    path = tmp_path / "out.jsonl"
    path.write_bytes(there)
    with contextlib.closing(OutputFile(path, resume=True)) as output:
        assert refusal(output.keep_groups_of, 2, 2) == "output-other"
    assert path.read_bytes() == there


def test_an_output_that_is_there_needs_resume_and_has_one_writer(tmp_path):
    path = tmp_path / "out.jsonl"
    with contextlib.closing(OutputFile(path, resume=False)):
        assert refusal(OutputFile, path, resume=False) == "output-exists"
        assert refusal(OutputFile, path, resume=True) == "output-busy"
    OutputFile(path, resume=True).close()
    with pytest.raises(NotFound):
        OutputFile(tmp_path / "nowhere" / "out.jsonl", resume=True)


def test_a_group_that_does_not_fit_on_the_disk_leaves_nothing_of_it(tmp_path, monkeypatch):
    path = tmp_path / "out.jsonl"
    with contextlib.closing(OutputFile(path, resume=False)) as output:
        output.append([{"row": 0, "text": "é0"}])

        def full(_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(DiskFull):
            output.append([{"row": 1, "text": "é1"}])
        monkeypatch.undo()
        output.append([{"row": 1, "text": "é1", "error": "no"}])
        assert (output.lines, output.failed) == (2, 1)
    assert path.read_bytes().startswith(lines(0))


def test_a_line_is_one_line_for_every_reader():
    for text in ("a\u2028b\u2029c\x85d\ne\x0bf\x1cg", "half a pair \ud800", "日本"):
        line = line_of({"row": 0, "text": text}).decode()
        assert len(line.splitlines()) == 1
        assert json.loads(line)["text"] == text
    assert "日本" in line_of({"text": "日本"}).decode()


def test_the_job_is_kept_beside_and_one_that_differs_is_refused_with_what_differs(tmp_path):
    output = tmp_path / "out.jsonl"
    assert kept(output) is None
    keep(JOB, output)
    assert kept(output) == JOB
    assert json.loads(job_path(output).read_bytes())["group"] == 2
    check_same(JOB, JOB, output)
    other = Job(**{**json.loads(job_path(output).read_bytes()), "options": {"seed": 6}})
    with pytest.raises(RequestRefused) as refused:
        check_same(JOB, other, output)
    assert "seed (5 before, 6 now)" in refused.value.facts["found"]
    assert "temperature" in refused.value.facts["found"]
    job_path(output).write_bytes(b"[1")
    assert kept(output) is None

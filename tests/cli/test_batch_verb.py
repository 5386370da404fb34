"""``rookery batch`` with a real worker: what it writes, and what a kill costs."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.cli import run
from tests.runtime.small_models import small_file

ROOT = Path(__file__).resolve().parents[3]
RANDOM = ("--temperature", "1.5", "--top-p", "1", "--seed", "40")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch")
    small_file(folder)
    rows = "".join(f'"a question, number {i}",{i}\n' for i in range(11))
    (folder / "rows.csv").write_text(f"text,place\n{rows}", encoding="utf-8")
    return folder


def line(folder, output, *more):
    return [
        *("batch", "--model", str(folder / "small.pth"), "--input", str(folder / "rows.csv")),
        *("--template", "{{place}}. {{text}}:", "--output", str(output)),
        *more,
    ]


def told(capsys, *arguments):
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *arguments):
    assert run(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


def objects(path):
    return [json.loads(text) for text in path.read_text(encoding="utf-8").split("\n")[:-1]]


@pytest.fixture(scope="module")
def undisturbed(folder):
    output = folder / "undisturbed.jsonl"
    assert run(line(folder, output, "--batch", "3", "--max-tokens", "40", *RANDOM)) == 0
    return output.read_bytes()


def test_each_row_has_a_line_with_what_generate_writes_with_the_seed_plus_the_row(
    folder, undisturbed, capsys
):
    rows = [json.loads(text) for text in undisturbed.splitlines()]
    assert [list(row) for row in rows] == [["row", "input", "text", "tokens", "stop_reason"]] * 11
    assert [row["row"] for row in rows] == list(range(11))
    assert rows[5]["input"] == "a question, number 5"
    model, prompt = str(folder / "small.pth"), ("--prompt", "5. a question, number 5:")
    seeded = (*RANDOM[:-1], "45", "--max-tokens", "40")
    single = told(capsys, "generate", "--model", model, *prompt, *seeded)
    for name in ("text", "tokens", "stop_reason"):
        assert rows[5][name] == single[name]


def test_killed_and_resumed_it_writes_the_file_of_an_undisturbed_run(
    folder, undisturbed, tmp_path, capsys
):
    output = tmp_path / "out.jsonl"
    asked = line(folder, output, "--batch", "3", "--max-tokens", "40", *RANDOM)
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *asked], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        while process.poll() is None and not (output.exists() and output.stat().st_size):
            time.sleep(0.002)
    finally:
        process.kill()
        process.wait()
    there = output.read_bytes()
    assert there
    output.write_bytes(there[: len(there) - 30] if there == undisturbed else there + b'{"row": ')
    facts = told(capsys, *asked, "--resume")
    assert output.read_bytes() == undisturbed
    assert facts["resumed"] + facts["written"] == 11
    assert facts["written"] > 0


@pytest.mark.skipif(sys.platform == "win32", reason="there it is another signal")
def test_ctrl_c_ends_in_order_and_says_how_to_go_on(folder, tmp_path):
    output = tmp_path / "out.jsonl"
    asked = line(folder, output, "--batch", "3", "--max-tokens", "100000000", *RANDOM)
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *asked], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not output.exists():
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130
    assert "--resume" in said
    assert "Traceback" not in said
    assert output.read_bytes() == b""


def test_resume_begins_without_an_output_and_refuses_other_settings(folder, tmp_path, capsys):
    output = tmp_path / "out.jsonl"
    asked = line(folder, output, "--max-tokens", "3")
    facts = told(capsys, *asked, "--resume")  # with a seed of its own, which is kept
    assert (facts["rows"], facts["written"], facts["resumed"]) == (11, 11, 0)
    assert facts["tokens"] == sum(len(row["tokens"]) for row in objects(output))
    before = output.read_bytes()
    output.write_bytes(b"".join(before.splitlines(keepends=True)[:4]))
    assert told(capsys, *asked, "--resume")["seed"] == facts["seed"]
    assert output.read_bytes() == before
    assert "already" in refused(capsys, *asked)
    said = refused(capsys, *line(folder, output, "--max-tokens", "4", "--top-k", "7"), "--resume")
    assert "limit (3 before, 4 now)" in said
    assert "top_k" in said
    assert output.read_bytes() == before
    Path(f"{output}.job.json").unlink()
    assert "job.json" in refused(capsys, *asked, "--resume")
    assert output.read_bytes() == before


def test_a_row_that_fails_says_why_and_the_others_go_on(folder, tmp_path, capsys):
    rows, output = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text('{"text": "one"}\nno json\n{"body": "x"}\n{"text": "four"}\n')
    asked = ["batch", "--model", str(folder / "small.pth"), "--input", str(rows)]
    asked += ["--output", str(output), "--max-tokens", "4", "--temperature", "0"]
    assert told(capsys, *asked)["failed"] == 2
    read = objects(output)
    assert ["error" in row for row in read] == [False, True, True, False]
    assert [len(row["tokens"]) for row in read] == [4, 0, 0, 4]
    assert "JSON" in read[1]["error"]
    assert '"text"' in read[2]["error"]


def test_what_makes_no_sense_is_refused_before_anything_is_written(folder, tmp_path, capsys):
    output = tmp_path / "out.jsonl"
    asked = line(folder, output)
    asked[asked.index("--template") + 1] = "{{title}}"
    assert "text, place" in refused(capsys, *asked)
    empty = tmp_path / "empty.csv"
    empty.touch()
    asked[asked.index("--input") + 1] = str(empty)
    assert "no rows" in refused(capsys, *asked)
    asked = line(folder, output)
    asked[asked.index("--model") + 1] = str(tmp_path / "absent.pth")
    refused(capsys, *asked)
    assert not output.exists()


def test_a_chat_answers_each_row_and_stdin_gives_lines(tmp_path, capsys, monkeypatch):
    import io

    stdin = io.TextIOWrapper(io.BytesIO("What is RWKV?\nWhat is a state?\n".encode("utf-8-sig")))
    monkeypatch.setattr("sys.stdin", stdin)
    output = tmp_path / "out.jsonl"
    asked = ["batch", "--input", "-", "--output", str(output), "--chat", "--temperature", "0"]
    assert told(capsys, *asked, "--max-tokens", "30")["rows"] == 2
    read = objects(output)
    assert [row["input"] for row in read] == ["What is RWKV?", "What is a state?"]
    assert all(row["text"] and row["text"] == row["text"].lstrip() for row in read)


def test_a_table_keeps_the_columns_and_failed_rows_are_run_once_more(folder, tmp_path, capsys):
    rows, output = tmp_path / "rows.csv", tmp_path / "out.csv"
    rows.write_text('id,text\n7,one\n8,"two, and\nmore"\n9,three,too many\n')
    asked = ["batch", "--model", str(folder / "small.pth"), "--input", str(rows)]
    asked += ["--output", str(output), "--max-tokens", "4", "--temperature", "0"]
    assert told(capsys, *asked, "--retry")["failed"] == 1
    with output.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["id"] for row in read] == ["7", "8", "9,three,too many"]
    assert read[1]["text"] == "two, and\nmore"
    assert [row["tokens"] for row in read] == ["4", "4", "0"]
    assert [bool(row["output"]) for row in read] == [True, True, False]
    assert "3 fields" in read[2]["error"]
    whole = output.read_bytes()
    output.write_bytes(whole[:-9])
    assert told(capsys, *asked, "--resume")["resumed"] == 0
    assert output.read_bytes() == whole

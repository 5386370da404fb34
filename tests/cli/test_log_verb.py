"""``rookery log``, and what the command line itself writes into the log."""

import json

import pytest

from app.cli import run
from app.store.paths import standard_paths
from app.system.log import NAME


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path))
    return standard_paths(str(tmp_path)).logs


def test_it_prints_the_place_and_makes_nothing(logs, capsys):
    assert run(["log"]) == 0
    assert capsys.readouterr().out == f"{logs / NAME}\n"
    assert run(["log", "--tail", "5"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["log", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"log": str(logs / NAME), "exists": False, "crashes": []}
    assert not logs.exists()


def test_a_verb_that_fails_leaves_a_line_and_one_that_does_not_leaves_none(logs, capsys, tmp_path):
    assert run(["models"]) == 0
    assert not logs.exists()
    model = tmp_path / "no.pth"
    assert run(["inspect", str(model)]) == 1
    address = "http://anna:GEHEIM@127.0.0.1:9"
    assert run(["download", "a/b", "c.pth", "--endpoint", address]) == 1
    capsys.readouterr()
    assert run(["log", "--tail", "3"]) == 0
    first, start, last = capsys.readouterr().out.splitlines()
    assert f"WARNING command: inspect was refused: not-found (path='{model}'" in first
    assert "INFO start: Rookery" in start
    assert "WARNING command: download was refused: hub-unreachable" in last
    assert "GEHEIM" not in last


def test_crashes_are_listed_and_lines_given_as_data(logs, capsys):
    logs.mkdir(parents=True)
    (logs / NAME).write_text("one\ntwo\n")
    (logs / "crash-worker-7.txt").write_text("Fatal Python error: Segmentation fault")
    assert run(["log", "--json", "--tail", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["lines"] == ["two"]
    assert [(crash["kind"], crash["path"]) for crash in told["crashes"]] == [
        ("worker", str(logs / "crash-worker-7.txt"))
    ]


def test_it_asks_for_a_number_of_lines(logs, capsys):
    assert run(["log", "--tail", "none"]) == 2
    assert "--tail" in capsys.readouterr().err

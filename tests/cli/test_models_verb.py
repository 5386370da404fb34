"""``rookery models``: kinds, owners, duplicates and sizes, next to what it always told."""

import json

import pytest

from app.cli import run
from tests.library.libraries import lora, small_pth, tuned_state

ALWAYS = ["path", "name", "format", "dialect", "dtype", "bytes", "tokenizer", "embedded", "failure"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path))
    made = tmp_path / "data" / "models"
    made.mkdir(parents=True)
    return made


def told(capsys):
    assert run(["models", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_kinds_owners_and_sizes_are_told(folder, capsys):
    model = small_pth(folder / "model.of.mine.pth")
    state, adapter = tuned_state(folder / "state.pth"), lora(folder / "lora.pth")
    (folder / "coming.pth.part").write_bytes(bytes(10))
    answer = told(capsys)
    found = {entry["name"]: entry for entry in answer["models"]}
    kinds = {name: entry["kind"] for name, entry in found.items()}
    assert kinds == {
        "rookery-guide": "model",
        "model.of.mine": "model",
        "state": "state",
        "lora": "lora",
        "coming": "unfinished",
    }
    assert all(set(ALWAYS) <= set(entry) for entry in found.values())
    assert found["state"]["belongs_to"] == [str(model)]
    assert found["lora"]["belongs_to"] == [str(model)]
    assert found["model.of.mine"]["belongs_to"] == []
    assert found["model.of.mine"]["files"] == [str(model)]
    assert found["state"]["failure"]
    guide = found["rookery-guide"]["bytes"]
    sizes = sum(path.stat().st_size for path in (model, state, adapter))
    assert answer["total_bytes"] == guide + sizes
    assert answer["duplicates"] == []
    assert answer["limits"] == {}


def test_duplicates_and_limits_are_told(folder, capsys):
    model = small_pth(folder / "a.pth")
    (folder / "b.pth").write_bytes(model.read_bytes())
    folder.joinpath(*"abcdefg").mkdir(parents=True)
    answer = told(capsys)
    (duplicates,) = answer["duplicates"]
    assert sorted(duplicates["paths"]) == [str(model), str(folder / "b.pth")]
    assert duplicates["wasted_bytes"] == model.stat().st_size
    assert answer["limits"] == {str(folder): ["depth"]}
    assert run(["models"]) == 0
    printed = capsys.readouterr()
    assert "These look alike" in printed.err
    assert "five deep" in printed.err
    assert "Looked in: " in printed.err


def test_the_owner_stands_in_the_line_of_a_state(folder, capsys):
    tuned_state(folder / "state.pth")
    assert run(["models"]) == 0
    assert "state  tuned state for a model that is not here" in capsys.readouterr().out
    small_pth(folder / "owner.pth")
    assert run(["models"]) == 0
    assert "state  tuned state for owner" in capsys.readouterr().out

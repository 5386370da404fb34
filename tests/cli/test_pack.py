"""``rookery pack``: a copy beside the model, which every other verb takes."""

import json

from app.cli import run
from tests.support.checkpoints import random_tensors, write_pth


def _printed(capsys, *arguments):
    assert run(arguments) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_a_copy_is_written_beside_the_model_and_runs(tmp_path, capsys):
    model = write_pth(tmp_path / "model-a.pth", random_tensors("7.0", width=128, head_size=32))
    told = _printed(capsys, "pack", "--model", str(model), "--strategy", "cpu fp16i8", "--json")
    copy = tmp_path / "model-a-int8.safetensors"
    assert told["path"] == str(copy)
    assert told["bytes"] == copy.stat().st_size < told["bytes_before"]
    facts = _printed(capsys, "inspect", str(copy), "--json")
    assert (facts["dialect"], facts["dtype"]) == ("packed", "int8")
    scores = [
        _printed(capsys, "score", "--model", str(path), "--tokens", "1,2,3,4", *way, "--json")
        for path, way in ((copy, ()), (model, ("--strategy", "cpu int8")))
    ]
    assert scores[0] == scores[1]


def test_what_cannot_be_packed_is_said(tmp_path, capsys):
    model = write_pth(tmp_path / "model.pth", random_tensors("7.0"))
    assert run(["pack", "--model", str(model), "--strategy", "cpu bf16"]) == 1
    assert "int8" in capsys.readouterr().err
    assert run(["pack", "--model", str(model), "--to", str(model)]) == 1
    assert "place" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [model]

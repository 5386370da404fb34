"""Models in several files: opened by index, by any part, or by the folder they lie in."""

import json

import pytest
import torch

from app.errors import (
    CheckpointError,
    DamagedCheckpoint,
    HostileCheckpoint,
    NotFound,
    UnsupportedFormat,
)
from app.runtime.checkpoint import open_checkpoint
from tests.support.checkpoints import random_tensors, write_pth, write_safetensors
from tests.support.dialects import rwkv_rs_a
from tests.support.faults import broken, outcome

PARTS = 3
INDEX = "model.safetensors.index.json"


def write_sharded(folder, tensors, *, index=True):
    folder.mkdir(exist_ok=True)
    files = [f"model-{part:05}-of-{PARTS:05}.safetensors" for part in range(1, PARTS + 1)]
    names, placed = sorted(tensors), {}
    for part, file in enumerate(files):
        held = names[part::PARTS]
        write_safetensors(folder / file, {name: tensors[name] for name in held})
        placed |= dict.fromkeys(held, file)
    if index:
        content = {"metadata": {"total_size": 1}, "weight_map": placed}
        (folder / INDEX).write_text(json.dumps(content))
    (folder / "config.json").write_text("{}")
    return folder, files


def assert_whole(path, tensors):
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.format == "safetensors"
        for name, tensor in tensors.items():
            assert torch.equal(checkpoint.read(name), tensor)
        return checkpoint


@pytest.mark.parametrize("index", [True, False])
def test_index_folder_and_every_part_open_the_same_model(tmp_path, index):
    tensors = random_tensors()
    folder, files = write_sharded(tmp_path / "big", tensors, index=index)
    size = sum((folder / file).stat().st_size for file in files)
    paths = [folder, *(folder / file for file in files), *([folder / INDEX] if index else [])]
    found = [assert_whole(path, tensors) for path in paths]
    assert {checkpoint.bytes for checkpoint in found} == {size}
    assert {checkpoint.spec for checkpoint in found} == {found[0].spec}


def test_fingerprints_of_sharded_models_tell_them_apart(tmp_path):
    prints = []
    for seed in (0, 0, 1):
        folder, _ = write_sharded(tmp_path / f"m{len(prints)}", random_tensors(seed=seed))
        with open_checkpoint(folder) as checkpoint:
            prints.append(checkpoint.fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_a_sharded_dialect_is_read(tmp_path):
    tensors = random_tensors()
    folder, _ = write_sharded(tmp_path / "m", rwkv_rs_a(tensors))
    with open_checkpoint(folder) as checkpoint:
        assert checkpoint.dialect == "rwkv-rs-a"
        assert torch.equal(checkpoint.read("emb.weight"), tensors["emb.weight"])


def test_a_folder_with_one_model_is_that_model(tmp_path):
    tensors = random_tensors()
    write_safetensors(tmp_path / "model.safetensors", tensors)
    (tmp_path / "notes.txt").write_text("x")
    assert_whole(tmp_path, tensors)


def test_folders_without_one_model_are_refused(tmp_path):
    with pytest.raises(UnsupportedFormat) as caught:
        open_checkpoint(tmp_path)
    assert "without" in caught.value.facts["found"]
    for name in ("a.pth", "b.pth"):
        write_pth(tmp_path / name, random_tensors())
    with pytest.raises(UnsupportedFormat) as caught:
        open_checkpoint(tmp_path)
    assert "several" in caught.value.facts["found"]


@pytest.mark.parametrize("index", [True, False])
def test_a_missing_part_is_named(tmp_path, index):
    folder, files = write_sharded(tmp_path / "m", random_tensors(), index=index)
    (folder / files[1]).unlink()
    with pytest.raises(NotFound) as caught:
        open_checkpoint(folder)
    assert caught.value.facts["path"] == str(folder / files[1])


def test_a_damaged_part_refuses_the_model(tmp_path):
    folder, files = write_sharded(tmp_path / "m", random_tensors())
    (folder / files[2]).write_bytes((folder / files[2]).read_bytes()[:-1])
    with pytest.raises(DamagedCheckpoint):
        open_checkpoint(folder)


def test_a_tensor_that_is_not_where_the_index_says_is_damage(tmp_path):
    folder, files = write_sharded(tmp_path / "m", random_tensors())
    content = json.loads((folder / INDEX).read_text())
    content["weight_map"]["emb.weight"], home = files[0], content["weight_map"]["emb.weight"]
    if home == files[0]:
        content["weight_map"]["emb.weight"] = files[1]
    (folder / INDEX).write_text(json.dumps(content))
    with pytest.raises(DamagedCheckpoint) as caught:
        open_checkpoint(folder)
    assert caught.value.facts["missing"] == "emb.weight"


def test_two_parts_with_the_same_tensor_are_damage_without_an_index(tmp_path):
    tensors = random_tensors()
    folder, files = write_sharded(tmp_path / "m", tensors, index=False)
    for file in files[:2]:
        write_safetensors(folder / file, {"emb.weight": tensors["emb.weight"]})
    with pytest.raises(DamagedCheckpoint):
        open_checkpoint(folder)


INDEXES = {
    "empty": b"",
    "not JSON": b"{weight_map}",
    "a list": b"[]",
    "no map": b"{}",
    "an empty map": b'{"weight_map": {}}',
    "a map that is a list": b'{"weight_map": ["a"]}',
    "a number as file": b'{"weight_map": {"emb.weight": 3}}',
    "deep": b'{"weight_map": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "no text": b"\xff\xfe\xfd",
    "a name with a null": b'{"weight_map": {"emb.weight": "a\\u0000b"}}',
    "itself": b'{"weight_map": {"emb.weight": "model.safetensors.index.json"}}',
}


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_that_makes_no_sense_is_refused(tmp_path, name):
    (tmp_path / INDEX).write_bytes(INDEXES[name])
    with pytest.raises(CheckpointError):
        open_checkpoint(tmp_path / INDEX)


@pytest.mark.parametrize(
    "file", ["../m.safetensors", "/etc/passwd", "a/b.safetensors", ".", "..", ""]
)
def test_an_index_that_leads_out_of_its_folder_is_hostile(tmp_path, file):
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": {"emb.weight": file}}))
    with pytest.raises(HostileCheckpoint):
        open_checkpoint(tmp_path / INDEX)


@pytest.mark.parametrize(
    "name", ["m-00001-of-99999.safetensors", "m-00004-of-00003.safetensors", "m-00000-of-00003.pth"]
)
def test_names_that_count_their_parts_wrongly_are_refused(tmp_path, name):
    write_safetensors(tmp_path / name, random_tensors())
    with pytest.raises(CheckpointError):
        open_checkpoint(tmp_path / name)


def test_an_index_of_too_many_files_is_hostile(tmp_path):
    placed = {f"t{i}": f"{i}.safetensors" for i in range(2000)}
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": placed}))
    with pytest.raises(HostileCheckpoint):
        open_checkpoint(tmp_path / INDEX)
    with (tmp_path / INDEX).open("r+b") as file:
        file.truncate(1 << 30)
    with pytest.raises(HostileCheckpoint):
        open_checkpoint(tmp_path / INDEX)


def test_sharded_models_broken_at_random_are_models_or_one_failure(tmp_path):
    folder, files = write_sharded(tmp_path / "m", random_tensors(layers=1, width=32, vocabulary=7))
    assert outcome(folder) == "opened"
    for file in (INDEX, files[0], files[2]):
        content, found = (folder / file).read_bytes(), set()
        for seed in range(120):
            (folder / file).write_bytes(broken(content, f"{file} {seed}"))
            found.add(outcome(folder))
        (folder / file).write_bytes(content)
        assert "damaged-checkpoint" in found

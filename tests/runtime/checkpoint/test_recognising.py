"""A model keeps its family by its record, its fingerprint and its header, whatever it is called."""

from pathlib import Path

import gguf
import pytest

from app.kernels import open_ops
from app.library.local_library import LocalLibrary
from app.runtime.checkpoint import open_checkpoint
from app.runtime.checkpoint.file_names import name_of, repository_of
from app.runtime.checkpoint.recognising import recognised, remember_family
from app.runtime.families.known_models import KnownModels
from app.runtime.loading.loading import open_model
from app.runtime.loading.packed_copy import write_packed
from app.runtime.origin import Origin, write_origin
from app.runtime.planning.strategy import parse
from tests.support.checkpoints import random_tensors, write_pth
from tests.support.gguf_files import write_gguf

SIZES = {"layers": 1, "width": 16, "head_size": 16, "vocabulary": 65536}
COMMIT = "d1a2b3c4e5f60718293a4b5c6d7e8f9001122334"


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path / "home"))


def world_model(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_pth(path, random_tensors("7.0", **SIZES, seed=seed))


def family(path: Path, known: KnownModels | None = None) -> str:
    with open_checkpoint(path) as checkpoint:
        return recognised(checkpoint, known).name


def test_a_renamed_model_is_what_it_was(tmp_path):
    path = world_model(tmp_path / "models" / "rwkv7-g1a-0.1b-20250728-ctx4096.pth")
    library = LocalLibrary([path.parent])
    now = library.rename(path, "My helper")
    library.close()
    opened = open_model(now, "cpu fp32").loaded(1)
    assert (opened.name, opened.family, opened.thinks) == ("My helper", "g1", True)
    assert opened.templates[0] == "g1"


def test_a_model_that_was_opened_is_known_however_it_is_called_later(tmp_path):
    known = KnownModels(tmp_path / "known.json")
    path = world_model(tmp_path / "rwkv7-g0b-7.2b.pth")
    assert family(path, known) == "g1"
    path = path.rename(tmp_path / "renamed-by-hand.pth")
    assert family(path, known) == "g1"
    assert family(path, KnownModels(None)) == "world"
    assert family(world_model(tmp_path / "other.pth", seed=5), known) == "world"


def test_the_record_of_where_it_came_from_goes_before_its_name(tmp_path):
    path = world_model(tmp_path / "novel.pth")
    write_origin(path, Origin(repo="somebody/things", file="files/rwkv7-g1d-0.1b.pth"))
    assert family(path) == "g1"
    other = world_model(tmp_path / "other.pth", seed=3)
    write_origin(other, Origin(repo="fla-hub/rwkv7-0.1B-g1", file="model.safetensors"))
    assert family(other) == "g1"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (f"models--fla-hub--rwkv7-0.1B-g1/snapshots/{COMMIT}/model.safetensors", "rwkv7-0.1B-g1"),
        (f"models--fla-hub--rwkv7-0.1B-g1/snapshots/{COMMIT}", "rwkv7-0.1B-g1"),
        (f"models--rwkv7-g1/snapshots/{COMMIT}/pytorch_model.bin", "rwkv7-g1"),
        (f"models--a--b/snapshots/{COMMIT}/rwkv7-g1a.pth", "rwkv7-g1a"),
        (f"models--a--b/snapshots/{COMMIT}/small/model.safetensors", "small"),
        (f"models--a--b/snapshots/{COMMIT}/model-00001-of-00002.safetensors", "b"),
        ("own/rwkv7/model.safetensors", "rwkv7"),
        ("snapshots/model.safetensors", "snapshots"),
    ],
)
def test_in_the_hubs_cache_a_model_is_called_by_its_repository(tmp_path, file, name):
    assert name_of(tmp_path / file) == name


def test_a_model_of_the_hubs_cache_has_the_family_of_its_repository(tmp_path):
    snapshot = tmp_path / "models--somebody--rwkv7-g1-tuned" / "snapshots" / COMMIT
    path = world_model(snapshot / "step-500.pth")
    assert (name_of(path), repository_of(path)) == ("step-500", "rwkv7-g1-tuned")
    assert family(path) == "g1"


def test_a_gguf_tells_its_name_or_its_chat_template(tmp_path, monkeypatch):
    begun = gguf.GGUFWriter.write_header_to_file
    added = {}

    def write_header(writer):
        for key, value in added.items():
            writer.add_string(key, value)
        begun(writer)

    monkeypatch.setattr(gguf.GGUFWriter, "write_header_to_file", write_header)
    told = {}
    for number, (key, value) in enumerate(
        (
            ("general.name", "Rwkv7 G1c 0.4B"),
            ("general.basename", "rwkv7-g0a"),
            ("tokenizer.chat_template", "x" * 3000 + "{{ '<think>' }}"),
            ("tokenizer.chat_template", "rwkv-world"),
            ("general.description", "g1"),
        )
    ):
        added.clear()
        added[key] = value
        path = tmp_path / f"m{number}.gguf"
        write_gguf(path, random_tensors("7.0", **SIZES, seed=number), "7.0", words=3)
        told[number] = family(path)
    assert told == {0: "g1", 1: "g1", 2: "g1", 3: "world", 4: "world"}


def test_a_packed_copy_is_of_its_models_family(tmp_path):
    known = KnownModels(tmp_path / "home" / "data" / "known-models.json")
    path = world_model(tmp_path / "helper.pth")
    with open_checkpoint(path) as checkpoint:
        known.remember(checkpoint.fingerprint, "rwkv7-g1a")
    copy = tmp_path / "helper-int8.safetensors"
    with open_checkpoint(path) as checkpoint:
        write_packed(checkpoint, open_ops("cpu"), parse("cpu int8"), copy)
    assert family(copy, KnownModels(None)) == "g1"


def test_what_is_no_model_is_not_remembered(tmp_path):
    path = tmp_path / "rwkv7-g1.pth"
    path.write_bytes(b"no model")
    known = KnownModels(tmp_path / "known.json")
    remember_family(path, known)
    remember_family(tmp_path / "gone.pth", known)
    assert not (tmp_path / "known.json").exists()

"""The models on a disk: found in folders, described by their headers, unusable ones included."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.library.scan import survey
from app.resources import resource
from app.runtime.checkpoint.describe import describe, embedded_model
from tests.library.libraries import scan
from tests.support.checkpoints import random_tensors, write_pth, write_safetensors
from tests.support.dialects import web_rwkv
from tests.support.gguf_files import write_gguf
from tests.support.sparse import shapes_7, sparse_pth, sparse_safetensors

ROOT = Path(__file__).resolve().parents[2]


def test_a_model_is_described_from_its_header(tmp_path):
    tensors = random_tensors("6.0", vocabulary=256)
    path = write_safetensors(tmp_path / "rwkv-6.st", web_rwkv(tensors))
    model = describe(path)
    assert (model.path, model.name) == (str(path), "rwkv-6")
    assert (model.format, model.dialect, model.dtype) == ("safetensors", "web-rwkv", "fp32")
    assert model.spec.generation == "6.0"
    assert model.bytes == path.stat().st_size
    assert model.tokenizer == "bytes"
    assert not model.embedded
    assert model.failure_code == ""


def test_what_cannot_be_used_is_described_with_its_failure(tmp_path):
    path = write_pth(tmp_path / "m.pth", random_tensors())
    path.write_bytes(path.read_bytes()[:1000])
    model = describe(path)
    assert model.failure_code == "damaged-checkpoint"
    assert model.failure_facts["path"] == str(path)
    assert model.failure_facts["why"]
    assert (model.spec, model.bytes, model.name) == (None, 1000, "m")
    missing = describe(tmp_path / "nothing.pth")
    assert (missing.failure_code, missing.bytes) == ("not-found", 0)
    os.mkfifo(tmp_path / "pipe.pth")
    assert describe(tmp_path / "pipe.pth").failure_code == "unreadable"


def test_the_embedded_model_is_a_shipped_file():
    path = embedded_model()
    assert path == resource("models", "rookery-guide.safetensors")
    model = describe(path)
    assert model.embedded
    assert model.failure_code in ("", "not-found")


def test_all_models_below_a_folder_are_found_once_and_sorted(tmp_path):
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    tensors = random_tensors()
    write_pth(tmp_path / "Zebra.pth", tensors)
    write_safetensors(deep / "ape.safetensors", tensors)
    write_gguf(tmp_path / "a" / "bee.gguf", tensors, "7.0")
    (tmp_path / "link.pth").symlink_to(tmp_path / "Zebra.pth")
    (tmp_path / "readme.txt").write_text("x")
    (tmp_path / "round").symlink_to(tmp_path)
    found = scan([tmp_path, tmp_path / "a", tmp_path / "nowhere"])
    assert [model.name for model in found] == ["ape", "bee", "Zebra"]
    assert [model.format for model in found] == ["safetensors", "gguf", "pth"]


def test_hidden_and_very_deep_folders_are_left_alone(tmp_path):
    for folder in (tmp_path / ".hidden", tmp_path.joinpath(*"abcdef")):
        folder.mkdir(parents=True)
        write_pth(folder / "m.pth", random_tensors(layers=1))
    write_pth(tmp_path.joinpath(*"abcde") / "n.pth", random_tensors(layers=1))
    assert [model.name for model in scan([tmp_path])] == ["n"]


def test_a_model_in_several_files_is_one(tmp_path):
    tensors, names = random_tensors(), sorted(random_tensors())
    for folder, index in (("with", True), ("without", False)):
        (tmp_path / folder).mkdir()
        placed = {}
        for part in (1, 2):
            file = f"model-{part:05}-of-00002.safetensors"
            held = names[part - 1 :: 2]
            write_safetensors(tmp_path / folder / file, {name: tensors[name] for name in held})
            placed |= dict.fromkeys(held, file)
        if index:
            content = json.dumps({"weight_map": placed})
            (tmp_path / folder / "model.safetensors.index.json").write_text(content)
    write_pth(tmp_path / "with" / "model.pth", tensors)
    write_safetensors(tmp_path / "without" / "model.safetensors", tensors)
    found = scan([tmp_path])
    assert [model.name for model in found] == ["with", "with", "without", "without"]
    assert [model.format for model in found] == ["pth", *["safetensors"] * 3]
    assert all(model.spec and model.bytes > 700_000 for model in found)
    assert all(describe(Path(model.path)) == model for model in found)


def test_the_folder_names_a_model_whose_file_has_only_a_usual_name(tmp_path):
    folder = tmp_path / "RWKV7-G1-0.1B"
    folder.mkdir()
    write_safetensors(folder / "model.safetensors", random_tensors())
    assert [model.name for model in scan([tmp_path])] == ["RWKV7-G1-0.1B"]
    assert describe(folder).name == "RWKV7-G1-0.1B"


def test_unfinished_downloads_are_shown_as_such(tmp_path):
    (tmp_path / "big.pth.part").write_bytes(bytes(100))
    (model,) = scan([tmp_path])
    assert (model.name, model.bytes) == ("big", 100)
    assert model.failure_code == "damaged-checkpoint"
    assert model.failure_facts["why"] == "download-unfinished"


def test_files_that_only_may_be_models_are_listed_when_they_are(tmp_path):
    (tmp_path / "firmware.bin").write_bytes(bytes(100))
    (tmp_path / "broken.pth").write_bytes(bytes(100))
    write_pth(tmp_path / "pytorch.bin", random_tensors())
    assert [model.name for model in scan([tmp_path])] == ["broken", "pytorch"]


def test_a_folder_of_another_program_s_cache_is_read_through_its_links(tmp_path):
    blobs = tmp_path / "hub" / "models--a--b" / "blobs"
    snapshot = tmp_path / "hub" / "models--a--b" / "snapshots" / "1234"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    write_pth(blobs / "c08cf6", random_tensors())
    (snapshot / "rwkv.pth").symlink_to(blobs / "c08cf6")
    assert [model.name for model in scan([tmp_path / "hub"])] == ["rwkv"]


def test_a_hundred_models_of_full_size_are_listed_in_two_seconds(tmp_path):
    shapes = shapes_7(layers=12, width=768)
    first = (sparse_pth(tmp_path / "0.pth", shapes), sparse_safetensors(tmp_path / "0.st", shapes))
    for number in range(1, 50):
        for path in first:
            os.link(path, tmp_path / f"{number}{path.suffix}")
    begin = time.process_time()
    found = scan([tmp_path])
    assert time.process_time() - begin < 2
    assert len(found) == 100
    assert {model.spec.parameters for model in found} == {found[0].spec.parameters}


@pytest.mark.parametrize("module", ["app.library.scan", "app.runtime.checkpoint"])
def test_the_library_needs_nothing_heavy(tmp_path, module, monkeypatch):
    write_pth(tmp_path / "m.pth", random_tensors())
    write_gguf(tmp_path / "m.gguf", random_tensors(), "7.0")
    write_safetensors(tmp_path / "m.safetensors", random_tensors())
    script = f"""
import sys, {module}
from pathlib import Path
from app.library.scan import survey
assert len([m for m in survey(Path(sys.argv[1])).models if m.spec]) == 3
heavy = {{"torch", "numpy", "gguf", "cupy", "PySide6", "tokenizers", "huggingface_hub"}}
print(sorted(heavy & set(sys.modules)))
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_file_of_a_model_is_named(tmp_path):
    tensors = random_tensors()
    parts = [f"m-{part:05}-of-00002.safetensors" for part in (1, 2)]
    for number, part in enumerate(parts):
        held = sorted(tensors)[number::2]
        write_safetensors(tmp_path / part, {name: tensors[name] for name in held})
    model = describe(tmp_path / parts[0])
    assert model.kind == "model"
    assert model.files == tuple(str(tmp_path / part) for part in parts)
    assert model.modified == max((tmp_path / part).stat().st_mtime for part in parts)
    (tmp_path / parts[1]).unlink()
    broken = describe(tmp_path / parts[0])
    assert (broken.kind, broken.failure_code) == ("missing", "not-found")


def test_a_survey_ends_when_told_to(tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.pth").write_bytes(b"PK\3\4")
    asked = iter([False, False, True])
    assert len(survey(tmp_path, cancelled=lambda: next(asked)).models) == 2
    assert not survey(tmp_path / "nowhere").there


def test_a_text_with_the_ending_of_a_model_is_called_a_text(tmp_path):
    (tmp_path / "letter.pth").write_text(
        "Sehr geehrte Damen und Herren, dies ist kein Modell — nein."
    )
    model = describe(tmp_path / "letter.pth")
    assert (model.kind, model.failure_facts["found"]) == ("unsupported", "text-file")

"""What is no model at all: each kind of file, folder and place is refused in its own way."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from app.errors import (
    CheckpointError,
    DamagedCheckpoint,
    ForeignCheckpoint,
    HostileCheckpoint,
    NotFound,
    Unreadable,
    UnsupportedFormat,
    UnsupportedVariant,
)
from app.messages.failures import say
from app.runtime.checkpoint import open_checkpoint
from tests.support.checkpoints import random_tensors, write_pth, write_safetensors


def refusal(path, family=CheckpointError):
    begin = time.process_time()
    with pytest.raises(family) as caught:
        open_checkpoint(path)
    assert time.process_time() - begin < 1
    assert caught.value.facts["path"]
    return caught.value


def test_what_is_not_there_is_not_found(tmp_path):
    refusal(tmp_path / "nothing.pth", NotFound)
    refusal(write_pth(tmp_path / "m.pth", random_tensors()) / "inside.pth", NotFound)
    (tmp_path / "link.pth").symlink_to(tmp_path / "nothing")
    refusal(tmp_path / "link.pth", NotFound)


def test_what_cannot_be_read_is_unreadable(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    refusal(tmp_path / "pipe.pth", Unreadable)
    refusal(Path("/dev/zero"), Unreadable)
    refusal(Path("a\0b.pth"), Unreadable)
    refusal(tmp_path / ("x" * 5000), Unreadable)
    (tmp_path / "loop.pth").symlink_to(tmp_path / "loop.pth")
    refusal(tmp_path / "loop.pth", Unreadable)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs another user to be")
def test_a_file_or_folder_without_permission_is_unreadable(tmp_path):
    path = write_pth(tmp_path / "m.pth", random_tensors())
    folder = tmp_path / "folder"
    folder.mkdir()
    path.chmod(0)
    folder.chmod(0)
    script = """
import os, sys
from pathlib import Path
from app.library.scan import describe
os.seteuid(65534)
print(*(describe(Path(name)).failure_code for name in sys.argv[1:]))
"""
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    command = [sys.executable, "-c", script, str(path), str(folder), str(folder / "x.pth")]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert done.stdout.split() == ["unreadable"] * 3, done.stderr


CONTENTS = {
    "empty.pth": (b"", DamagedCheckpoint, "empty"),
    "zeros.pth": (bytes(5000), DamagedCheckpoint, "begins like"),
    "noise.safetensors": (os.urandom(5000).replace(b"{", b"("), CheckpointError, ""),
    "one.gguf": (b"G", DamagedCheckpoint, ""),
    "magic.gguf": (b"GGUF", DamagedCheckpoint, "too early"),
    "magic.pth": (b"PK\3\4", DamagedCheckpoint, ""),
    "lfs.pth": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1",
        UnsupportedFormat,
        "LFS",
    ),
    "page.safetensors": (b"<!DOCTYPE html><html>login</html>", UnsupportedFormat, "web page"),
    "old.bin": (b"fmgg" + bytes(100), UnsupportedFormat, "rwkv.cpp"),
    "older.bin": (b"lmgg" + bytes(100), UnsupportedFormat, "ggml"),
    "x.tar.gz": (b"\x1f\x8b\x08" + bytes(100), UnsupportedFormat, "gzip"),
    "x.npy": (b"\x93NUMPY\x01\x00" + bytes(100), UnsupportedFormat, "NumPy"),
    "x.h5": (b"\x89HDF\r\n\x1a\n" + bytes(100), UnsupportedFormat, "HDF5"),
    "x.rwkvq": (b"RWKQ" + bytes(100), UnsupportedFormat, "rwkv_lightning"),
    "x.prefab": (b"\xa2" + bytes(100), UnsupportedFormat, "prefab"),
    "x.onnx": (b"\x08\x07" + bytes(100), UnsupportedFormat, "ONNX"),
    "notes.txt": (b"some words, and more of them", UnsupportedFormat, "text"),
    "answer.json": (b'{"error": "not found", "more": 1}', UnsupportedFormat, "text"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_files_of_other_kinds_are_named(tmp_path, name):
    content, family, word = CONTENTS[name]
    (tmp_path / name).write_bytes(content)
    failure = refusal(tmp_path / name, family)
    assert word in say(failure).text
    assert failure.facts["path"] == str(tmp_path / name)


FOREIGN = {
    "model.layers.0.self_attn.q_proj.weight": "Llama",
    "transformer.h.0.attn.c_attn.weight": "GPT-2",
    "gpt_neox.layers.0.attention.query_key_value.weight": "NeoX",
    "encoder.layer.0.attention.self.query.weight": "BERT",
    "backbone.layers.0.mixer.A_log": "Mamba",
    "model.diffusion_model.input_blocks.0.0.weight": "pictures",
    "conv1.weight": "conv1.weight",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_models_of_other_kinds_are_named(tmp_path, name):
    tensors = {name: torch.zeros(4, 4), "other.bias": torch.zeros(4)}
    failure = refusal(write_safetensors(tmp_path / "m.safetensors", tensors), ForeignCheckpoint)
    assert FOREIGN[name] in say(failure).text


def test_rwkv_inside_a_transformer_is_a_variant(tmp_path):
    tensors = {"model.layers.0.self_attn.time_maa_x": torch.zeros(4)}
    refusal(write_safetensors(tmp_path / "m.safetensors", tensors), UnsupportedVariant)


def test_tuned_states_are_named(tmp_path):
    states = {f"blocks.{layer}.att.time_state": torch.zeros(4, 16, 16) for layer in range(3)}
    for path in (
        write_pth(tmp_path / "s.pth", states),
        write_safetensors(tmp_path / "s.st", states),
    ):
        failure = refusal(path, UnsupportedFormat)
        assert "state" in say(failure).text
        assert failure.facts["wanted"]


@pytest.mark.parametrize(
    "name", ["key.lora_A", "key.lora_B", "key.init_lora_A", "key.disha", "key.bone", "key.lora.0"]
)
def test_loras_are_named(tmp_path, name):
    tensors = {f"blocks.0.att.{name}": torch.zeros(4, 4), "blocks.0.ln1.weight": torch.zeros(4)}
    failure = refusal(write_pth(tmp_path / "lora.pth", tensors), UnsupportedFormat)
    assert "LoRA" in say(failure).text


def test_packed_weights_of_other_quantisers_are_named(tmp_path):
    tensors = random_tensors() | {"blocks.0.att.key.qweight": torch.zeros(4, 4)}
    failure = refusal(write_pth(tmp_path / "m.pth", tensors), UnsupportedFormat)
    assert "quantised" in say(failure).text


def test_names_out_of_a_file_are_told_short_and_printable(tmp_path):
    endless = "model." * 200_000 + "x"
    path = write_safetensors(tmp_path / "m.safetensors", {endless: torch.zeros(1)})
    assert "endless" in say(refusal(path, HostileCheckpoint)).text
    odd = "\x1b[31m\n" * 50
    path = write_safetensors(tmp_path / "m.safetensors", {odd: torch.zeros(1)})
    found = [refusal(path, ForeignCheckpoint).facts["name"]]
    tensors = random_tensors() | {"blocks.0.att." + odd: torch.zeros(1)}
    path = write_pth(tmp_path / "m.pth", tensors)
    found += [refusal(path, UnsupportedVariant).facts["name"]]
    assert all(len(text) < 200 and text.isprintable() for text in found)

"""Whatever names and layouts a file follows, the official tensors come back exactly."""

import pytest
import torch

from app.errors import DamagedCheckpoint
from app.runtime.checkpoint import open_checkpoint
from tests.support.checkpoints import random_tensors, write_pth, write_safetensors
from tests.support.dialects import DIALECTS, fla_7, hf_4_to_6, rwkv_rs_a, web_rwkv

CASES = [
    pytest.param(name, generation, writer, id=f"{name}-{generation}-{number}")
    for number, (name, generations, writer) in enumerate(DIALECTS)
    for generation in generations
]
UNUSED = {f"blocks.0.att.v{n}" for n in "012"}


def assert_official(path, dialect, tensors):
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.dialect == dialect
        missing = set(tensors) - set(checkpoint.tensors)
        assert not set(checkpoint.tensors) - set(tensors)
        assert missing <= UNUSED
        for name in checkpoint.tensors:
            wanted = tensors[name]
            found = checkpoint.read(name)
            assert checkpoint.tensors[name].shape == tuple(wanted.shape), name
            assert torch.equal(found, wanted), name
            assert found.is_contiguous()
            assert found.untyped_storage().nbytes() == found.nbytes
            assert torch.equal(checkpoint.read(name, torch.bfloat16), wanted.bfloat16()), name


@pytest.mark.parametrize("widths", [{}, {"width": 48, "attention_width": 64, "head_size": 32}])
@pytest.mark.parametrize(("name", "generation", "writer"), CASES)
def test_every_dialect_gives_back_the_official_tensors(tmp_path, name, generation, writer, widths):
    if generation == "4":
        widths = {"width": widths.get("width", 64)}
    tensors = random_tensors(generation, **widths)
    path = write_safetensors(tmp_path / "model.safetensors", writer(tensors))
    assert_official(path, name, tensors)


def test_a_dialect_is_known_in_a_torch_file_too(tmp_path):
    tensors = random_tensors("6.0")
    assert_official(write_pth(tmp_path / "model.bin", hf_4_to_6(tensors)), "hf-v6", tensors)


@pytest.mark.parametrize("generation", ["6.0", "7.0"])
def test_old_web_rwkv_files_whose_matrices_are_not_turned_are_seen_by_shape(tmp_path, generation):
    tensors = random_tensors(generation)
    kept = tensors["blocks.1.att.w2" if generation == "7.0" else "blocks.1.att.time_maa_w2"]
    files = web_rwkv(tensors)
    files["blocks.1.att.w2" if generation == "7.0" else "blocks.1.att.time_mix_w2"] = kept
    path = write_safetensors(tmp_path / "m.st", files)
    assert_official(path, "web-rwkv", tensors)


def test_web_rwkv_turns_tuned_states_too(tmp_path):
    tensors = random_tensors("7.0")
    states = {f"blocks.{i}.att.time_state": torch.randn(4, 16, 16) for i in range(3)}
    transposed = {name: state.transpose(1, 2).contiguous() for name, state in states.items()}
    path = write_safetensors(tmp_path / "m.st", web_rwkv(tensors) | transposed)
    assert_official(path, "web-rwkv", tensors | states)


def test_web_rwkv_spreads_one_decay_a_head_over_its_channels(tmp_path):
    """5.1 becomes a 5.2 of equal rows; without a gate the first channel stands for the head."""
    for generation, read_as in (("5.1", "5.2"), ("5.0", "5.0")):
        tensors = random_tensors(generation)
        expected = dict(tensors)
        files = dict(tensors)
        for layer in range(3):
            att = f"blocks.{layer}.att."
            decay, first = tensors[att + "time_decay"], tensors[att + "time_first"]
            files[att + "time_decay"] = decay[:, None].repeat(1, 16)
            files[att + "time_first"] = first.exp()[:, None].repeat(1, 16)
            del expected[att + "time_first"]
            wide = read_as == "5.2"
            expected[att + "time_faaaa"] = files[att + "time_first"] if wide else first.exp()
            expected[att + "time_decay"] = files[att + "time_decay"] if wide else decay
        path = write_safetensors(tmp_path / "m.st", files)
        assert_official(path, "web-rwkv", expected)
        with open_checkpoint(path) as checkpoint:
            assert checkpoint.spec.generation == read_as


def test_squeezed_mixes_and_heads_of_the_usual_size_come_back(tmp_path):
    tensors = random_tensors("7.0", width=128, head_size=64)
    flat = rwkv_rs_a(tensors)
    for layer in range(3):
        flat[f"model.blocks.{layer}.att.r_k"] = flat[f"model.blocks.{layer}.att.r_k"].reshape(-1)
    path = write_safetensors(tmp_path / "m.safetensors", flat)
    assert_official(path, "rwkv-rs-a", tensors)


def test_axes_of_one_that_a_converter_added_are_dropped(tmp_path):
    for generation in ("4", "5.0", "5.1", "5.2"):
        tensors = random_tensors(generation)
        odd = dict(tensors)
        for name, tensor in tensors.items():
            if name.endswith(("time_decay", "time_first", "time_faaaa")):
                odd[name] = tensor[None, None] if generation == "4" else tensor[..., None]
        path = write_safetensors(tmp_path / "m.safetensors", odd)
        assert_official(path, "official", tensors)


def test_two_tensors_for_one_official_name_are_refused(tmp_path):
    tensors = fla_7(random_tensors("7.0"))
    tensors["emb.weight"] = tensors["model.embeddings.weight"].clone()
    with pytest.raises(DamagedCheckpoint):
        open_checkpoint(write_safetensors(tmp_path / "m.safetensors", tensors))

"""GGUF files of RWKV-6 and -7: names, layouts, rescaling back, and every kind of packing."""

import gguf
import numpy as np
import pytest
import torch

from app.errors import (
    DamagedCheckpoint,
    ForeignCheckpoint,
    UnsupportedFormat,
    UnsupportedVariant,
)
from app.messages.failures import say
from app.runtime.checkpoint import open_checkpoint
from app.runtime.checkpoint.gguf import TYPES
from tests.support.checkpoints import random_tensors
from tests.support.gguf_files import random_packed, stored, write_gguf

NAMES = {"fp32": "F32", "fp16": "F16", "fp64": "F64"}


def as_dummies(tensors):
    """The first block of an RWKV-7 GGUF has copies where its values are of no use."""
    return tensors | {f"blocks.0.att.v{n}": tensors[f"blocks.0.att.a{n}"] for n in "012"}


@pytest.mark.parametrize("generation", ["6.0", "7.0"])
@pytest.mark.parametrize("sizes", [{}, {"attention_width": 96, "head_size": 32, "layers": 7}])
def test_unpacked_files_give_back_the_official_tensors(tmp_path, generation, sizes):
    tensors = random_tensors(generation, **sizes)
    path = tmp_path / "m.gguf"
    write_gguf(path, tensors, generation, rescale=2)
    wanted = as_dummies(tensors) if generation == "7.0" else tensors
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.format, checkpoint.dialect) == ("gguf", "llama.cpp")
        assert checkpoint.spec.generation == generation
        assert checkpoint.spec.head_size == sizes.get("head_size", 16)
        assert set(checkpoint.tensors) == set(wanted)
        for name, tensor in wanted.items():
            assert checkpoint.tensors[name].shape == tuple(tensor.shape), name
            assert torch.equal(checkpoint.read(name), tensor), name


@pytest.mark.parametrize("packed", ["F16", "BF16", "Q4_0", "Q5_1", "Q8_0"])
@pytest.mark.parametrize("generation", ["6.0", "7.0"])
def test_packed_matrices_hold_what_the_packing_left(tmp_path, generation, packed):
    tensors = random_tensors(generation, layers=5, width=64, ffn_width=256)
    path = tmp_path / "m.gguf"
    held = write_gguf(path, tensors, generation, packed=packed, rescale=2)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.dtype == packed.lower().replace("f16", "fp16").replace("bfp", "bf")
        for layer in range(5):
            scale = 2.0 ** (layer // 2) if generation == "6.0" else 1.0
            for official, theirs in (
                ("att.output", "time_mix_output"),
                ("ffn.value", "channel_mix_value"),
            ):
                found = checkpoint.read(f"blocks.{layer}.{official}.weight")
                wanted = held[f"blk.{layer}.{theirs}.weight"] * scale
                assert torch.equal(found.float(), wanted)
            key = checkpoint.read(f"blocks.{layer}.att.key.weight", torch.float32)
            assert torch.equal(key, held[f"blk.{layer}.time_mix_key.weight"])


@pytest.mark.parametrize("name", [name for name, _, _ in TYPES.values()])
def test_every_type_that_the_package_unpacks_is_read_in_blocks(tmp_path, name, monkeypatch):
    """With random bytes: numbers, infinities and NaN come back bit for bit."""
    monkeypatch.setattr("app.runtime.checkpoint.dequantising._NUMBERS_AT_ONCE", 700)
    kind = gguf.GGMLQuantizationType[NAMES.get(name, name.upper())]
    tensors = stored(random_tensors("7.0", width=256, head_size=64, layers=1), "7.0")
    packed = random_packed(kind, 97, 256)
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, "rwkv7")
    writer.add_uint32("rwkv7.wkv.head_size", 64)
    for their, tensor in tensors.items():
        if their == "output.weight":
            writer.add_tensor(their, packed, raw_dtype=kind)
        else:
            writer.add_tensor(their, tensor.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with np.errstate(all="ignore"):
        wanted = packed.view("<f8") if name == "fp64" else gguf.quants.dequantize(packed, kind)
    with open_checkpoint(path) as checkpoint:
        found = checkpoint.read("head.weight")
        halved = checkpoint.read("head.weight", torch.float16)
    expected = torch.from_numpy(np.ascontiguousarray(wanted)).to(found.dtype)
    assert found.shape == (97, 256)
    assert torch.equal(found.nan_to_num(1.5), expected.nan_to_num(1.5))
    assert torch.equal(halved.nan_to_num(1.5), expected.half().nan_to_num(1.5))


def test_the_table_of_types_agrees_with_the_package():
    for number, (name, block, width) in TYPES.items():
        kind = gguf.GGMLQuantizationType(number)
        assert kind.name == NAMES.get(name, name.upper())
        assert gguf.GGML_QUANT_SIZES[kind] == (block, width)
    unpacked = {kind.value for kind in gguf.quants._type_traits}
    assert unpacked <= set(TYPES)


def test_files_from_before_the_fused_mixes_are_read(tmp_path):
    tensors = random_tensors("6.0")
    files = stored(tensors, "6.0")
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "rwkv6")
    for name, tensor in files.items():
        if not name.endswith("time_mix_lerp_fused.weight"):
            writer.add_tensor(name, tensor.contiguous().numpy())
            continue
        for row, x in enumerate("wkvrg"):
            writer.add_tensor(name.replace("fused", x), tensor[row].contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with open_checkpoint(tmp_path / "m.gguf") as checkpoint:
        for name, tensor in tensors.items():
            assert torch.equal(checkpoint.read(name), tensor), name


def bare(path, arch, *, facts=(), tensors=None):
    writer = gguf.GGUFWriter(path, arch)
    for name, value in facts:
        writer.add_uint32(name, value)
    for name, tensor in (tensors or {"token_embd.weight": np.zeros((4, 32), "<f4")}).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_models_of_other_architectures_are_named(tmp_path):
    with pytest.raises(ForeignCheckpoint) as caught:
        open_checkpoint(bare(tmp_path / "a.gguf", "llama"))
    assert "llama" in say(caught.value).text
    for arch in ("rwkv6qwen2", "arwkv7"):
        with pytest.raises(UnsupportedVariant):
            open_checkpoint(bare(tmp_path / "b.gguf", arch))


def test_a_part_of_a_split_file_is_refused(tmp_path):
    with pytest.raises(UnsupportedFormat) as caught:
        open_checkpoint(bare(tmp_path / "a.gguf", "rwkv7", facts=[("split.count", 3)]))
    assert "split" in say(caught.value).text


def test_other_versions_and_byte_orders_are_refused(tmp_path):
    path = bare(tmp_path / "a.gguf", "rwkv7")
    content = path.read_bytes()
    for version, word in ((1, "version 1"), (4, "version 4"), (0x03000000, "big-endian")):
        path.write_bytes(content[:4] + version.to_bytes(4, "little") + content[8:])
        with pytest.raises(UnsupportedFormat) as caught:
            open_checkpoint(path)
        assert word in say(caught.value).text


def test_an_empty_rwkv_misses_its_tensors(tmp_path):
    tensors = stored(random_tensors("7.0"), "7.0")
    del tensors["blk.2.time_mix_w1.weight"]
    path = bare(tmp_path / "a.gguf", "rwkv7", tensors={k: t.numpy() for k, t in tensors.items()})
    with pytest.raises(DamagedCheckpoint) as caught:
        open_checkpoint(path)
    assert caught.value.facts["missing"] == "blocks.2.att.w1"

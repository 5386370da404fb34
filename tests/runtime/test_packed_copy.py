"""Packed copies: the same numbers as packing at load, told by their header, refused when broken."""

import pytest
import torch

from app.errors import DamagedCheckpoint, RequestRefused, UnsupportedFormat
from app.kernels import open_ops
from app.kernels.portable import PortableOps
from app.runtime import packed_copy
from app.runtime.checkpoint import open_checkpoint
from app.runtime.loading import open_model
from app.runtime.models import build
from app.runtime.packed_copy import write_packed
from app.runtime.strategy import parse
from tests.support.checkpoints import GENERATIONS, random_tensors, write_pth

TOKENS = torch.tensor([[5, 60, 7, 33, 2, 90]])


def _original(folder, generation="7.0", dtype=torch.bfloat16, **sizes):
    sizes = {"layers": 2, "width": 128, "head_size": 32} | sizes
    return write_pth(folder / "model.pth", random_tensors(generation, dtype=dtype, **sizes))


def _packed(path, strategy="cpu int8", ops=None):
    copy = path.with_name("copy.safetensors")
    with open_checkpoint(path) as checkpoint:
        write_packed(checkpoint, ops or open_ops("cpu"), parse(strategy), copy)
    return copy


def _logits(path, strategy, ops=None):
    with open_checkpoint(path) as checkpoint:
        model = build(checkpoint, ops or open_ops("cpu"), parse(strategy))
    return model.forward(TOKENS, model.blank(), every=True), model.weights_bytes


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("strategy", ["cpu int8", "cpu int4"])
def test_a_copy_gives_the_logits_of_its_original(tmp_path, generation, strategy):
    original = _original(tmp_path, generation)
    copy = _packed(original, strategy)
    (wanted, size), (found, same) = _logits(original, strategy), _logits(copy, strategy)
    assert torch.equal(found, wanted)
    assert size == same


def test_a_copy_tells_what_it_is(tmp_path):
    original = _original(tmp_path, width=512, head_size=64)
    copy = _packed(original, "cpu int4")
    with open_checkpoint(original) as one, open_checkpoint(copy) as other:
        assert other.spec == one.spec
        assert (other.dialect, other.dtype) == ("packed", "int4")
        assert other.bytes < 0.5 * one.bytes
        assert set(other.tensors) == set(one.tensors)


def test_a_copy_is_run_as_it_is_without_being_told(tmp_path):
    opened = open_model(_packed(_original(tmp_path)), "")
    assert opened.strategy.text == "cpu int8"


def test_a_copy_can_be_run_in_floats(tmp_path):
    copy = _packed(_original(tmp_path))
    exact, _ = _logits(copy, "cpu fp32")
    quantised, _ = _logits(copy, "cpu int8")
    assert (exact - quantised).abs().max() < 0.02 * exact.abs().max()


def test_a_copy_made_by_unit_serves_plain_operations_too(tmp_path):
    copy = _packed(_original(tmp_path))
    exact, _ = _logits(copy, "cpu int8")
    plain, _ = _logits(copy, "cpu int8", PortableOps())
    assert (exact - plain).abs().max() < 0.02 * exact.abs().max()


def test_a_layout_that_is_not_for_its_place_is_made_anew(tmp_path, monkeypatch):
    right = packed_copy._shape

    def by_unit(*asked):
        shape = right(*asked)
        return shape and shape._replace(by_unit=True)

    original = _original(tmp_path)
    exact, _ = _logits(original, "cpu int8")
    monkeypatch.setattr(packed_copy, "_shape", by_unit)
    found, _ = _logits(_packed(original), "cpu int8")
    assert (exact - found).abs().max() < 0.02 * exact.abs().max()


def test_a_copy_of_32_bit_numbers_keeps_what_is_not_packed(tmp_path):
    original = _original(tmp_path, dtype=torch.float32)
    wanted, _ = _logits(original, "cpu int8")
    assert torch.equal(_logits(_packed(original), "cpu int8")[0], wanted)


@pytest.mark.parametrize("strategy", ["cpu fp32", "cpu bf16"])
def test_only_quantised_formats_are_packed(tmp_path, strategy):
    with pytest.raises(RequestRefused):
        _packed(_original(tmp_path), strategy)
    assert not (tmp_path / "copy.safetensors").exists()


def test_a_copy_is_not_packed_again(tmp_path):
    copy = _packed(_original(tmp_path))
    with pytest.raises(RequestRefused):
        _packed(copy.rename(tmp_path / "first.safetensors"), "cpu int4")


def test_a_flipped_bit_is_found(tmp_path):
    copy = _packed(_original(tmp_path))
    whole = bytearray(copy.read_bytes())
    with open_checkpoint(copy) as checkpoint:
        stored = checkpoint._container.tensors[checkpoint._recipes["head.weight"].stored]
        _, begin = checkpoint._container.place(stored)
    whole[begin + stored.offset + 1000] ^= 4
    copy.write_bytes(whole)
    with pytest.raises(DamagedCheckpoint) as caught:
        open_model(copy, "cpu int8")
    assert caught.value.facts["path"] == str(copy)


def test_a_copy_that_ends_early_is_found(tmp_path):
    copy = _packed(_original(tmp_path))
    copy.write_bytes(copy.read_bytes()[:-100])
    with pytest.raises(DamagedCheckpoint):
        open_checkpoint(copy)


@pytest.mark.parametrize(
    ("old", "new", "failure"),
    [
        (b"rookery-packed-1", b"rookery-packed-9", UnsupportedFormat),
        (b'"strategy": "int8"', b'"strategy": "int7"', DamagedCheckpoint),
        (b"|128x128|", b"|128x129|", DamagedCheckpoint),
        (b"|int8g16|", b"|int9g16|", DamagedCheckpoint),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, old, new, failure):
    copy = _packed(_original(tmp_path))
    whole = copy.read_bytes()
    assert old in whole
    copy.write_bytes(whole.replace(old, new, 1))
    with pytest.raises(failure):
        open_checkpoint(copy)

"""Packed copies: the same numbers as packing at load, told by their header, refused when broken."""

import json

import pytest
import torch

from app.errors import (
    DamagedCheckpoint,
    Failure,
    HostileCheckpoint,
    RequestRefused,
    UnsupportedFormat,
)
from app.kernels import open_ops
from app.kernels.portable import PortableOps
from app.runtime.checkpoint import Checkpoint, open_checkpoint, reading
from app.runtime.checkpoint import source as sources
from app.runtime.loading import packed_copy
from app.runtime.loading.loading import open_model
from app.runtime.loading.packed_copy import write_packed
from app.runtime.models import build
from app.runtime.planning.strategy import parse
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


def _places(copy):
    """Where each tensor of the file begins and how long it is, by its name there."""
    with open_checkpoint(copy) as checkpoint:
        container = checkpoint._container
        stored = container.tensors.values()
        return {one.name: (container.place(one)[1] + one.offset, one.nbytes) for one in stored}


def _wide(folder):
    return _original(folder, width=512, head_size=64)


@pytest.mark.parametrize("strategy", ["cpu int8", "cpu int4"])
def test_all_that_is_packed_begins_at_a_whole_vector(tmp_path, strategy):
    places = _places(_packed(_wide(tmp_path), strategy))
    packed = [begin for name, (begin, _) in places.items() if "|" in name]
    assert len(packed) == 1 + 2 * 4  # the head, and in each block a stack and three matrices
    assert {begin % 64 for begin in packed} == {0}


def test_what_is_no_whole_number_of_vectors_lies_last(tmp_path):
    places = _places(_packed(_original(tmp_path, "4", width=100, vocabulary=64))).values()
    whole = [begin for begin, size in places if size % 64 == 0]
    odd = [begin for begin, size in places if size % 64]
    assert {begin % 64 for begin in whole} == {0}
    assert max(whole) < min(odd)


@pytest.mark.skipif(not sources.CAN_MAP, reason="files are not mapped here")
@pytest.mark.parametrize("strategy", ["cpu int8", "cpu int4"])
def test_nothing_that_is_packed_is_copied(tmp_path, strategy, monkeypatch):
    copy = _packed(_wide(tmp_path), strategy)
    wanted, _ = _logits(copy, strategy)
    monkeypatch.setattr(reading, "_LEAST_BYTES", 1)

    def copied(*_):
        raise AssertionError("a packed matrix was read")

    monkeypatch.setattr(Checkpoint, "read_packed", copied)
    assert torch.equal(_logits(copy, strategy)[0], wanted)


def test_a_copy_is_the_same_where_files_cannot_be_mapped(tmp_path, monkeypatch):
    copy = _packed(_wide(tmp_path))
    wanted, _ = _logits(copy, "cpu int8")
    monkeypatch.setattr(sources, "CAN_MAP", False)
    assert torch.equal(_logits(copy, "cpu int8")[0], wanted)


def test_a_copy_of_the_first_version_is_read(tmp_path, monkeypatch):
    original = _wide(tmp_path)
    wanted, _ = _logits(original, "cpu int8")
    monkeypatch.setattr(packed_copy, "_STACKED", ())
    monkeypatch.setattr(packed_copy, "FORMAT", "rookery-packed-1")
    copy = _packed(original)
    whole = copy.read_bytes()  # that version had the data begin 8 bytes after a whole vector
    length = int.from_bytes(whole[:8], "little")
    text = whole[8 : 8 + length] + b" " * 8
    copy.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + length :])
    assert torch.equal(_logits(copy, "cpu int8")[0], wanted)


def test_a_stack_that_a_model_cuts_otherwise_is_read_matrix_by_matrix(tmp_path, monkeypatch):
    original = _wide(tmp_path)
    monkeypatch.setattr(packed_copy, "_STACKED", ("value", "key", "receptance"))
    wanted, _ = _logits(original, "cpu int8")
    assert torch.equal(_logits(_packed(original), "cpu int8")[0], wanted)


def test_a_copy_whose_tensors_overlap_is_hostile(tmp_path):
    copy = _packed(_original(tmp_path))
    header, rest = _header(copy)
    names = [name for name in header if "|" in name]
    one, other = (header[name]["data_offsets"] for name in names[:2])
    other[:] = [one[0], one[0] + other[1] - other[0]]
    _write(copy, header, rest)
    with pytest.raises(HostileCheckpoint):
        open_checkpoint(copy)


def test_two_matrices_that_changed_places_are_found(tmp_path):
    copy = _packed(_wide(tmp_path))
    header, rest = _header(copy)
    one, other = (name for name in header if "att.output" in name)
    header[one], header[other] = header[other], header[one]
    _write(copy, header, rest)
    with pytest.raises(DamagedCheckpoint):
        open_model(copy, "cpu int8")


def _header(copy):
    whole = copy.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    return json.loads(whole[8 : 8 + length]), whole[8 + length :]


def _write(copy, header, rest):
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    copy.write_bytes(len(text).to_bytes(8, "little") + text + rest)


def test_a_copy_that_is_written_anew_under_an_open_model_leaves_it_as_it_was(tmp_path):
    original = _original(tmp_path)
    copy = _packed(original)
    with open_checkpoint(copy) as checkpoint:
        model = build(checkpoint, open_ops("cpu"), parse("cpu int8"))
    wanted = model.forward(TOKENS, model.blank())
    assert _packed(original, "cpu int4") == copy
    assert torch.equal(model.forward(TOKENS, model.blank()), wanted)


def test_a_copy_that_ends_early_is_found(tmp_path):
    copy = _packed(_original(tmp_path))
    copy.write_bytes(copy.read_bytes()[:-100])
    with pytest.raises(DamagedCheckpoint):
        open_checkpoint(copy)


@pytest.mark.parametrize(
    ("old", "new", "failure"),
    [
        (b"rookery-packed-2", b"rookery-packed-9", UnsupportedFormat),
        (b'"strategy": "int8"', b'"strategy": "int7"', DamagedCheckpoint),
        (b"|128x128|", b"|128x129|", DamagedCheckpoint),
        (b"|int8g16|", b"|int9g16|", DamagedCheckpoint),
        (b".key.weight,blocks.0.att.value.", b".key.weight;blocks.0.att.value.", DamagedCheckpoint),
        (b".key.weight,blocks.0.att.value.", b".key.weight_blocks.0.att.value.", DamagedCheckpoint),
        (b".key.weight,blocks.0.att.value.", b".key.weight,blocks.0.att.key..", DamagedCheckpoint),
        (b"receptance.weight,blocks.0.att.key.", b"key.weight,blocks.0.att.key.weight.", Failure),
        (b'"dtype": "U8"', b'"dtype": "I8"', DamagedCheckpoint),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, old, new, failure):
    copy = _packed(_original(tmp_path))
    whole = copy.read_bytes()
    assert old in whole
    copy.write_bytes(whole.replace(old, new, 1))
    with pytest.raises(failure):
        open_checkpoint(copy)

"""Safetensors whose header lies, overlaps or makes no sense: one failure each, at once."""

import json
import time

import pytest
import torch
from safetensors.torch import save

from app.errors import DamagedCheckpoint, Failure, HostileCheckpoint, UnsupportedFormat
from app.messages.failures import say
from app.runtime.checkpoint import open_checkpoint
from tests.support.checkpoints import random_tensors, write_safetensors
from tests.support.hostile import write_header


def refusal(path):
    """The failure that opening raises, within one second of work."""
    begin = time.process_time()
    with pytest.raises(Failure) as caught:
        open_checkpoint(path)
    assert time.process_time() - begin < 1
    assert caught.value.facts["path"] == str(path)
    return caught.value


def parts():
    """The header and the data of an honest file."""
    content = save(random_tensors(layers=1))
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


@pytest.mark.parametrize("length", [4 << 30, (1 << 64) - 1, 5 << 20])
def test_a_header_that_claims_gigabytes_is_hostile(tmp_path, length):
    path = write_header(tmp_path / "m.safetensors", {"a": 1}, length=length)
    with path.open("r+b") as file:
        file.truncate(6 << 30)
    assert isinstance(refusal(path), HostileCheckpoint)


HEADERS = {
    "longer than the file": (b"{}", 3),
    "cut off": (b'{"emb.weight": {', None),
    "not JSON": (b"{emb: 3}", None),
    "a list": (b"{}[]", None),
    "no text": (b"{\xff\xfe}", None),
    "deep": (b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}", None),
    "deep dicts": (b'{"a":' * 300_000 + b"1" + b"}" * 300_000, None),
    "a number of a million digits": (b'{"a": ' + b"9" * 1_000_000 + b"}", None),
    "a million names": (b"{" + b",".join(b'"%d":{}' % i for i in range(200_000)) + b"}", None),
    "empty": (b"{}", None),
    "only metadata": (b'{"__metadata__": {"format": "pt"}}', None),
    "metadata that is a list": (b'{"__metadata__": ["pt"]}', None),
    "zero long": (b"{}", 0),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_are_no_header_are_refused(tmp_path, name):
    text, length = HEADERS[name]
    refusal(write_header(tmp_path / "m.safetensors", text, length=length))


ENTRIES = {
    "no shape": {"dtype": "F32", "data_offsets": [0, 4]},
    "no place": {"dtype": "F32", "shape": [1]},
    "no type": {"shape": [1], "data_offsets": [0, 4]},
    "a number": 3,
    "a list": [1, 2],
    "null": None,
    "one offset": {"dtype": "F32", "shape": [1], "data_offsets": [0]},
    "three offsets": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]},
    "text offsets": {"dtype": "F32", "shape": [1], "data_offsets": ["0", "4"]},
    "float offsets": {"dtype": "F32", "shape": [1], "data_offsets": [0.0, 4.0]},
    "negative offsets": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]},
    "end before begin": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]},
    "past the end": {"dtype": "F32", "shape": [1], "data_offsets": [1 << 40, (1 << 40) + 4]},
    "float shape": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]},
    "nan shape": {"dtype": "F32", "shape": [float("nan")], "data_offsets": [0, 4]},
    "infinite shape": {"dtype": "F32", "shape": [float("inf")], "data_offsets": [0, 4]},
    "negative shape": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
    "true shape": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]},
    "text shape": {"dtype": "F32", "shape": "1", "data_offsets": [0, 4]},
    "dict shape": {"dtype": "F32", "shape": {"0": 1}, "data_offsets": [0, 4]},
    "huge shape": {"dtype": "F32", "shape": [1 << 47, 1 << 47], "data_offsets": [0, 4]},
    "endless axes": {"dtype": "F32", "shape": [1] * 100_000, "data_offsets": [0, 4]},
    "contradiction": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
    "unknown type": {"dtype": "F33", "shape": [1], "data_offsets": [0, 4]},
    "type is a list": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]},
    "eight bits": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]},
}


@pytest.mark.parametrize("name", ENTRIES)
def test_one_impossible_entry_refuses_the_file(tmp_path, name):
    header, data = parts()
    header["head.weight"] = ENTRIES[name]
    refusal(write_header(tmp_path / "m.safetensors", header, data))


def test_overlapping_tensors_are_hostile(tmp_path):
    header, data = parts()
    header["blocks.0.ln1.bias"]["data_offsets"] = header["blocks.0.ln1.weight"]["data_offsets"]
    path = write_header(tmp_path / "m.safetensors", header, data)
    assert isinstance(refusal(path), HostileCheckpoint)
    begin, end = header["blocks.0.ln1.weight"]["data_offsets"]
    header["blocks.0.ln1.bias"]["data_offsets"] = [begin + 4, end + 4]
    path = write_header(tmp_path / "m.safetensors", header, data)
    assert isinstance(refusal(path), HostileCheckpoint)


def test_a_name_that_stands_twice_is_damage(tmp_path):
    header, data = parts()
    entry = json.dumps(header["head.weight"])
    text = json.dumps(header)[:-1] + f', "head.weight": {entry}}}'
    path = write_header(tmp_path / "m.safetensors", text.encode(), data)
    assert isinstance(refusal(path), DamagedCheckpoint)


def test_padding_and_gaps_that_writers_leave_are_no_damage(tmp_path):
    header, data = parts()
    text = json.dumps(header).encode() + b" " * 100
    write_header(tmp_path / "m.safetensors", text, data + b"\0" * 10)
    with open_checkpoint(tmp_path / "m.safetensors") as checkpoint:
        found = {name: checkpoint.read(name) for name in checkpoint.tensors}
    assert all(torch.equal(found[n], t) for n, t in random_tensors(layers=1).items())


def test_whole_numbers_and_packed_weights_are_named(tmp_path):
    tensors = random_tensors(layers=1)
    tensors["head.weight"] = tensors["head.weight"].to(torch.int8)
    failure = refusal(write_safetensors(tmp_path / "m.safetensors", tensors))
    assert isinstance(failure, UnsupportedFormat)
    assert "int8" in say(failure).text


def test_metadata_is_kept_as_text(tmp_path):
    header, data = parts()
    header["__metadata__"] = {"format": "pt", "rounds": "3"}
    with open_checkpoint(write_header(tmp_path / "m.st", header, data)) as checkpoint:
        assert checkpoint.metadata == {"format": "pt", "rounds": "3"}

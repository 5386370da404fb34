"""Torch archives that are hostile, damaged, foreign or old: refused in words, nothing is run."""

import collections
import functools
import operator
import os
import pickle
import socket
import subprocess
import time
import zipfile

import pytest
import torch

from app.errors import (
    Failure,
    ForeignCheckpoint,
    HostileCheckpoint,
    NotWeights,
    UnsupportedFormat,
)
from app.messages.failures import say
from app.runtime.checkpoint import open_checkpoint
from tests.support.checkpoints import random_tensors, write_pth
from tests.support.hostile import (
    Call,
    Rebuilt,
    Stored,
    pickled,
    tensor,
    write_archive,
    write_pickle,
)
from tests.support.sparse import shapes_7, sparse_pth


def refusal(path):
    """The failure that opening raises, within one second of work."""
    begin = time.process_time()
    with pytest.raises(Failure) as caught:
        open_checkpoint(path)
    assert time.process_time() - begin < 1
    assert caught.value.facts["path"] == str(path)
    return caught.value


CALLS = {
    "os.system": lambda mark: Call(os.system, f"touch {mark}"),
    "eval": lambda mark: Call(eval, f"open({str(mark)!r}, 'w')"),
    "exec": lambda mark: Call(exec, f"open({str(mark)!r}, 'w')"),
    "open": lambda mark: Call(open, str(mark), "w"),
    "partial": lambda mark: Call(functools.partial, os.mkdir, str(mark)),
    "popen": lambda mark: Call(subprocess.Popen, ["touch", str(mark)]),
    "torch.load": lambda mark: Call(torch.load, str(mark)),
    "bytes of torch": lambda mark: Call(torch.storage._load_from_bytes, b""),
    "setattr": lambda mark: Call(setattr, torch.nn.Module, "load", None),
    "socket": lambda mark: Call(socket.create_connection, ("localhost", 9)),
    "attrgetter": lambda mark: Call(operator.attrgetter, "system"),
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("call", CALLS)
def test_a_pickle_that_calls_anything_is_refused_and_calls_nothing(tmp_path, call, protocol):
    mark = tmp_path / "mark"
    content = dict(random_tensors(), extra=CALLS[call](mark))
    torch.save(content, tmp_path / "m.pth", pickle_protocol=protocol)
    assert isinstance(refusal(tmp_path / "m.pth"), HostileCheckpoint)
    assert not mark.exists()


def test_the_refused_name_is_told(tmp_path):
    torch.save({"a": Call(os.system, "true")}, tmp_path / "m.pth")
    failure = refusal(tmp_path / "m.pth")
    assert isinstance(failure, HostileCheckpoint)
    assert "system" in say(failure).text


BY_HAND = {
    "inst": b"(S'true'\nios\nsystem\n.",
    "import": b"\x80\x02c__builtin__\n__import__\nX\x02\x00\x00\x00os\x85R.",
    "a module behind another": b"\x80\x04\x8c\x05torch\x8c\x09os.system\x93.",
    "obj": b"(cos\nsystem\nX\x04\x00\x00\x00trueo.",
    "newobj": b"\x80\x02cbuiltins\nobject\n)\x81.",
    "newobj of a listed name": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    "extension": b"\x80\x02\x82\x01.",
    "persistent text": b"Pos.system\n.",
    "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "reduce of a list": b"\x80\x02]R.",
    "reduce of a storage": b"\x80\x02ctorch\nFloatStorage\n)R.",
    "reduce of a type": b"\x80\x02ctorch\nfloat32\n)R.",
    "state on nothing": b"\x80\x02b.",
    "no stop": b"\x80\x02}",
    "nothing": b"",
    "only stop": b".",
    "text past the end": b"\x80\x02X\xff\xff\xff\x7fabc.",
    "text of minus one": b"\x80\x02T\xff\xff\xff\xffabc.",
    "memo that is not there": b"\x80\x02h\x05.",
    "unhashable key": b"\x80\x02}]K\x01s.",
    "key is a tuple": b"\x80\x02})K\x01s.",
    "uneven items": b"\x80\x02}(K\x01u.",
    "mark without one": b"\x80\x02u.",
    "long memo number": b"}p" + b"9" * 5000 + b"\n.",
    "tuple of too little": b"\x80\x02K\x01\x87.",
    "a number": b"\x80\x02K\x01.",
    "a text": b"\x80\x02X\x01\x00\x00\x00a.",
    "bad words": b"\x80\x02X\x02\x00\x00\x00\xff\xfe.",
}


@pytest.mark.parametrize("name", BY_HAND)
def test_pickles_by_hand_are_refused(tmp_path, name):
    refusal(write_pickle(tmp_path / "m.pth", BY_HAND[name]))


def test_bombs_end_within_a_second(tmp_path):
    laughs = b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * 150_000 + b"."
    deep = b"\x80\x02" + b"(" * 400_000 + b"t" * 400_000 + b"."
    key = b"\x80\x02})" + b"\x85" * 400_000 + b"K\x01s."
    endless = b"N0" * (6 << 20) + b"."
    wide = b"\x80\x02]q\x00" + b"h\x00" * 400_000 + b"."
    again = b"\x80\x02}q\x00(" + b"K\x01K\x01" * 100_000 + b"u" + b"h\x000" * 300_000 + b"."
    pairs = b"](" + b"K\x01K\x01\x86" * 100_000 + b"eq\x00\x85ccollections\nOrderedDict\nq\x010"
    pairs += b"h\x01h\x00\x85R0" * 100_000 + b"."
    for data in (laughs, deep, key, endless, wide, again, b"\x80\x02" + pairs):
        refusal(write_pickle(tmp_path / "m.pth", data))
    refusal(write_pickle(tmp_path / "m.pth", b"0" * (17 << 20)))


def model_with(odd):
    """A pickle of an RWKV whose last tensor is ``odd``, and data for all the others."""
    shapes = {name: tuple(t.shape) for name, t in random_tensors(layers=1).items()}
    content = {name: tensor(key, shape) for key, (name, shape) in enumerate(shapes.items())}
    content["head.weight"] = odd
    data = {f"data/{key}": bytes(2 * tensor_.numel()) for key, tensor_ in _numbered()}
    return {"data.pkl": pickled(content), **data}


def _numbered():
    return enumerate(random_tensors(layers=1).values())


HEAD = len(random_tensors(layers=1)) - 1
SHAPES = {
    "float": (97.0, 64),
    "nan": (float("nan"), 64),
    "negative": (-97, -64),
    "true": (True, 64),
    "text": ("97", 64),
    "none": (None, 64),
    "huge": (1 << 40, 1 << 40),
    "larger than a number": (1 << 70, 64),
    "more than there is": (98, 64),
    "nine axes": (97, 64, 1, 1, 1, 1, 1, 1, 1),
    "nothing": (0, 64),
    "a list": [97, 64],
    "no axis": (),
    "one axis": (97 * 64,),
    "transposed": (64, 97),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_that_cannot_be_are_refused(tmp_path, name):
    shape = SHAPES[name]
    steps = (64, 1) if len(shape) == 2 else tuple(1 for _ in shape)
    odd = Rebuilt(Stored(HEAD, 97 * 64), 0, shape, steps, False, collections.OrderedDict())
    refusal(write_archive(tmp_path / "m.pth", model_with(odd)))


@pytest.mark.parametrize(
    ("offset", "steps"),
    [(1, (64, 1)), (-1, (64, 1)), (0, (65, 1)), (0, (-64, 1)), (1 << 60, (64, 1)), (0.5, (64, 1))],
)
def test_tensors_that_reach_past_their_data_are_refused(tmp_path, offset, steps):
    odd = Rebuilt(Stored(HEAD, 97 * 64), offset, (97, 64), steps, False, collections.OrderedDict())
    refusal(write_archive(tmp_path / "m.pth", model_with(odd)))


def test_storages_that_claim_more_than_their_part_are_refused(tmp_path):
    for count in (97 * 64 + 1, 1 << 47, 1 << 62, -1, 97.0 * 64):
        odd = tensor(HEAD, (97, 64), count=count)
        refusal(write_archive(tmp_path / "m.pth", model_with(odd)))
    for key in ("nothing", "../data.pkl", HEAD + 1):
        refusal(write_archive(tmp_path / "m.pth", model_with(tensor(key, (97, 64)))))


def test_many_tensors_over_the_same_bytes_are_refused(tmp_path):
    shapes = {name: tuple(t.shape) for name, t in random_tensors(vocabulary=5000).items()}
    size = max(s[0] * s[-1] for s in shapes.values())
    shared = {name: tensor(0, shape, count=size) for name, shape in shapes.items()}
    shared |= {f"blocks.{layer}.ffn.key.weight": tensor(0, (5000, 64)) for layer in range(50)}
    entries = {"data.pkl": pickled(shared), "data/0": bytes(2 * size)}
    assert isinstance(refusal(write_archive(tmp_path / "m.pth", entries)), HostileCheckpoint)


def test_whole_numbers_as_weights_are_refused(tmp_path):
    entries = model_with(tensor(HEAD, (97, 64), kind=torch.ByteStorage))
    failure = refusal(write_archive(tmp_path / "m.pth", entries))
    assert isinstance(failure, UnsupportedFormat)


def test_a_compressed_archive_is_refused_without_being_unpacked(tmp_path):
    bomb = {"data.pkl": b"0" * (64 << 20)}
    write_archive(tmp_path / "m.pth", bomb, packed=zipfile.ZIP_DEFLATED)
    assert (tmp_path / "m.pth").stat().st_size < 1 << 20
    assert isinstance(refusal(tmp_path / "m.pth"), HostileCheckpoint)


def test_two_parts_of_one_name_are_refused(tmp_path):
    write_pth(tmp_path / "m.pth", random_tensors())
    with (
        zipfile.ZipFile(tmp_path / "m.pth", "a") as archive,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        archive.writestr("m/data.pkl", b"")
    assert isinstance(refusal(tmp_path / "m.pth"), HostileCheckpoint)


def test_the_byte_order_of_other_machines_is_refused(tmp_path):
    entries = model_with(tensor(HEAD, (97, 64))) | {"byteorder": b"big"}
    failure = refusal(write_archive(tmp_path / "m.pth", entries))
    assert isinstance(failure, UnsupportedFormat)
    assert "big-endian" in say(failure).text


def test_the_model_made_by_hand_is_read_when_nothing_is_odd(tmp_path):
    entries = model_with(tensor(HEAD, (97, 64))) | {"byteorder": b"little"}
    with open_checkpoint(write_archive(tmp_path / "m.pth", entries)) as checkpoint:
        assert checkpoint.spec.vocabulary == 97
        assert not checkpoint.read("head.weight").any()


def test_files_from_before_torch_had_archives_are_named(tmp_path):
    for protocol in (2, 4):
        torch.save(
            random_tensors(),
            tmp_path / "m.pth",
            _use_new_zipfile_serialization=False,
            pickle_protocol=protocol,
        )
        failure = refusal(tmp_path / "m.pth")
        assert isinstance(failure, UnsupportedFormat)
        assert "1.6" in say(failure).text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_other_things_in_a_zip_are_named(tmp_path):
    import numpy as np

    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    assert "NumPy" in say(refusal(tmp_path / "a.npz")).text
    write_archive(tmp_path / "a.zip", {"word/document.xml": b"<x/>"}, root="")
    assert "zip" in say(refusal(tmp_path / "a.zip")).text
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "a.pt")
    assert "TorchScript" in say(refusal(tmp_path / "a.pt")).text
    torch.save([torch.zeros(3)] * 6, tmp_path / "state.pth")
    assert "state" in say(refusal(tmp_path / "state.pth")).text, "the package saves one so"


def test_other_models_in_a_torch_file_are_foreign(tmp_path):
    torch.save({"layer1.weight": torch.zeros(3)}, tmp_path / "a.pth")
    assert isinstance(refusal(tmp_path / "a.pth"), ForeignCheckpoint)
    torch.save({"epoch": 3}, tmp_path / "b.pth")
    assert isinstance(refusal(tmp_path / "b.pth"), NotWeights)


def test_files_that_the_rwkv_package_converted_are_refused(tmp_path):
    converted = dict(random_tensors("6.0"), _strategy="cpu fp32", _version=0.7, _rescale_layer=0)
    torch.save(converted, tmp_path / "m.pth")
    failure = refusal(tmp_path / "m.pth")
    assert isinstance(failure, UnsupportedFormat)
    assert "converted" in say(failure).text


def test_a_plain_pickle_is_never_opened(tmp_path):
    (tmp_path / "m.pth").write_bytes(pickle.dumps({"a": 1}))
    refusal(tmp_path / "m.pth")


def test_files_over_four_gigabytes_are_read_where_torch_finds_the_same(tmp_path):
    """As the official 2.9B to 13.3B: places in the archive need more than 32 bits."""
    shapes = shapes_7(layers=32, width=2560)
    path = sparse_pth(tmp_path / "big.pth", shapes)
    assert path.stat().st_size > 5_800_000_000
    last = list(shapes)[-1]
    assert last == "blocks.31.ffn.value.weight"
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.spec.parameters > 2.9e9
        stored = checkpoint._container.tensors[last]
        _, begin = checkpoint._container.place(stored)
        assert begin > 4 << 30
        with path.open("r+b") as file:
            file.seek(begin)
            file.write(b"\x80\x3f" * 3 + b"\x00\x40")
        found = checkpoint.read(last)
    wanted = torch.load(path, mmap=True, weights_only=True)
    assert found.flatten()[:5].tolist() == [1.0, 1.0, 1.0, 2.0, 0.0]
    assert torch.equal(found, wanted[last])

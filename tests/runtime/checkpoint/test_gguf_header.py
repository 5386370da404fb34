"""GGUF headers that lie: counts, lengths, types, places; one failure each, at once."""

import struct
import time

import pytest

from app.errors import (
    DamagedCheckpoint,
    Failure,
    ForeignCheckpoint,
    HostileCheckpoint,
    UnsupportedFormat,
)
from app.messages.failures import say
from app.runtime.checkpoint import open_checkpoint

U8, U32, F32, BOOL, STRING, ARRAY, U64 = 0, 4, 6, 7, 8, 9, 10


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def fact(name, kind, data):
    return text(name) + struct.pack("<I", kind) + data


def array(kind, count, data=b""):
    return struct.pack("<IQ", kind, count) + data


def entry(name, shape, kind=0, offset=0, axes=None):
    axes = len(shape) if axes is None else axes
    dims = b"".join(struct.pack("<Q", size) for size in shape)
    return text(name) + struct.pack("<I", axes) + dims + struct.pack("<IQ", kind, offset)


ARCH = fact("general.architecture", STRING, text("rwkv7"))


def header(facts=(), tensors=(), *, counted=None, tensors_counted=None):
    facts = [ARCH, *facts]
    counts = (
        len(tensors) if tensors_counted is None else tensors_counted,
        len(facts) if counted is None else counted,
    )
    return b"GGUF" + struct.pack("<IQQ", 3, *counts) + b"".join([*facts, *tensors]) + bytes(4096)


def refusal(path, content):
    path.write_bytes(content)
    begin = time.process_time()
    with pytest.raises(Failure) as caught:
        open_checkpoint(path)
    assert time.process_time() - begin < 1
    assert caught.value.facts["path"] == str(path)
    return caught.value


def words(count, size=8):
    return array(STRING, count, text(b"x" * size) * count)


LIES = {
    "countless facts": header(counted=1 << 60),
    "countless tensors": header(tensors_counted=1 << 60),
    "a hundred thousand tensors": header(tensors_counted=100_000),
    "endless text": header([fact("a", STRING, struct.pack("<Q", 1 << 63))]),
    "text of a gigabyte": header([fact("a", STRING, struct.pack("<Q", 1 << 30))]),
    "endless name": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, (1 << 64) - 1),
    "countless words": header([fact("a", ARRAY, array(STRING, 1 << 60))]),
    "a million words of nothing": header([fact("a", ARRAY, array(STRING, 1_900_000))]),
    "countless numbers": header([fact("a", ARRAY, array(F32, 1 << 62))]),
    "three thousand facts": header(
        [fact(f"fact {n}", BOOL, b"\1") for n in range(3000)], [entry("t", (4,))]
    ),
    "thousands of empty arrays": header(
        [fact(f"fact {n}", ARRAY, array(F32, 0)) for n in range(3000)], [entry("t", (4,))]
    ),
    "a name of a megabyte": header([fact("a" * (1 << 20), BOOL, b"\1")]),
    "text of twenty megabytes": header([fact("a", STRING, text("x" * (20 << 20)))]),
    "arrays in arrays": header([fact("a", ARRAY, array(ARRAY, 1, array(U8, 1, b"x")))]),
    "an unknown type": header([fact("a", 77, b"")]),
    "an array of an unknown type": header([fact("a", ARRAY, array(77, 1))]),
    "a name twice": header([fact("a", BOOL, b"\1"), fact("a", BOOL, b"\0")]),
    "a name that is no text": header([fact(b"\xff\xfe", BOOL, b"\1")]),
    "alignment of nothing": header([fact("general.alignment", U32, struct.pack("<I", 0))]),
    "odd alignment": header([fact("general.alignment", U32, struct.pack("<I", 33))]),
    "alignment in words": header([fact("general.alignment", STRING, text("wide"))]),
    "alignment of a half": header([fact("general.alignment", F32, struct.pack("<f", 32.5))]),
    "a hundred axes": header(tensors=[entry("t", (1,) * 100)]),
    "axes that are not there": header(tensors=[entry("t", (), axes=1 << 31)]),
    "a huge shape": header(tensors=[entry("t", (1 << 40, 1 << 40))]),
    "a huge place": header(tensors=[entry("t", (4,), offset=1 << 60)]),
    "half a block": header(tensors=[entry("t", (48, 2), kind=2)]),
    "no axis at all": header(tensors=[entry("t", (), kind=2)]),
    "past the end": header(tensors=[entry("t", (4,), offset=1 << 20)]),
    "not aligned": header(tensors=[entry("t", (4,), offset=4)]),
    "two of a name": header(tensors=[entry("t", (4,)), entry("t", (4,), offset=32)]),
    "no tensors": header(),
    "nothing of an RWKV": header(tensors=[entry("t", (4,))]),
}


@pytest.mark.parametrize("name", LIES)
def test_a_header_that_lies_is_refused(tmp_path, name):
    refusal(tmp_path / "m.gguf", LIES[name])


def test_a_text_that_nobody_needs_may_be_anything(tmp_path):
    facts = [
        fact("general.author", STRING, text(b"\xff\xfe")),
        fact("n", STRING, text("x" * 90_000)),
    ]
    failure = refusal(tmp_path / "m.gguf", header(facts, [entry("t", (4,))]))
    assert isinstance(failure, ForeignCheckpoint)  # all of the header was read


def test_overlapping_tensors_are_hostile(tmp_path):
    tensors = [entry("a", (64,)), entry("b", (64,), offset=32)]
    assert isinstance(refusal(tmp_path / "m.gguf", header(tensors=tensors)), HostileCheckpoint)


@pytest.mark.parametrize("kind", [4, 5, 9, 15, 24, 26, 36, 999])
def test_types_that_nobody_unpacks_are_named(tmp_path, kind):
    content = header(tensors=[entry("t", (256,), kind=kind)])
    failure = refusal(tmp_path / "m.gguf", content)
    assert isinstance(failure, UnsupportedFormat)
    assert str(kind) in say(failure).text


def test_a_header_of_gigabytes_is_hostile(tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(header([fact("a", ARRAY, array(U8, 3 << 30))]))
    with path.open("r+b") as file:
        file.truncate(4 << 30)
    with pytest.raises(HostileCheckpoint):
        open_checkpoint(path)


def test_a_vocabulary_over_the_read_blocks_is_skipped_exactly(tmp_path):
    """Words whose lengths and letters fall on every border of what is read at once."""
    for size in (0, 7, 41, 130_001):
        words_ = words(10 if size > 1000 else 60_000, size)
        content = header([fact("a", ARRAY, words_)], [entry("t", (48, 2), kind=2)])
        failure = refusal(tmp_path / "m.gguf", content)
        assert isinstance(failure, DamagedCheckpoint)
        assert "impossible shape" in say(failure).text

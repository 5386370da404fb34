"""The machine for pickles against random programs: a value or one failure, and no step too many."""

import pickletools
import random

import pytest

from app.errors import CheckpointError
from app.runtime.checkpoint.torch_files.pickled import read_pickle
from app.runtime.checkpoint.torch_files.rebuilding import Tensor
from tests.support.hostile import pickled, tensor

CODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]
GLOBALS = [
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_tensor_v3\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ccollections\nOrderedDict\n",
    b"ctorch\nSize\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch\nbfloat16\n",
    b"ctorch.storage\nUntypedStorage\n",
    b"cos\nsystem\n",
]
PIECES = [
    b"K\x01",
    b"K\x00",
    b"J\xff\xff\xff\xff",
    b"X\x01\x00\x00\x00a",
    b"X\x07\x00\x00\x00storage",
    b"G\x7f\xf8\x00\x00\x00\x00\x00\x00",
    b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"q\x00",
    b"h\x00",
    b"(",
    b"t",
    b"\x86",
    b"\x85",
    b")",
    b"}",
    b"]",
    b"R",
    b"Q",
    b"u",
    b"e",
    b"b",
]
SEEDS = 4000


def program(seed):
    """Mostly pieces that fit together, some opcodes of any kind, some bytes."""
    draw, made = random.Random(seed), [b"\x80\x02"]
    for _ in range(draw.randrange(1, 40)):
        kind = draw.random()
        if kind < 0.7:
            made.append(draw.choice(PIECES))
        elif kind < 0.85:
            made.append(draw.choice(GLOBALS))
        elif kind < 0.95:
            made.append(draw.choice(CODES) + bytes(draw.choices(range(256), k=draw.randrange(4))))
        else:
            made.append(draw.randbytes(draw.randrange(1, 9)))
    return b"".join(made) + b"."


def mutated(data, seed):
    draw, changed = random.Random(seed), bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 4])):
        changed[draw.randrange(len(changed))] = draw.choice([draw.randrange(256), *b"(Rtqh\x86"])
    return bytes(changed)


def outcome(data):
    try:
        value = read_pickle(data)
    except CheckpointError as failure:
        return failure.code
    return type(value).__name__


def test_random_programs_end_in_a_value_or_a_failure():
    found = {outcome(program(seed)) for seed in range(SEEDS)}
    assert {"damaged-checkpoint", "hostile-checkpoint", "tuple", "int"} <= found


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_honest_pickles_with_wrong_bytes_end_in_a_value_or_a_failure(protocol):
    content = {"state": {f"blocks.{i}.w": tensor(i, (3, 4)) for i in range(4)}, "epoch": 3}
    honest = pickled(content, protocol)
    found = {outcome(mutated(honest, seed)) for seed in range(SEEDS)}
    assert {"damaged-checkpoint", "hostile-checkpoint", "dict"} <= found


def test_an_honest_pickle_is_read_as_it_was_written():
    content = {"a": tensor("0", (3, 4), count=20, offset=8), "b": [1, (2.5, None, True)], 7: "x"}
    for protocol in (2, 3, 4):
        value = read_pickle(pickled(content, protocol))
        assert (value["b"], value[7]) == ([1, (2.5, None, True)], "x")
        found = value["a"]
        assert isinstance(found, Tensor)
        assert (found.dtype, found.shape, found.strides, found.offset) == (
            "bf16",
            (3, 4),
            (4, 1),
            8,
        )
        assert (found.storage.key, found.storage.numbers) == ("0", 20)

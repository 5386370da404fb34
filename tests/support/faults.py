"""Breaks model files in seeded ways, and tries them: a model, or one failure, and nothing else."""

import random
import re
import time
from pathlib import Path

from app.errors import CheckpointError
from app.runtime.checkpoint import open_checkpoint
from tests.support.checkpoints import random_tensors, write_pth, write_safetensors
from tests.support.dialects import DIALECTS
from tests.support.gguf_files import write_gguf

SECONDS = 1.0
_NASTY = [0, 1, 2, 0x7F, 0x80, 0xFF]
_NUMBERS = [b"-1", b"0", b"1e99", b"NaN", b"99999999999", b"1.5", b"null", b"[]", b'"x"']


def write_small_models(folder):
    """One small file of every format and dialect."""
    sizes = {"layers": 2, "width": 32, "head_size": 16, "ffn_width": 64, "vocabulary": 11}
    for number, (name, generations, writer) in enumerate(DIALECTS):
        tensors = writer(random_tensors(generations[-1], **sizes))
        write_safetensors(folder / f"{number}-{name}.safetensors", tensors)
    for generation in ("4", "5.0", "5.1", "5.2", "6.0", "7.0"):
        write_pth(folder / f"{generation}.pth", random_tensors(generation, **sizes))
    for generation, packed in (("6.0", "Q8_0"), ("7.0", "Q4_0"), ("7.0", "F16")):
        tensors = random_tensors(generation, **sizes)
        path = folder / f"{generation}-{packed}.gguf"
        write_gguf(path, tensors, generation, packed=packed, rescale=1)
    return sorted(folder.iterdir())


def zone(content, draw):
    """A place to break: mostly in what describes the tensors, which is where lies can hurt."""
    size = len(content)
    described = content.find(b"data.pkl")
    if described < 0:
        described = 0
    begin, end = draw.choice(
        [
            (0, min(64, size)),
            (described, min(described + 6000, size)),
            (0, min(4000, size)),
            (max(0, size - 6000), size),
            (max(0, size - 100), size),
            (0, size),
        ]
    )
    return draw.randrange(begin, max(begin + 1, end))


def _flip(content, draw):
    at = zone(content, draw)
    content[at] ^= 1 << draw.randrange(8)


def _set(content, draw):
    content[zone(content, draw)] = draw.choice(_NASTY)


def _fill(content, draw):
    at, size = zone(content, draw), draw.choice([2, 4, 8, 200])
    content[at : at + size] = bytes([draw.choice(_NASTY)]) * len(content[at : at + size])


def _cut(content, draw):
    del content[zone(content, draw) :]


def _drop(content, draw):
    at = zone(content, draw)
    del content[at : at + draw.choice([1, 2, 8, 500])]


def _insert(content, draw):
    at = zone(content, draw)
    content[at:at] = bytes(draw.choices(_NASTY, k=draw.choice([1, 4, 64])))


def _copy(content, draw):
    one, other, size = zone(content, draw), zone(content, draw), draw.choice([4, 30, 300])
    content[one : one + size] = content[other : other + size]


def _digits(content, draw):
    found = [match.span() for match in re.finditer(rb"\d+", bytes(content[:6000]))]
    if found:
        begin, end = draw.choice(found)
        content[begin:end] = draw.choice(_NUMBERS)


_FAULTS = (_flip, _flip, _set, _fill, _cut, _drop, _insert, _copy, _digits)


def broken(content, seed):
    """The bytes with one to three faults."""
    draw, changed = random.Random(seed), bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 3])):
        if changed:
            draw.choice(_FAULTS)(changed, draw)
    return bytes(changed)


def outcome(path):
    """Says "opened", or the code of the failure.

    Anything but a failure rises; so does whatever takes too long or reads what was not promised.
    """
    begin = time.process_time()
    try:
        return _read_all(path)
    except CheckpointError as failure:
        return failure.code if str(failure.facts["path"]).startswith(str(path)) else "no path"
    finally:
        assert time.process_time() - begin < SECONDS


def _read_all(path: Path):
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.fingerprint
        assert checkpoint.spec.parameters > 0
        for name, info in checkpoint.tensors.items():
            tensor = checkpoint.read(name)
            assert tuple(tensor.shape) == info.shape
            assert tensor.nbytes <= 64 * checkpoint.bytes
    return "opened"

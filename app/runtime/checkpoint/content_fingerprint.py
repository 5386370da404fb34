"""Tells weights apart by what is in them: what a state of a model is bound to.

``Checkpoint.fingerprint`` finds a file again; two models that differ in a few tensors only may
share it.  A state of one is wrong for the other, so this one looks into every tensor.
"""

import hashlib
import re
from collections.abc import Iterator

from .stored import BYTES_PER_NUMBER, Container, Stored

_WHOLE_BYTES = 32 << 10  # tensors of up to this size are read whole
_SAMPLES, _SAMPLE_BYTES = 5, 512
_START = re.compile(r"\.(time_state|ts_state)$")


def content_fingerprint(container: Container) -> str:
    """32 hex digits over names, types and shapes of all tensors, and bytes of each of them.

    Small tensors and those of a merged start state count whole, others by samples from begin to
    end.  Where a tensor lies does not count.  Raises DamagedCheckpoint, Unreadable.
    """
    digest = hashlib.blake2b(digest_size=16)
    for stored in sorted(container.tensors.values()):
        digest.update(repr((stored.name, stored.dtype, stored.shape, stored.strides)).encode())
        source, begin = container.place(stored)
        reach = min(_reach(stored), source.size - begin - stored.offset)
        for first, size in _pieces(stored, reach):
            digest.update(source.read(begin + stored.offset + first, size))
    return digest.hexdigest()


def _reach(stored: Stored) -> int:
    """Bytes from the first number to the last, which need not lie in order."""
    if stored.strides is None:
        return stored.nbytes
    if 0 in stored.shape:
        return 0
    steps = zip(stored.shape, stored.strides, strict=True)
    return (1 + sum((n - 1) * s for n, s in steps)) * BYTES_PER_NUMBER.get(stored.dtype, 1)


def _pieces(stored: Stored, reach: int) -> Iterator[tuple[int, int]]:
    """First byte and size of each piece that is read."""
    if reach <= _WHOLE_BYTES or _START.search(stored.name):
        yield 0, reach
        return
    for sample in range(_SAMPLES):
        yield (reach - _SAMPLE_BYTES) * sample // (_SAMPLES - 1), _SAMPLE_BYTES

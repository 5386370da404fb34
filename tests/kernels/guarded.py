"""Runs every kernel on arrays that end where no memory is: what reads on is killed at once.

    python -m tests.kernels.guarded LIBRARY [all]

A program of its own, as it is killed where a kernel is wrong.  Of two sizes every other pair is
tried, and with the next instruction set those between; with ``all`` every pair is.
"""

import ctypes
import faulthandler
import math
import mmap
import sys
from itertools import product
from pathlib import Path

import numpy as np
import torch

from app.kernels import Affine, Delta, Loras, packing
from app.kernels.native import ops_quantised
from app.kernels.native.base import Base
from app.kernels.native.library import Library
from app.kernels.native.ops import NativeOps
from app.kernels.pointer_table import PointerTable
from app.kernels.portable import DTYPES

PAGE = mmap.PAGESIZE
FLOATS = torch.float32, torch.bfloat16, torch.float16
FORMS = {kind: name for name, kind in DTYPES.items()}
MATRICES = (1, 1), (5, 3), (17, 70), (130, 33), (257, 129), (40, 520)  # (out, in)
ROWS = 1, 2, 7, 33
TEXTS = (1, 1), (2, 1), (2, 5), (1, 37)  # (batch, steps)
HEADS = (1, 1), (3, 8), (2, 33), (1, 64), (1, 100), (1, 130)  # (heads, size)

libc = ctypes.CDLL(None)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def room(shape, dtype=torch.float32):
    size = math.prod(shape) * dtype.itemsize
    end = -(-size // PAGE) * PAGE
    memory = np.frombuffer(mmap.mmap(-1, end + PAGE), np.uint8)
    assert libc.mprotect(memory.ctypes.data + end, PAGE, 0) == 0
    return torch.from_numpy(memory)[end - size : end].view(dtype).view(shape)


def put(x):
    return room(tuple(x.shape), x.dtype).copy_(x)


def some(*shape, dtype=torch.float32):
    return put(torch.randn(shape).to(dtype))


def norm(width):
    return Affine(some(width), some(width))


def room_for_packed(shape, count):
    codes = room((count, *shape.codes), torch.uint8)
    return packing.Packed(shape, codes, room((count, *shape.scales), torch.float16))


def products(ops, out, width, rows, kind):
    x, y, gate = some(1, rows, width), some(1, rows, out), some(1, rows, out)
    weight = some(out, width, dtype=kind)
    ops.matmul(x, weight, "relu2")
    ops.matmul(put(x.to(kind)), weight, "tanh")
    ops.matmul_onto(y, x, weight, gate)
    ops.head(x, weight)
    ops.matmul_stack(some(3, 1, rows, width), some(3, out, width, dtype=kind))
    parts = [some(out, width, dtype=kind) for _ in range(3)]
    ops.matmul_stack(some(3, 1, rows, width), PointerTable.of(parts))
    ops.transposed(weight, FORMS[kind])
    ops.matmul_units_onto(y, put(x.relu()), some(-(-out // 128), width, 128, dtype=kind), gate)
    down, up = some(2, out, width, dtype=kind), some(2, width, out, dtype=kind)
    ranks = (out, max(1, out - 1))
    chains = Loras(down, up, some(2, 1, 1, width), ("tanh", ""), ranks)
    placed = ops.place_loras(chains, FORMS[kind])
    placed = placed._replace(down=put(placed.down), up=put(placed.up), bias=chains.bias)
    ops.loras(some(2, 1, rows, width), placed)
    ops.mix(x, norm(width), some(1, width), some(4, 1, 1, width, dtype=kind))
    shift = ops.shift6(x, norm(width), some(1, width), some(1, 1, 1, width, dtype=kind))[1]
    ops.mix6(shift, some(1, rows, 2 * out), up, some(2, 1, 1, width, dtype=kind))
    ops.embed(weight, put(torch.randint(0, out, (1, rows))), norm(width))


def packed(ops, out, width, rows, kind):
    host, x = torch.randn(2, out, width), some(1, rows, width)
    for floats in FLOATS:
        ops.pack(put(host[0].to(floats)), kind, by_unit=False)
    stack, one = (ops.pack(put(part), kind, by_unit=False) for part in (host, host[0]))
    ops.matmul_packed(x, one, "sigmoid")
    ops.matmul_packed_stack(some(2, 1, rows, width), stack)
    for weight in one, ops.pack(put(host[0]), kind, by_unit=True):
        ops.matmul_packed_onto(some(1, rows, out), put(x.relu()), weight, some(1, rows, out))


def recurrences(ops, batch, steps, heads, size):
    width = heads * size
    rows, state = (batch, steps, width), (batch, heads, size, size)
    decay = put(-torch.rand(rows))
    ops.wkv4(some(3, *rows), put(-torch.rand(width)), some(width), some(batch, 3, width))
    for one in decay, put(-torch.rand(heads, size)):
        ops.wkv6(some(3, *rows), one, some(heads, size), some(*state))
    ops.decay6(ops.norm(some(*rows), norm(width)))
    ops.gate6(some(*rows), some(*rows), norm(width), heads)
    raw, keys = some(3, *rows), some(3, 1, 1, width)
    delta = Delta(*map(put, ops.prepare7(*some(2, *rows), raw, some(*rows), keys, heads)))
    r = some(*rows)
    y = ops.wkv7(r, delta, some(*state))
    ops.gate7(y, r, delta, some(*rows), some(heads, size), norm(width))
    for name, kind in DTYPES.items():
        down, up = some(4, 5, width + 1, dtype=kind), some(4, width, 5, dtype=kind)
        chains = Loras(down, up, some(4, 1, 1, width), ("", "tanh", "", "sigmoid"), (5, 3, 1, 4))
        placed = ops.place_loras(chains, name)
        placed = placed._replace(down=put(placed.down), up=put(placed.up), bias=chains.bias)
        rkv, blends = tuple(some(*rows) for _ in range(3)), some(4, batch, steps, width + 1)
        others = some(*rows), keys, some(heads, size), norm(width)
        ops.chains7(rkv, blends, placed, *others, some(*state))


def pairs(some, others, turn, whole):
    for (i, one), (j, other) in product(enumerate(some), enumerate(others)):
        if whole or (i + j + turn) % 2 == 0:
            yield one, other


def main():
    faulthandler.enable()
    Base.empty = lambda self, shape, dtype=torch.float32: room(shape, dtype)
    packing.empty = room_for_packed
    ops_quantised.allocate = room
    ops = NativeOps(Library(Path(sys.argv[1])))
    torch.set_num_threads(2)
    whole = sys.argv[2:] == ["all"]
    for turn, name in enumerate(ops.library.sets):
        print(name, flush=True)
        ops.library.choose(name)
        for sizes, rows in pairs(MATRICES, ROWS, turn, whole):
            for kind in FLOATS:
                products(ops, *sizes, rows, kind)
            for kind in packing.KINDS:
                packed(ops, *sizes, rows, kind)
        for texts, heads in pairs(TEXTS, HEADS, turn, whole):
            recurrences(ops, *texts, *heads)


if __name__ == "__main__":
    main()

"""The RWKV-7 state recurrence with gradients: a compiled kernel and its plain twin; knows no model.

Shapes: r, w, k, v, a, b and the result are (B, T, H, N) fp32: batch, time, heads, head size. The
state starts at zero.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import platformdirs
import torch
from torch import Tensor

SOURCE = Path(__file__).with_name("wkv7.cpp")
BUILD = Path(platformdirs.user_cache_dir("rookery")) / "training"
FLAGS = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math"]
FLAGS += ["-fopenmp", "-fPIC", "-shared", "-std=c++17"]
STRIDE = 16  # steps between two kept states; the same number stands in wkv7.cpp


def compiler() -> str | None:
    """Path of a C++ compiler, or None where there is none."""
    return shutil.which("g++") or shutil.which("c++")


@functools.cache
def library() -> ctypes.CDLL:
    """Compile the kernel once for each version of its source and load it."""
    found = compiler()
    if found is None:
        raise RuntimeError("a C++ compiler (g++) is needed to train")
    told = " ".join([found, platform.node(), *FLAGS])  # -march=native suits this machine alone
    digest = hashlib.sha256(SOURCE.read_bytes() + told.encode()).hexdigest()[:16]
    path = BUILD / f"wkv7-{digest}.so"
    if not path.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        subprocess.run([found, *FLAGS, str(SOURCE), "-o", str(fresh)], check=True)
        fresh.replace(path)
    return ctypes.CDLL(str(path))


def _pointers(*tensors: Tensor) -> list[ctypes.c_void_p]:
    return [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]


def _sizes(shape: torch.Size) -> list[ctypes.c_int64]:
    return [ctypes.c_int64(size) for size in shape]


class _Wkv7(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        held = [tensor.float().contiguous() for tensor in inputs]
        batch, time, heads, size = held[0].shape
        y = torch.empty_like(held[0])
        kept = torch.empty(batch, heads, (time + STRIDE - 1) // STRIDE, size, size)
        if library().wkv7_forward(*_sizes(held[0].shape), *_pointers(*held, y, kept)):
            raise ValueError(f"no kernel for a head size of {size}")
        ctx.save_for_backward(*held, kept)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        *held, kept = ctx.saved_tensors
        dy = grads[0].float().contiguous()
        out = [torch.empty_like(dy) for _ in held]
        library().wkv7_backward(*_sizes(dy.shape), *_pointers(*held, dy, kept, *out))
        return tuple(out)


def wkv7(r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """y_t = S_t·r_t with S_t = S_{t-1}·(diag(w_t) + a_t⊗b_t) + v_t⊗k_t; w is the decay itself.

    Raises ValueError for a head size that is not compiled in, RuntimeError without a compiler.
    """
    result: Tensor = _Wkv7.apply(r, w, k, v, a, b)  # type: ignore[no-untyped-call]
    return result


def wkv7_plain(r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The same recurrence one step at a time in torch: the specification of the kernel."""
    batch, time, heads, size = r.shape
    state = r.new_zeros(batch, heads, size, size)
    rows = []
    for t in range(time):
        sa = (state * a[:, t, :, None, :]).sum(-1)
        state = (
            state * w[:, t, :, None, :]
            + sa[..., None] * b[:, t, :, None, :]
            + v[:, t, :, :, None] * k[:, t, :, None, :]
        )
        rows.append((state * r[:, t, :, None, :]).sum(-1))
    return torch.stack(rows, 1)

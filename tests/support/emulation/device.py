"""``EmulatedDevice``: the Device of the tests, on numpy arrays."""

import ctypes
import functools
import hashlib
import os
import random
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

import app.kernels.cuda
from app.kernels.cuda.device import FORMS, Array, Product
from app.system.memory import available_bytes

SOURCES = Path(app.kernels.cuda.__file__).parent
HEADER = Path(__file__).with_name("emulation.h")
COMPILER = shutil.which("g++") or shutil.which("c++")

_GUARD = 256
_MOST_WORDS = 24
_FEW = 64  # arrays that are all looked at after each kernel
_FLAGS = (
    *("-std=c++17", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-U_FORTIFY_SOURCE"),
    *("-fno-strict-aliasing", "-Wall", "-Werror", "-Wno-unknown-pragmas", "-x", "c++"),
)
_TORCH = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}

Order = Literal["forward", "backward", "shuffled"]


class EmulationError(AssertionError):
    """A kernel did what a card would not forgive."""


class EmulatedDevice:
    """A card whose threads take turns in the given order.

    What is brought beside its work comes as late as may be, or, if ``hasty``, at once.
    """

    name, architecture, processors = "emulation", 75, 2

    def __init__(self, order: Order = "forward", *, hasty: bool = False) -> None:
        self._order = order
        self.hasty = hasty
        self._brought: list[_Once] = []
        self._guarded: list[tuple[weakref.ref[Any], int, int]] = []
        self.launches = 0

    @property
    def free_bytes(self) -> int:
        """See Device; its memory is the host's."""
        return available_bytes()

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """See Device."""
        count = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        whole = np.array(_nans(count + 3 * _GUARD))
        begin = _GUARD + -whole.ctypes.data % _GUARD
        self._guarded = [one for one in self._guarded if one[0]() is not None]
        self._guarded.append((weakref.ref(whole), begin, begin + count))
        return whole[begin : begin + count].view(dtype).reshape(shape)

    def lend(
        self, block: Array, shape: tuple[int, ...], dtype: np.dtype[Any], holder: object
    ) -> Array:
        """See Device."""
        return np.asarray(_Lent(block, shape, dtype, holder))

    def check(self) -> None:
        """Raises EmulationError where something was written beside an array."""
        for ref, begin, end in self._guarded:
            whole = ref()
            if whole is None:
                continue
            if _spoiled(whole[:begin], 0) or _spoiled(whole[end:], end):
                raise EmulationError("a kernel wrote outside of its arrays")

    def address(self, array: Array) -> int:
        """See Device."""
        return int(array.ctypes.data)

    def write(self, array: Array, host: np.ndarray[Any, Any]) -> None:
        """See Device."""
        assert array.flags.c_contiguous
        assert (array.dtype, array.size) == (host.dtype, host.size)
        array.reshape(-1)[:] = host.reshape(-1)

    def read(self, array: Array) -> np.ndarray[Any, Any]:
        """See Device."""
        assert array.flags.c_contiguous
        return np.array(array)

    def read_later(self, array: Array) -> Callable[[], np.ndarray[Any, Any]]:
        """See Device; another thread may call what comes back."""
        copied = self.read(array)
        return lambda: copied

    def clear(self, array: Array) -> None:
        """See Device."""
        assert array.flags.c_contiguous
        array.reshape(-1).view(np.uint8)[:] = 0

    def copy(self, to: Array, source: Array) -> None:
        """See Device."""
        assert to.flags.c_contiguous
        assert source.flags.c_contiguous
        assert to.nbytes == source.nbytes
        to.reshape(-1).view(np.uint8)[:] = source.reshape(-1).view(np.uint8)

    def locked(self, size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """See Device."""
        return np.array(_nans(size))

    def bring(self, to: Array, host: np.ndarray[Any, Any], after: Any) -> Any:
        """See Device; at the last moment that ``wait_for`` allows, or at the first."""
        assert to.flags.c_contiguous
        assert to.nbytes == host.nbytes
        copied = _Once(lambda: self.copy(to, host))
        self._brought.append(copied)
        if self.hasty:
            copied()
        return copied

    def mark(self) -> Any:
        """See Device; all its work is done at once."""
        return _Once(lambda: None)

    def wait_for(self, mark: Any) -> None:
        """See Device; copies are made in order."""
        if mark in self._brought:
            for copied in self._brought[: self._brought.index(mark) + 1]:
                copied()
            del self._brought[: self._brought.index(mark) + 1]

    def kernel(self, program: str, name: str, **constants: int | str) -> Any:
        """See Device."""
        return getattr(compiled(program, tuple(sorted(constants.items()))), name)

    def launch(
        self, kernel: Any, grid: tuple[int, ...], threads: int, words: tuple[int, ...]
    ) -> None:
        """See Device."""
        assert threads <= 1024
        assert len(words) <= _MOST_WORDS
        self.launches += 1
        sizes = (ctypes.c_uint * 3)(*grid, *(1,) * (3 - len(grid)))
        padded = (ctypes.c_uint64 * _MOST_WORDS)(*(word & (1 << 64) - 1 for word in words))
        run = kernel.library.emulate
        run.restype = ctypes.c_char_p
        failure = run(kernel, sizes, threads, _turns(threads, self._order), padded)
        if failure:
            raise EmulationError(f"{kernel.__name__}: {failure.decode()}")
        if len(self._guarded) < _FEW:
            self.check()

    def multiply(self, y: Array, x: Array, w: Array, product: Product) -> None:
        """See Device."""
        p = product
        assert x.dtype == w.dtype
        for n in range(p.stack):
            rows = _floats(_piece(x, n * p.x_step, (p.rows, p.width)))
            shape = (p.width, p.outputs) if p.upright else (p.outputs, p.width)
            matrix = _floats(_piece(w, n * p.w_step, shape))
            flat = y.reshape(-1)[n * p.y_step :]
            out = np.lib.stride_tricks.as_strided(flat, (p.rows, p.outputs), (4 * p.pitch, 4))
            with np.errstate(all="ignore"):  # infinities
                found = rows @ (matrix if p.upright else matrix.T)
            out[:] = out + found if p.adds else found

    def graph(self, issue: Callable[[], None]) -> Callable[[], None]:
        """See Device."""
        return issue

    def wait(self) -> None:
        """See Device."""
        self.check()


class _Once:
    """Something that is done when it is called first."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    def __call__(self) -> None:
        act, self._act = self._act, None
        if act is not None:
            act()


class _Lent:
    """A piece of a block; what numpy sees through it keeps it, and so the holder, alive."""

    def __init__(
        self, block: Array, shape: tuple[int, ...], dtype: np.dtype[Any], holder: object
    ) -> None:
        self._kept = block, holder
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": dtype.str,
            "data": (block.ctypes.data, False),
        }


@functools.cache
def compiled(program: str, constants: tuple[tuple[str, int | str], ...]) -> Any:
    """The library of a program and its constants; kept on disk for the next run."""
    assert COMPILER
    texts = [*sorted(SOURCES.glob("*.cuh")), SOURCES / f"{program}.cu", HEADER]
    digest = hashlib.sha256(repr((constants, _FLAGS)).encode())
    for text in texts:
        digest.update(text.read_bytes())
    folder = Path(tempfile.gettempdir()) / f"rookery-emulated-kernels-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder / f"{program}-{digest.hexdigest()[:24]}.so"
    if not found.exists():
        fresh = found.with_suffix(f".{os.getpid()}")
        defined = [f"-D{name}={value}" for name, value in constants]
        command = [COMPILER, "-include", str(HEADER), f"-I{SOURCES}", *defined, *_FLAGS]
        done = subprocess.run(
            [*command, str(SOURCES / f"{program}.cu"), "-o", str(fresh)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        fresh.replace(found)
    return _Library(str(found))


class _Library(ctypes.CDLL):
    """Its functions know where they come from."""

    def __getitem__(self, name: Any) -> Any:
        function: Any = super().__getitem__(name)
        function.library = self
        return function


@functools.cache
def _turns(threads: int, order: Order) -> Any:
    turns = list(range(threads))
    if order == "backward":
        turns.reverse()
    elif order == "shuffled":
        random.Random(threads).shuffle(turns)
    return (ctypes.c_int * threads)(*turns)


@functools.cache
def _pattern() -> np.ndarray[Any, Any]:
    halves = 0xFF81 + np.arange(127 * 8) * 37 % 127
    return halves.astype("<u2").view(np.uint8)


def _nans(count: int) -> np.ndarray[Any, Any]:
    """Bytes that are NaN as floats of any size, each with a payload of its own."""
    return np.resize(_pattern(), count)


def _spoiled(margin: np.ndarray[Any, Any], begin: int) -> bool:
    """Whether the bytes from ``begin`` on are no longer those of ``_nans``."""
    first = begin % len(_pattern())
    return not np.array_equal(margin, _nans(first + len(margin))[first:])


def _piece(array: Array, first: int, shape: tuple[int, int]) -> Array:
    count = shape[0] * shape[1]
    return array.reshape(-1)[first : first + count].reshape(shape)


def _floats(array: Array) -> Array:
    dtype = _TORCH[FORMS[array.dtype]]
    return torch.from_numpy(np.ascontiguousarray(array)).view(dtype).float().numpy()

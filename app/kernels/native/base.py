"""The base of all native operations: calls, memory for results, and the fallback to PortableOps.

A method of a family either makes its results with ``empty`` and fills them with ``call``, or
gives the whole operation to ``fallback``.  It does nothing else to numbers: what torch does
between two calls would be missing when a token's calls are run again (tape.py).  Views are fine.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from app.kernels.ops import Array
from app.kernels.pointer_table import PointerTable
from app.kernels.portable import PortableOps

from .library import Library, Record
from .tape import Tape

KINDS = {
    torch.float32: 0,
    torch.bfloat16: 1,
    torch.float16: 2,
}

Argument = Tensor | int | float | None

_REAL, _WHOLE = struct.Struct("<d"), struct.Struct("<q")


_AT_LOAD = (
    "upload",
    "transposed",
    "place_loras",
    "table",
    "zeros",
    "pack",
    "place",
    "capture",
    "host",
    "from_host",
)
_COMPOSED = ("attend7", "chains7")  # of others, which are recorded themselves

_Class = TypeVar("_Class", bound=type)


def recorded(backend: _Class) -> _Class:
    """Make a fallback of every operation that a backend takes from PortableOps unchanged.

    So a tape misses nothing.
    """
    for name in dir(PortableOps):
        whole = getattr(PortableOps, name)
        if name.startswith("_") or name in (*_AT_LOAD, *_COMPOSED) or not callable(whole):
            continue
        if getattr(backend, name) is whole:
            setattr(backend, name, _fallback_of(name))
    return backend


def _fallback_of(name: str) -> Callable[..., Any]:
    def operation(self: "Base", *arguments: Any) -> Any:
        return self.fallback(name, *arguments)

    operation.__doc__ = "See Ops."
    return operation


def ready(*arrays: Tensor | None) -> bool:
    """Whether a kernel can read and write these as they lie in memory (None is fine)."""
    return all(one is None or one.is_contiguous() for one in arrays)


def address_of(weight: Tensor | PointerTable) -> Tensor:
    """The argument of a kernel for a matrix or a stack: its data, or the table of addresses."""
    return weight.places if isinstance(weight, PointerTable) else weight


class Base(PortableOps):
    """Calls the library, and records the calls on the tape while a token is captured."""

    def __init__(self, library: Library) -> None:
        super().__init__()
        self.name = f"native {library.chosen}"
        self.library = library
        self.plain = PortableOps()
        self._tape: Tape | None = None

    @property
    def exact(self) -> bool:
        """See Ops; the fallback goes with it."""
        return self.plain.exact

    @exact.setter
    def exact(self, wanted: bool) -> None:
        self.plain.exact = wanted

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
        """Uninitialised memory for a result."""
        if self._tape is not None:
            return self._tape.empty(shape, dtype)
        return torch.empty(shape, dtype=dtype)

    def call(self, kernel: str, *arguments: Argument) -> None:
        """Run a kernel: tensors are given by address, None as 0, reals (float) by their bits."""
        record = Record(self.library.kernels[kernel], *map(_word, arguments))
        self.library.run(record, 1, torch.get_num_threads())
        if self._tape is not None:
            self._tape.add(bytes(record))

    def step(self, act: Callable[[], None]) -> None:
        """See Ops."""
        act()
        if self._tape is not None:
            self._tape.add_step(act)

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        """See Ops."""
        arrays = tuple(parts)
        size = sum(part.shape[-1] for part in arrays)
        whole = self.empty((*arrays[0].shape[:-1], size))
        self.step(lambda: _join(arrays, whole))
        return whole

    def floats(self, x: Tensor) -> Tensor:
        """The same numbers in float32."""
        if x.dtype == torch.float32:
            return x
        y = self.empty(x.shape)
        self.call("widen", y, x, x.numel(), KINDS[x.dtype])
        return y

    def fallback(self, operation: str, *arguments: Any) -> Any:
        """The operation of PortableOps by this name."""
        whole = getattr(self.plain, operation)
        if self._tape is None:
            return whole(*arguments)
        return self._tape.add_python(whole, arguments)

    def capture(self, run: Callable[[], Array]) -> Tape:
        """See Ops."""
        tape = self._tape = Tape(self.library)
        try:
            tape.result = run()
        finally:
            self._tape = None
        tape.close()
        return tape


def _join(parts: tuple[Tensor, ...], whole: Tensor) -> None:
    torch.cat(parts, -1, out=whole)


def _word(value: Argument) -> int:
    if isinstance(value, Tensor):
        return value.data_ptr()
    if isinstance(value, float):
        number: int = _WHOLE.unpack(_REAL.pack(value))[0]
        return number
    return value or 0

"""What ``CudaOps`` needs from a GPU: memory, kernels, matrix products and graphs.

Arrays are those of the device's own library (CuPy), of which only ``shape``, ``dtype``, ``nbytes``,
``strides``, ``reshape``, indexing by slices, and C order are relied on. numpy has no bfloat16: such
numbers are stored as uint16.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = Any

DTYPES: dict[str, np.dtype[Any]] = {
    "fp32": np.dtype(np.float32),
    "fp16": np.dtype(np.float16),
    "bf16": np.dtype(np.uint16),
}
FORMS = {dtype: form for form, dtype in DTYPES.items()}


@dataclass(frozen=True, slots=True)
class Product:
    """``stack`` products y = x w, or y += x w if ``adds``; sums are float32.

    x is (stack, rows, width) in the type of w; w is (stack, outputs, width), or (stack, width,
    outputs) if ``upright``; y is float32, its rows ``pitch`` numbers apart.  The ``*_step`` are
    numbers from one matrix of the stack to the next; 0 uses the same one for all.
    """

    rows: int
    outputs: int
    width: int
    pitch: int
    stack: int = 1
    x_step: int = 0
    w_step: int = 0
    y_step: int = 0
    upright: bool = False
    adds: bool = False


class Device(Protocol):
    """One GPU. All its work runs in order; a call returns before the work is done.

    Only what is brought (``bring``) runs beside it.
    """

    name: str
    architecture: int  # e.g. 90
    processors: int  # multiprocessors

    @property
    def free_bytes(self) -> int:
        """What can still be had of the card's memory."""
        ...

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An uninitialised array, aligned to 256 bytes. Raises OutOfMemory."""
        ...

    def lend(
        self, block: Array, shape: tuple[int, ...], dtype: np.dtype[Any], holder: object
    ) -> Array:
        """An array in the memory of ``block`` (bytes); it and its views keep ``holder`` alive."""
        ...

    def address(self, array: Array) -> int:
        """The address of the array's first number on the GPU."""
        ...

    def write(self, array: Array, host: np.ndarray[Any, Any]) -> None:
        """Copy from the host; ``array`` is contiguous and of the same dtype and size."""
        ...

    def read(self, array: Array) -> np.ndarray[Any, Any]:
        """A contiguous array copied to the host; waits until all work before it is done."""
        ...

    def read_later(self, array: Array) -> Callable[[], np.ndarray[Any, Any]]:
        """A copy to the host that is made when all work before it is done.

        What comes back waits for it and gives it; that may be called by any thread, while another
        one uses the device.
        """
        ...

    def clear(self, array: Array) -> None:
        """Fill a contiguous array with zeros."""
        ...

    def copy(self, to: Array, source: Array) -> None:
        """Copy the bytes of one contiguous array into another of the same size."""
        ...

    def locked(self, size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Bytes of the host that a card reads by itself.  Raises OutOfMemory."""
        ...

    def bring(self, to: Array, host: np.ndarray[Any, Any], after: Any) -> Any:
        """Copy ``locked`` bytes beside the other work, and give a mark that is reached then.

        ``after`` is the mark that has to be reached before; None for none.
        """
        ...

    def mark(self) -> Any:
        """A mark that is reached when all work so far is done."""
        ...

    def wait_for(self, mark: Any) -> None:
        """Have all work from now on wait until a mark is reached; the host does not wait."""
        ...

    def kernel(self, program: str, name: str, **constants: int | str) -> Any:
        """The kernel ``name`` of PROGRAM.cu, compiled with these constants. Raises KernelError."""
        ...

    def launch(
        self, kernel: Any, grid: tuple[int, ...], block: int, words: tuple[int, ...]
    ) -> None:
        """Launch a kernel; its arguments are addresses and ints."""
        ...

    def multiply(self, y: Array, x: Array, w: Array, product: Product) -> None:
        """Matrix products of 16- or 32-bit numbers with float32 results."""
        ...

    def graph(self, issue: Callable[[], None]) -> Callable[[], None]:
        """A CUDA graph of everything that ``issue`` launches; nothing of it is run yet."""
        ...

    def wait(self) -> None:
        """Wait until all work is done. Raises KernelError if it failed."""
        ...

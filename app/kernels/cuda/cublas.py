"""The few functions of cuBLAS that are used, called as NVIDIA documents them.

cupy has them too, but gives a handle the calling thread's stream of cupy's before each product:
that is not the stream of a ``CupyDevice``, and takes the handle's workspace away.
"""

import ctypes
from ctypes import c_int, c_longlong, c_size_t, c_void_p
from typing import Any

from . import toolkit

_MATRIX, _STACK = (c_void_p, c_int, c_int), (c_void_p, c_int, c_int, c_longlong)
_FIRST = (c_void_p, c_int, c_int, c_int, c_int, c_int, c_void_p)
_PARAMETERS = {
    "cublasCreate_v2": (c_void_p,),
    "cublasSetStream_v2": (c_void_p, c_void_p),
    "cublasSetWorkspace_v2": (c_void_p, c_void_p, c_size_t),
    "cublasGemmEx": (*_FIRST, *_MATRIX, *_MATRIX, c_void_p, *_MATRIX, c_int, c_int),
    "cublasGemmStridedBatchedEx": (
        *(*_FIRST, *_STACK, *_STACK, c_void_p, *_STACK),
        *(c_int, c_int, c_int),
    ),
}


class CublasError(RuntimeError):
    """A function did not succeed; ``status`` is what it returned."""

    def __init__(self, function: str, status: int) -> None:
        super().__init__(f"{function} returned status {status}")
        self.status = status


class Cublas:
    """The functions of one library, by cupy's names; addresses and handles are whole numbers.

    Each raises CublasError.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._functions: dict[str, Any] = {}
        for name, parameters in _PARAMETERS.items():
            function = self._functions[name] = getattr(library, name)
            function.argtypes, function.restype = parameters, c_int

    def create(self) -> int:
        """A handle for the card that the calling thread has chosen."""
        handle = c_void_p()
        self._call("cublasCreate_v2", ctypes.addressof(handle))
        return handle.value or 0

    def setStream(self, handle: int, stream: int) -> None:  # noqa: N802
        """All that the handle does from here on goes there; its workspace is gone."""
        self._call("cublasSetStream_v2", handle, stream)

    def setWorkspace(self, handle: int, address: int, size: int) -> None:  # noqa: N802
        """Memory of the card, at a multiple of 256, to be used instead of its own."""
        self._call("cublasSetWorkspace_v2", handle, address, size)

    def gemmEx(self, *arguments: int) -> None:  # noqa: N802
        """One product."""
        self._call("cublasGemmEx", *arguments)

    def gemmStridedBatchedEx(self, *arguments: int) -> None:  # noqa: N802
        """A stack of products."""
        self._call("cublasGemmStridedBatchedEx", *arguments)

    def _call(self, name: str, *arguments: int) -> None:
        status = self._functions[name](*arguments)
        if status:
            raise CublasError(name, status)


def load(major: int) -> Cublas:
    """The cuBLAS of a CUDA, e.g. 13.  Raises ImportError where it is not installed."""
    try:
        toolkit.loaded("cublasLt", major)  # cublas stands on it
        return Cublas(toolkit.loaded("cublas", major))
    except (OSError, AttributeError) as failure:
        raise ImportError(str(failure)) from failure

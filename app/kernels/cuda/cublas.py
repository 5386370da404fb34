"""Bindings of the few cuBLAS functions that are used, as NVIDIA documents them.

CuPy has them too, but before each product it sets the handle's stream to CuPy's stream of the
calling thread: that is not the stream of a ``CupyDevice``, and drops the handle's workspace.
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
    """A function failed; ``status`` is the value that it returned."""

    def __init__(self, function: str, status: int) -> None:
        super().__init__(f"{function} returned status {status}")
        self.status = status


class Cublas:
    """The functions of one library under CuPy's names; addresses and handles are ints.

    Each raises CublasError.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._functions: dict[str, Any] = {}
        for name, parameters in _PARAMETERS.items():
            function = self._functions[name] = getattr(library, name)
            function.argtypes, function.restype = parameters, c_int

    def create(self) -> int:
        """A handle for the current GPU of the calling thread."""
        handle = c_void_p()
        self._call("cublasCreate_v2", ctypes.addressof(handle))
        return handle.value or 0

    def setStream(self, handle: int, stream: int) -> None:  # noqa: N802
        """Run all further work of the handle on this stream; drops its workspace."""
        self._call("cublasSetStream_v2", handle, stream)

    def setWorkspace(self, handle: int, address: int, size: int) -> None:  # noqa: N802
        """Use this GPU memory, aligned to 256 bytes, in place of the handle's own workspace."""
        self._call("cublasSetWorkspace_v2", handle, address, size)

    def gemmEx(self, *arguments: int) -> None:  # noqa: N802
        """One matrix product."""
        self._call("cublasGemmEx", *arguments)

    def gemmStridedBatchedEx(self, *arguments: int) -> None:  # noqa: N802
        """A batch of matrix products at equal distances."""
        self._call("cublasGemmStridedBatchedEx", *arguments)

    def _call(self, name: str, *arguments: int) -> None:
        status = self._functions[name](*arguments)
        if status:
            raise CublasError(name, status)


def load(major: int) -> Cublas:
    """The cuBLAS library of a CUDA version, e.g. 13. Raises ImportError if it is not installed."""
    try:
        toolkit.loaded("cublasLt", major)  # cublas stands on it
        return Cublas(toolkit.loaded("cublas", major))
    except (OSError, AttributeError) as failure:
        raise ImportError(str(failure)) from failure

"""``CupyDevice``: one NVIDIA GPU, through CuPy's bindings of CUDA, and cuBLAS.

Of CuPy only parts are used that need no CUDA headers: memory, arrays as views of it, modules,
streams and graphs; none of its elementwise kernels, which it would have to compile.  All work runs
on one stream, so memory can be reused as soon as nothing references it.  Only one thread at a time
may use a device, but any thread may be the next.
"""

import ctypes
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from app.errors import KernelError, OutOfMemory

from .cublas import Cublas, CublasError
from .device import DTYPES, Array, Product
from .gemm import AS_IT_LIES, gemm
from .nvrtc import Programs

_MOST_WORDS = 24
_STAGED_BYTES = 4 << 20  # what is at least so large is brought through page-locked memory
_STAGE_BYTES = 16 << 20
_MOST_LOCKED_BYTES = 64 << 20  # of one result: what is locked stays so
_WORKSPACE_BYTES = {True: 32 << 20, False: 8 << 20}  # of cuBLAS, from Hopper on and before
_HOPPER = 90
_NO_MEMORY = (2, 3)  # cudaErrorMemoryAllocation, CUBLAS_STATUS_ALLOC_FAILED
_TO_GPU, _TO_HOST, _WITHIN = 1, 2, 3  # cudaMemcpyKind
_TYPES = {"fp32": 0, "fp16": 2, "bf16": 14}  # cudaDataType
_READS_THE_HOSTS = 88  # cudaDevAttrPageableMemoryAccess
_COMPUTE_FP32 = 68  # CUBLAS_COMPUTE_32F: no TF32
_DEFAULT = -1  # CUBLAS_GEMM_DEFAULT
_CUBLAS_TYPES = {DTYPES[form]: number for form, number in _TYPES.items()}

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Cuda(NamedTuple):
    """The modules of CuPy and the cuBLAS that a device uses."""

    cupy: Any
    runtime: Any
    driver: Any
    cublas: Cublas


def _translate_errors(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """Turns exceptions of CUDA into OutOfMemory or KernelError."""

    @functools.wraps(method)
    def told(*arguments: _P.args, **named: _P.kwargs) -> _R:
        try:
            return method(*arguments, **named)
        except (MemoryError, RuntimeError) as failure:
            made_by = type(failure).__module__.partition(".")[0]
            if made_by not in ("cupy", "cupy_backends") and not isinstance(failure, CublasError):
                raise
            if isinstance(failure, MemoryError) or getattr(failure, "status", 0) in _NO_MEMORY:
                device: Any = arguments[0]
                raise OutOfMemory(**device.memory_facts(failure)) from failure
            raise KernelError(said=str(failure)) from failure

    return told


class CupyDevice:
    """See Device. Compiled programs are cached in ``folder``."""

    @_translate_errors
    def __init__(self, cuda: Cuda, index: int = 0, folder: Path | None = None) -> None:
        self._cuda, self._index = cuda, index
        self._here()
        facts = cuda.runtime.getDeviceProperties(index)
        self.name: str = facts["name"].decode()
        self.architecture = 10 * int(facts["major"]) + int(facts["minor"])
        self.processors = int(facts["multiProcessorCount"])
        self.total_bytes = int(facts["totalGlobalMem"])
        self.driver = int(cuda.runtime.driverGetVersion())
        self._reads_the_hosts = bool(cuda.runtime.deviceGetAttribute(_READS_THE_HOSTS, index))
        self._pool = cuda.cupy.cuda.MemoryPool()
        self._stream = cuda.cupy.cuda.Stream(non_blocking=True)
        self._programs = Programs(self.architecture, self.driver, folder)
        self._modules: dict[Any, Any] = {}
        self._kernels: dict[Any, Any] = {}
        self._words = (ctypes.c_uint64 * _MOST_WORDS)()
        begin = ctypes.addressof(self._words)
        self._places = (ctypes.c_uint64 * _MOST_WORDS)(*range(begin, begin + 8 * _MOST_WORDS, 8))
        self._one, self._none = ctypes.c_float(1.0), ctypes.c_float(0.0)
        self._handle = 0
        self._stages: list[tuple[Any, Any]] = []
        self._beside: Any = None

    @property
    def gpu_free_bytes(self) -> int:
        """GPU memory that no program has allocated.

        This one's cached memory counts as allocated.
        """
        self._here()
        return int(self._cuda.runtime.memGetInfo()[0])

    @property
    def free_bytes(self) -> int:
        """GPU memory that this program can still allocate, in bytes."""
        return self.gpu_free_bytes + int(self._pool.free_bytes())

    def memory_facts(self, failure: BaseException) -> dict[str, int]:
        """The facts for OutOfMemory."""
        asked = getattr(failure, "_size", 0)
        try:
            free = self.free_bytes
        except RuntimeError:  # the card does not answer any more
            free = 0
        return {"needed_bytes": int(asked), "free_bytes": free}

    @_translate_errors
    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """See Device."""
        self._here()
        count = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        return self._cuda.cupy.ndarray(shape, dtype, memptr=self._pool.malloc(count))

    def lend(
        self, block: Array, shape: tuple[int, ...], dtype: np.dtype[Any], holder: object
    ) -> Array:
        """See Device."""
        memory = self._cuda.cupy.cuda.UnownedMemory(
            block.data.ptr, block.nbytes, (block, holder), self._index
        )
        place = self._cuda.cupy.cuda.MemoryPointer(memory, 0)
        return self._cuda.cupy.ndarray(shape, dtype, memptr=place)

    def address(self, array: Array) -> int:
        """See Device."""
        return int(array.data.ptr)

    @_translate_errors
    def write(self, array: Array, host: np.ndarray[Any, Any]) -> None:
        """See Device."""
        self._here()
        flat = np.ascontiguousarray(host).reshape(-1).view(np.uint8)
        if len(flat) >= _STAGED_BYTES:
            self._write_staged(array.data.ptr, flat)
            return
        copy, stream = self._cuda.runtime.memcpyAsync, self._stream.ptr
        copy(array.data.ptr, flat.ctypes.data, len(flat), _TO_GPU, stream)
        if self._reads_the_hosts:  # such a card may copy later, from memory that is gone by then
            self._cuda.runtime.streamSynchronize(stream)

    @_translate_errors
    def read(self, array: Array) -> np.ndarray[Any, Any]:
        """See Device; a small copy lies in a page-locked buffer that the next read overwrites."""
        self._here()
        if 0 < array.nbytes <= _MOST_LOCKED_BYTES:
            locked = self._cuda.cupy.cuda.alloc_pinned_memory(array.nbytes)
            host = np.frombuffer(locked, array.dtype, array.size).reshape(array.shape)
        else:
            host = np.empty(array.shape, array.dtype)
        copy, stream = self._cuda.runtime.memcpyAsync, self._stream.ptr
        copy(host.ctypes.data, array.data.ptr, array.nbytes, _TO_HOST, stream)
        self._cuda.runtime.streamSynchronize(stream)
        return host

    @_translate_errors
    def read_later(self, array: Array) -> Callable[[], np.ndarray[Any, Any]]:
        """See Device."""
        self._here()
        locked = self._cuda.cupy.cuda.alloc_pinned_memory(array.nbytes)
        host = np.frombuffer(locked, array.dtype, array.size).reshape(array.shape)
        copied = self._cuda.cupy.cuda.Event(disable_timing=True)
        copy, stream = self._cuda.runtime.memcpyAsync, self._stream
        copy(host.ctypes.data, array.data.ptr, array.nbytes, _TO_HOST, stream.ptr)
        copied.record(stream)
        return lambda: self._copied(host, copied)

    @_translate_errors
    def _copied(self, host: np.ndarray[Any, Any], copied: Any) -> np.ndarray[Any, Any]:
        self._here()
        copied.synchronize()
        return host

    @_translate_errors
    def clear(self, array: Array) -> None:
        """See Device."""
        self._here()
        self._cuda.runtime.memsetAsync(array.data.ptr, 0, array.nbytes, self._stream.ptr)

    @_translate_errors
    def copy(self, to: Array, source: Array) -> None:
        """See Device."""
        self._here()
        copy, stream = self._cuda.runtime.memcpyAsync, self._stream.ptr
        copy(to.data.ptr, source.data.ptr, to.nbytes, _WITHIN, stream)

    @_translate_errors
    def locked(self, size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """See Device; not from a pool, which would round up to a power of two."""
        self._here()
        memory = self._cuda.cupy.cuda
        place = memory.PinnedMemoryPointer(memory.PinnedMemory(size), 0)
        return np.frombuffer(place, np.uint8, size)

    @_translate_errors
    def bring(self, to: Array, host: np.ndarray[Any, Any], after: Any) -> Any:
        """See Device."""
        self._here()
        if self._beside is None:
            self._beside = self._cuda.cupy.cuda.Stream(non_blocking=True)
        beside = self._beside
        if after is not None:
            beside.wait_event(after)
        copy = self._cuda.runtime.memcpyAsync
        copy(to.data.ptr, host.ctypes.data, host.nbytes, _TO_GPU, beside.ptr)
        return self._event(beside)

    @_translate_errors
    def mark(self) -> Any:
        """See Device."""
        self._here()
        return self._event(self._stream)

    @_translate_errors
    def wait_for(self, mark: Any) -> None:
        """See Device."""
        self._here()
        self._stream.wait_event(mark)

    def kernel(self, program: str, name: str, **constants: int | str) -> Any:
        """See Device."""
        key = (program, name, *constants.items())
        found = self._kernels.get(key)
        if found is None:
            found = self._kernels[key] = self._load(program, name, constants)
        return found

    @_translate_errors
    def launch(
        self, kernel: Any, grid: tuple[int, ...], block: int, words: tuple[int, ...]
    ) -> None:
        """See Device."""
        self._here()
        x, y, z = (*grid, 1, 1)[:3]
        self._words[: len(words)] = list(words)
        places, stream = ctypes.addressof(self._places), self._stream.ptr
        self._cuda.driver.launchKernel(kernel.ptr, x, y, z, block, 1, 1, 0, stream, places, 0)

    @_translate_errors
    def multiply(self, y: Array, x: Array, w: Array, product: Product) -> None:
        """See Device."""
        self._here()
        handle, cublas, g = self._cublas(), self._cuda.cublas, gemm(product)
        form = _CUBLAS_TYPES[w.dtype]
        first = (handle, g.op_a, AS_IT_LIES, g.m, g.n, g.k, ctypes.addressof(self._one))
        a, b, c = (w.data.ptr, form, g.ld_a), (x.data.ptr, form, g.ld_b), (y.data.ptr, 0, g.ld_c)
        beta = ctypes.addressof(self._one if g.beta else self._none)
        last = (_COMPUTE_FP32, _DEFAULT)
        if g.stack == 1:
            cublas.gemmEx(*first, *a, *b, beta, *c, *last)
            return
        stacked = (*a, g.step_a, *b, g.step_b, beta, *c, g.step_c, g.stack)
        cublas.gemmStridedBatchedEx(*first, *stacked, *last)

    @_translate_errors
    def graph(self, issue: Callable[[], None]) -> Callable[[], None]:
        """See Device."""
        self._here()
        stream = self._stream
        stream.begin_capture(self._cuda.runtime.streamCaptureModeRelaxed)
        try:
            issue()
        except BaseException:
            self._give_up(stream)
            raise
        graph = stream.end_capture()
        graph.upload(stream)

        def again() -> None:
            self._launch_graph(graph)

        return again

    @_translate_errors
    def wait(self) -> None:
        """See Device."""
        self._here()
        self._cuda.runtime.streamSynchronize(self._stream.ptr)

    def _here(self) -> None:
        """Make this GPU the current one of the calling thread, as CUDA's calls need it."""
        self._cuda.runtime.setDevice(self._index)

    @_translate_errors
    def _load(self, program: str, name: str, constants: dict[str, int | str]) -> Any:
        self._here()
        key = (program, *sorted(constants.items()))
        module = self._modules.get(key)
        if module is None:
            image = self._programs.image(program, **constants)
            module = self._cuda.cupy.cuda.function.Module()
            module.load(image)
            self._modules[key] = module
        return module.get_function(name)

    @_translate_errors
    def _launch_graph(self, graph: Any) -> None:
        self._here()
        graph.launch(self._stream)

    def _give_up(self, stream: Any) -> None:
        """End a stream capture that has failed."""
        try:
            stream.end_capture()
        except RuntimeError as failure:
            if type(failure).__module__.partition(".")[0] != "cupy_backends":
                raise

    def _event(self, stream: Any) -> Any:
        event = self._cuda.cupy.cuda.Event(disable_timing=True)
        event.record(stream)
        return event

    def _cublas(self) -> int:
        """A cuBLAS handle with a workspace of its own, so that captures allocate none."""
        if not self._handle:
            cublas, size = self._cuda.cublas, _WORKSPACE_BYTES[self.architecture >= _HOPPER]
            self._workspace = self._pool.malloc(size)
            handle = cublas.create()
            cublas.setStream(handle, self._stream.ptr)
            cublas.setWorkspace(handle, self._workspace.ptr, size)
            self._handle = handle
        return self._handle

    def _write_staged(self, to: int, flat: np.ndarray[Any, Any]) -> None:
        """Copy through two page-locked buffers: one is filled while the other is transferred."""
        cuda, stream = self._cuda, self._stream
        if not self._stages:
            for _ in range(2):
                locked = cuda.cupy.cuda.alloc_pinned_memory(_STAGE_BYTES)
                stage = np.frombuffer(locked, np.uint8, _STAGE_BYTES)
                self._stages.append((stage, cuda.cupy.cuda.Event(disable_timing=True)))
        for number, first in enumerate(range(0, len(flat), _STAGE_BYTES)):
            stage, sent = self._stages[number % 2]
            piece = flat[first : first + _STAGE_BYTES]
            sent.synchronize()
            stage[: len(piece)] = piece
            begin = stage.ctypes.data
            cuda.runtime.memcpyAsync(to + first, begin, len(piece), _TO_GPU, stream.ptr)
            sent.record(stream)

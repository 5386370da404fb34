"""What ``CupyDevice`` asks of cupy, done on the host's memory: calls, streams, graphs, products.

Arrays, their views and the memory they hold on to are cupy's own.  Each call takes as many
whole numbers as cupy's function of that name.
"""

import ctypes
import pickle
import re
from types import SimpleNamespace

import numpy as np
import torch

from app.kernels.cuda.cupy_device import Cuda

from .device import EmulatedDevice

_LINE = 512
_REAL = {0: (np.float32, None), 2: (np.float16, None), 14: (np.uint16, torch.bfloat16)}


class HostCuda:
    """A card with the emulated kernels; ``calls`` counts what it was asked for, by name."""

    def __init__(self):
        import cupy
        from cupy_backends.cuda.api import driver, runtime

        try:
            from cupy_backends.cuda.libs import cublas
        except ImportError:  # the library itself is not installed: its calls are not checked
            cublas = None
        self.emulated, self.calls, self.recorded = EmulatedDevice(), [], None
        self.handles, self.real = [], cupy
        self.total, self.used, self.workspace = 1 << 40, 0, None
        self.attributes = {88: 0}
        self.streams, self.waits = 0, []
        cuda = SimpleNamespace(
            MemoryPool=lambda: _Pool(self),
            Stream=lambda **_: _Stream(self),
            Event=lambda **_: SimpleNamespace(synchronize=list, record=lambda _: None),
            PinnedMemory=bytearray,
            PinnedMemoryPointer=lambda memory, _: memory,
            UnownedMemory=cupy.cuda.UnownedMemory,
            MemoryPointer=cupy.cuda.MemoryPointer,
            alloc_pinned_memory=bytearray,
            function=SimpleNamespace(Module=lambda: _Module(self)),
        )
        self.cuda = Cuda(
            cupy=SimpleNamespace(ndarray=cupy.ndarray, cuda=cuda),
            runtime=_Library(runtime, self),
            driver=_Library(driver, self),
            cublas=_Library(cublas, self),
        )

    def do(self, step):
        """Now, or in the graph that is being captured."""
        if self.recorded is None:
            step()
        else:
            self.recorded.append(step)

    # runtime and driver

    def setDevice(self, device):
        assert device == 0

    def driverGetVersion(self):
        return 13000

    def getDeviceProperties(self, device):
        return {
            "name": b"NVIDIA Emulation",
            "major": 9,
            "minor": 0,
            "multiProcessorCount": 2,
            "totalGlobalMem": self.total,
        }

    def deviceGetAttribute(self, attribute, device):
        assert device == 0
        return self.attributes[attribute]

    def memGetInfo(self):
        return self.total - self.used, self.total

    def memcpyAsync(self, to, source, size, kind, stream):
        assert stream == _Stream.ptr
        assert kind in (1, 2, 3)
        assert kind == 3 or self.recorded is None
        self.do(lambda: ctypes.memmove(to, source, size))

    def memsetAsync(self, to, value, size, stream):
        assert stream == _Stream.ptr
        self.do(lambda: ctypes.memset(to, value, size))

    def streamSynchronize(self, stream):
        assert stream == _Stream.ptr
        assert self.recorded is None

    def launchKernel(self, function, x, y, z, bx, by, bz, shared, stream, places, extra):
        assert (by, bz, shared, stream, extra) == (1, 1, 0, _Stream.ptr, 0)
        kernel = self.handles[function - 1]
        slots = ctypes.cast(places, ctypes.POINTER(ctypes.POINTER(ctypes.c_uint64)))
        words = tuple(slots[i][0] for i in range(24))
        self.do(lambda: self.emulated.launch(kernel, (x, y, z), bx, words))

    # cuBLAS: matrices by columns

    def create(self):
        return 7

    def setStream(self, handle, stream):
        assert (handle, stream) == (7, _Stream.ptr)
        self.workspace = None

    def setWorkspace(self, handle, address, size):
        assert handle == 7
        assert address % 256 == 0
        self.workspace = (address, size)

    def gemmEx(self, handle, ta, tb, m, n, k, alpha, a, fa, la, b, fb, lb, beta, c, fc, lc, *how):
        sizes = (m, n, k, alpha, a, fa, la, 0, b, fb, lb, 0, beta, c, fc, lc, 0, 1)
        self.gemmStridedBatchedEx(handle, ta, tb, *sizes, *how)

    def gemmStridedBatchedEx(self, handle, ta, tb, m, n, k, alpha, *rest):
        assert handle == 7
        assert self.workspace
        a, fa, la, sa, b, fb, lb, sb, beta, c, fc, lc, sc, count, compute, algorithm = rest
        assert (fc, compute, algorithm) == (0, 68, -1)
        alpha, beta = (ctypes.c_float.from_address(place).value for place in (alpha, beta))

        def run():
            for i in range(count):
                left = _columns(a, fa, i * sa, (k, m) if ta else (m, k), la)
                right = _columns(b, fb, i * sb, (n, k) if tb else (k, n), lb)
                out = _columns(c, fc, i * sc, (m, n), lc)
                product = _floats(left, fa, ta) @ _floats(right, fb, tb)
                out[:] = alpha * product + (beta * out if beta else 0)

        self.do(run)


class _Library:
    """The functions above where there is one of that name, with the real one's parameters."""

    def __init__(self, real, host):
        self._real, self._host = real, host

    def __getattr__(self, name):
        done = getattr(self._host, name, None)
        if done is None:
            return getattr(self._real, name)
        real = getattr(self._real, name, None)
        wanted = None if real is None else _parameters(real)

        def call(*arguments):
            self._host.calls.append(name)
            assert all(isinstance(argument, int) for argument in arguments), name
            assert wanted is None or len(arguments) == wanted, name
            return done(*arguments)

        return call


def _parameters(function):
    """How many a function of Cython's takes, as its documentation tells."""
    inside = re.match(rf"{function.__name__}\((.*?)\)", function.__doc__)[1]
    return len([one for one in inside.split(",") if one.strip()])


class _Pool:
    def __init__(self, host):
        self._host = host

    def malloc(self, size):
        host = self._host
        if host.used + size > host.total:
            raise host.real.cuda.memory.OutOfMemoryError(size, host.used)
        host.used += size
        whole = np.full(size + _LINE, 0xFF, np.uint8)
        begin = whole.ctypes.data + -whole.ctypes.data % _LINE
        memory = host.real.cuda.UnownedMemory(begin, size + 1, whole, 0)
        return host.real.cuda.MemoryPointer(memory, 0)

    def free_bytes(self):
        return 0

    def used_bytes(self):
        return self._host.used


class _Stream:
    ptr = 11

    def __init__(self, host):
        self._host = host
        self._name = "beside" if host.streams else "work"
        host.streams += 1

    def wait_event(self, event):
        self._host.waits.append((self._name, event))

    def begin_capture(self, mode):
        assert mode == 2
        assert self._host.recorded is None
        self._host.recorded = []

    def end_capture(self):
        steps, self._host.recorded = self._host.recorded, None

        def launch(stream):
            assert stream is self
            for step in steps:
                step()

        return SimpleNamespace(upload=lambda _: None, launch=launch)


class _Module:
    """Loads what ``Images`` made."""

    def __init__(self, host):
        self._host = host

    def load(self, image):
        self._about = pickle.loads(image)

    def get_function(self, name):
        program, constants = self._about
        self._host.handles.append(self._host.emulated.kernel(program, name, **constants))
        return SimpleNamespace(ptr=len(self._host.handles))


class Images:
    """In place of ``Programs``."""

    def image(self, program, **constants):
        return pickle.dumps((program, constants))


def _columns(address, form, first, shape, leading):
    dtype, _ = _REAL[form]
    size = np.dtype(dtype).itemsize
    count = (shape[1] - 1) * leading + shape[0]
    assert shape[0] <= leading
    memory = (ctypes.c_uint8 * (count * size)).from_address(address + first * size)
    flat = np.frombuffer(memory, dtype)
    return np.lib.stride_tricks.as_strided(flat, shape, (size, leading * size))


def _floats(matrix, form, transposed):
    _, kind = _REAL[form]
    whole = torch.from_numpy(np.ascontiguousarray(matrix))
    whole = (whole.view(kind) if kind else whole).float().numpy()
    return whole.T if transposed else whole

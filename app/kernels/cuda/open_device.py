"""Opens the ``CupyDevice`` of a GPU, or says why it cannot be used."""

import importlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.errors import NoGpu

from . import cublas, nvrtc, toolkit
from .cupy_device import Cuda, CupyDevice

_NO_DEVICE = 100  # cudaErrorNoDevice
_DRIVERS = {12: "525", 13: "580"}  # the oldest for each CUDA


def open_device(index: int = 0, folder: Path | None = None) -> CupyDevice:
    """The GPU of this number, checked; compiled programs are cached in ``folder``.

    Raises NoGpu if there is none, it is too old, or something it needs is not installed, and
    KernelError if it does not answer.
    """
    cuda = bindings()
    check_gpu(cuda.runtime, index)
    return CupyDevice(cuda, index, folder)


def bindings() -> Cuda:
    """CuPy and the libraries it needs. Raises NoGpu (why: extra, driver, compiler, products)."""
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # as the driver's own tools count
    cupy = _imported("cupy", "extra")
    runtime = _imported("cupy_backends.cuda.api.runtime", "extra")
    if not runtime.driverGetVersion():
        raise NoGpu(why="driver", wanted=_oldest_driver(runtime))
    version = _version(runtime)
    # before cupy, which takes those of another CUDA where torch has brought them
    with suppress(OSError):
        toolkit.loaded("nvrtc", version)
    try:
        nvrtc.library()
    except ImportError as failure:
        raise NoGpu(why="compiler", said=_first_line(failure)) from failure
    driver = _imported("cupy_backends.cuda.api.driver", "extra")
    try:
        products = cublas.load(version)
    except ImportError as failure:
        raise NoGpu(why="products", said=_first_line(failure)) from failure
    return Cuda(cupy, runtime, driver, products)


def check_gpu(runtime: Any, index: int) -> None:
    """Raises NoGpu if there is no such GPU, or the compiler no longer supports it."""
    try:
        count = int(runtime.getDeviceCount())
    except runtime.CUDARuntimeError as failure:
        if failure.status != _NO_DEVICE:
            facts = {"wanted": _oldest_driver(runtime), "said": str(failure)}
            raise NoGpu(why="driver", **facts) from failure
        count = 0
    if not 0 <= index < count:
        raise NoGpu(why="card", found=count)
    facts = runtime.getDeviceProperties(index)
    if 10 * facts["major"] + facts["minor"] < nvrtc.OLDEST:
        found = f"{facts['major']}.{facts['minor']}"
        wanted = f"{nvrtc.OLDEST // 10}.{nvrtc.OLDEST % 10}"
        raise NoGpu(why="old", name=facts["name"].decode(), found=found, wanted=wanted)


def _imported(name: str, lacking: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as failure:
        raise NoGpu(why=lacking, said=_first_line(failure)) from failure


def _first_line(failure: ImportError) -> str:
    return str(failure).strip().partition("\n")[0]


def _oldest_driver(runtime: Any) -> str:
    return _DRIVERS.get(_version(runtime), _DRIVERS[13])


def _version(runtime: Any) -> int:
    """The major version of the CUDA that CuPy was built for, e.g. 13."""
    return int(runtime.runtimeGetVersion()) // 1000

"""Operations on arrays, for each device; knows no files, processes or windows."""

import re

from app.errors import StrategyError

from .ops import Affine, Array, Delta, Loras, Ops
from .weight_formats import FORMATS, ResidualWeight, Weight, residual_weight

__all__ = [
    "FORMATS",
    "Affine",
    "Array",
    "Delta",
    "Loras",
    "Ops",
    "ResidualWeight",
    "Weight",
    "open_ops",
    "reads_fast",
    "residual_weight",
]


_DEVICES = ("cpu", "cuda")
_GPU = re.compile(r"cuda(?::(\d{1,3}))?", re.ASCII)


def open_ops(device: str) -> Ops:
    """The operations on a device: "cpu", or "cuda" and "cuda:N" for card 0 and card N.

    The CPU's are native where their library is built and loads, else in plain PyTorch; ``name``
    and ``note`` tell which, and why.  Raises StrategyError for any other text, and NoGpu or
    KernelError where the card cannot be used.
    """
    gpu = _GPU.fullmatch(device)
    if gpu is not None:
        return _on_gpu(int(gpu[1] or 0))
    if device != "cpu":
        raise StrategyError(found=device, wanted=", ".join(_DEVICES))
    from .native.library import LibraryError, load
    from .native.ops import NativeOps
    from .portable import PortableOps

    try:
        return NativeOps(load())
    except LibraryError as reason:
        return PortableOps(note=str(reason))


def reads_fast() -> frozenset[str] | None:
    """The formats that the native kernels read at least as fast as float32 on this processor.

    None where ``open_ops`` would give plain PyTorch for the CPU.  Loads no PyTorch itself.
    """
    from .native.library import LibraryError, load

    try:
        return load().reads
    except LibraryError:
        return None


def _on_gpu(index: int) -> Ops:
    from .cuda import nvrtc, open_device
    from .cuda.ops import CudaOps

    return CudaOps(open_device.open_device(index, nvrtc.standard_folder()))

"""Arrays and what is done with them, by device; knows no files, no processes, no windows."""

from app.errors import StrategyError

from .ops import Affine, Array, Delta, Loras, Ops
from .weights import FORMATS, Adds, Weight, adding

__all__ = [
    "FORMATS",
    "Adds",
    "Affine",
    "Array",
    "Delta",
    "Loras",
    "Ops",
    "Weight",
    "adding",
    "open_ops",
]


def open_ops(device: str) -> Ops:
    """The operations on a device: "cpu".  Raises StrategyError for any other.

    The CPU's are native where their library is built and loads, else in plain PyTorch; ``name``
    and ``note`` tell which, and why.
    """
    if device != "cpu":
        raise StrategyError(found=device, wanted="cpu")
    from .native.library import LibraryError, load
    from .native.ops import NativeOps
    from .portable import PortableOps

    try:
        return NativeOps(load())
    except LibraryError as reason:
        return PortableOps(note=str(reason))

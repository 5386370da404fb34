"""Arrays and what is done with them, by device; knows no files, no processes, no windows."""

from app.errors import StrategyError

from .ops import Affine, Array, Delta, Loras, Ops
from .weights import FORMATS, Weight

__all__ = ["FORMATS", "Affine", "Array", "Delta", "Loras", "Ops", "Weight", "open_ops"]


def open_ops(device: str) -> Ops:
    """The operations on a device: "cpu".  Raises StrategyError for any other."""
    from .portable import PortableOps

    if device != "cpu":
        raise StrategyError(found=device, wanted="cpu")
    return PortableOps()

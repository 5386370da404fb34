"""``Ops`` on an NVIDIA card, a family of operations from each of its bases."""

import torch

from app.kernels.ops import Affine, Loras

from .base import DeviceBuffer
from .device import FORMS, Array, Device
from .ops_matrix import MatrixOps
from .ops_quantised import QuantisedOps
from .ops_sequence import SequenceOps

_ROWS = 1024  # enough for a product to have work for every processor of a large card


class CudaOps(SequenceOps, MatrixOps, QuantisedOps):
    """All operations of PortableOps on a GPU; arrays are the device's."""

    note, rows = "", _ROWS
    alike = exact = False  # the card's library rounds, and chooses its order by the sizes
    most_alike = 1

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.name = f"cuda {device.name}"

    def host(self, array: Array) -> torch.Tensor:
        """Results as a float32 tensor on the host.

        The next call overwrites it, so copy it to keep it.
        """
        numbers = torch.from_numpy(self.device.read(array))
        if FORMS.get(array.dtype) == "bf16":
            numbers = numbers.view(torch.bfloat16)
        return numbers.float()

    def chains7(
        self,
        rkv: tuple[Array, Array, Array],
        blends: Array,
        loras: Loras,
        first: Array | None,
        keys: Array,
        bonus: Array,
        norm: Affine,
        state: DeviceBuffer,
    ) -> Array:
        """See Ops."""
        low = self.loras(blends, loras)
        return self.attend7(rkv, low[:-1], first, keys, low[-1], bonus, norm, state)

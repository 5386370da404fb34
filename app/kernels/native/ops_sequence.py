"""Everything that is no product with a matrix: norms, mixes, recurrences, gates."""

from torch import Tensor

from app.kernels.ops import Affine
from app.kernels.portable import LAYER_EPS

from .base import Base, ready


class SequenceOps(Base):
    """Operations along the channels and along time."""

    def norm(self, x: Tensor, norm: Affine) -> Tensor:
        """See Ops."""
        if not ready(x):
            result: Tensor = self.fallback("norm", x, norm)
            return result
        y = self.empty(x.shape)
        width = x.shape[-1]
        self.call("norm", y, x, norm.gain, norm.bias, x.numel() // width, width, LAYER_EPS)
        return y

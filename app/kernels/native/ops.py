"""``Ops`` on the CPU through the native kernels, a family of them from each of its bases."""

from .base import recorded
from .ops_matrix import MatrixOps
from .ops_products import ProductOps
from .ops_quantised import QuantisedOps
from .ops_sequence import SequenceOps


@recorded
class NativeOps(SequenceOps, ProductOps, MatrixOps, QuantisedOps):
    """What PortableOps means, in C++; what has no kernel is done by PortableOps itself."""

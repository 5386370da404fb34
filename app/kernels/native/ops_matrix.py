"""Products with matrices of 32 and 16 bits, and the head."""

from .base import Base


class MatrixOps(Base):
    """Products whose weights are floats."""

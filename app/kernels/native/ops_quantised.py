"""Products with matrices of 8 and 4 bits."""

from .base import Base


class QuantisedOps(Base):
    """Products whose weights are small integers with scales."""

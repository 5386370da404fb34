"""Adapters to be merged into a model while it is opened, as the messages carry them."""

import msgspec


class MergedAdapter(msgspec.Struct, frozen=True):
    """A file or folder of an adapter, in bytes (os.fsencode), and the alpha that was asked for.

    ``alpha`` is None where the adapter tells it itself, or has none.
    """

    path: bytes
    alpha: float | None = None

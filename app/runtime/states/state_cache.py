"""States of texts already read, found again by their tokens; knows no model and no request.

A state here is never advanced: a text that continues it gets a copy.
"""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch

    from .state import RecurrentState

LIMIT_BYTES = 128 << 20


class Known(NamedTuple):
    """The state of one text after ``tokens`` tokens, and the logits (V,) that followed them."""

    tokens: int
    state: "RecurrentState"
    logits: "torch.Tensor | None"


class StateCache:
    """Keeps the states that were used last, ``limit_bytes`` of them together."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._entries: OrderedDict[bytes, Known] = OrderedDict()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def keep(
        self, tokens: Sequence[int], state: "RecurrentState", logits: "torch.Tensor | None"
    ) -> None:
        """Remember the state (of one text, now the cache's own) after ``tokens``."""
        if not tokens:
            return
        key = _key(tokens)
        known = Known(len(tokens), state, None if logits is None else logits.clone())
        self._forget(key)
        if _size(key, known) > self._limit:
            return
        self._entries[key] = known
        self.nbytes += _size(key, known)
        while self.nbytes > self._limit:
            self._forget(next(iter(self._entries)))

    def longest(self, tokens: Sequence[int]) -> Known | None:
        """The longest known beginning of ``tokens``, with a state of the caller's own.

        All of ``tokens`` counts only where the logits after them are known too.
        """
        wanted = _key(tokens)
        usable = [
            key
            for key, known in self._entries.items()
            if wanted.startswith(key) and (len(key) < len(wanted) or known.logits is not None)
        ]
        if not usable:
            return None
        key = max(usable, key=len)
        self._entries.move_to_end(key)
        known = self._entries[key]
        return known._replace(state=known.state.clone())

    def _forget(self, key: bytes) -> None:
        known = self._entries.pop(key, None)
        if known is not None:
            self.nbytes -= _size(key, known)


def _key(tokens: Sequence[int]) -> bytes:
    return array("i", tokens).tobytes()


def _size(key: bytes, known: Known) -> int:
    logits = 0 if known.logits is None else known.logits.nbytes
    return len(key) + known.state.nbytes + logits

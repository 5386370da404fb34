"""What a state is the state of: a model, a tokenizer, a start, and the tokens read since.

Two states with one ``StateKey`` were computed from the same numbers; ``MadeWith`` tells how
exactly, for formats round differently.  A key says nothing of the text: it has digests only.
"""

import hashlib
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

_DIGEST_BYTES = 16


class StartingPoint(NamedTuple):
    """Where a text begins: the model's fingerprint, its tokenizer's name, its start state.

    ``start`` is the digest of a state that was given; "" is the model's own beginning.
    """

    fingerprint: str
    tokenizer: str
    start: str = ""


class StateKey(NamedTuple):
    """A starting point, and the digest of the ``tokens`` ids that were read since."""

    point: StartingPoint
    tokens: int
    prefix: str


class MadeWith(NamedTuple):
    """How a state was computed: the weights' format ("bf16"), and the backend ("native avx512").

    A state of another format is near what this one would compute, but not the same: it may serve
    after a change of strategy, and what goes on from it is approximate.
    """

    format: str
    backend: str


def with_adapters(fingerprint: str, adapters: Sequence[str] = ()) -> str:
    """The fingerprint of weights into which adapters were merged, given by digests, in order."""
    if not adapters:
        return fingerprint
    digest = hashlib.blake2b(fingerprint.encode(), digest_size=_DIGEST_BYTES)
    for adapter in adapters:
        digest.update(b"\0" + adapter.encode())
    return digest.hexdigest()


class TokenPrefix:
    """The tokens of one text so far, as a key that grows with them at no cost to speak of."""

    def __init__(self, point: StartingPoint, tokens: Iterable[int] = ()) -> None:
        self.point, self.tokens = point, 0
        self._digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        self.grow(tokens)

    def grow(self, tokens: Iterable[int]) -> None:
        """So many more."""
        ids = array("i", tokens)
        if sys.byteorder == "big":
            ids.byteswap()
        self._digest.update(ids)
        self.tokens += len(ids)

    def copy(self) -> "TokenPrefix":
        """The same tokens; what grows later is its own."""
        other = TokenPrefix(self.point)
        other._digest, other.tokens = self._digest.copy(), self.tokens
        return other

    @property
    def key(self) -> StateKey:
        """Of these tokens."""
        return StateKey(self.point, self.tokens, self._digest.copy().hexdigest())

    def keys_at(self, tokens: Sequence[int], lengths: Iterable[int]) -> Iterator[StateKey]:
        """The keys after so many of ``tokens``, which follow: ``lengths`` ascend, in all tokens."""
        growing, ids, done = self.copy(), array("i", tokens), 0
        for length in lengths:
            end = length - self.tokens
            growing.grow(ids[done:end])
            done = end
            yield growing.key

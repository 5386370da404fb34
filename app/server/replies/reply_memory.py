"""Remembers as which tokens replies were written, so that the next turn is read from their end.

A client sends a reply back as text, which could be read as other tokens; then the state at its end
would be of no use.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from app.runtime.protocol.prompts import Turn

_MOST = 4096
_MOST_BYTES = 32 << 20


class ReplyMemory:
    """Replies by the conversation before them, the latest ``_MOST`` of one model and session."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Turn] = OrderedDict()
        self._bytes = 0

    def keep(self, scope: Sequence[str], before: Sequence[Turn], told: str, written: Turn) -> None:
        """The reply after ``before``: ``told`` is what the client was sent, ``written`` all of it.

        ``scope`` are model, session and whatever else tells conversations apart.
        """
        if written.tokens is None:
            return
        key = _with(_begun(scope, before), "assistant", told).digest()
        self._forget(key)
        self._known[key] = written
        self._bytes += _size(written)
        while len(self._known) > _MOST or self._bytes > _MOST_BYTES:
            self._forget(next(iter(self._known)))

    def recalled(self, scope: Sequence[str], turns: Sequence[Turn]) -> tuple[Turn, ...]:
        """The turns, those replies that are known as they were written."""
        found: list[Turn] = []
        digest = _begun(scope, ())
        for turn in turns:
            digest = _with(digest, turn.role, turn.text)
            known = self._known.get(digest.digest()) if turn.role == "assistant" else None
            found.append(known or turn)
        return tuple(found)

    def _forget(self, key: bytes) -> None:
        gone = self._known.pop(key, None)
        if gone is not None:
            self._bytes -= _size(gone)


def _size(turn: Turn) -> int:
    return len(turn.text) + (len(turn.tokens.ids) if turn.tokens else 0)


def _begun(scope: Sequence[str], turns: Sequence[Turn]) -> hashlib.blake2b:
    digest = _with(hashlib.blake2b(digest_size=16), *scope)
    for turn in turns:
        digest = _with(digest, turn.role, turn.text)
    return digest


def _with(digest: hashlib.blake2b, *texts: str) -> hashlib.blake2b:
    """The digest of these texts as well, each with its length."""
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest

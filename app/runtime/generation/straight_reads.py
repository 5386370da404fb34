"""Which remembered states are, bit by bit, those of a text that is read from its beginning.

Numbers depend on where a prompt is cut: so a state serves a text that is to repeat only where the
text would be cut in the same places on its own.  That is not so behind a reply, which was written
token by token, nor at the end of another prompt that lies between two cuts.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

from app.runtime.states.disk_names import NOTHING, DiskName
from app.runtime.states.state_key import StateKey

from .prompt_cuts import PromptCuts

_MOST = 1 << 16  # beginnings that are known, more than states fit in memory


class Read(Protocol):
    """A text: where its prompt is cut besides the usual places, and whether all was read so."""

    marks: frozenset[int]
    prompt: tuple[int, ...]
    straight: bool


class StraightReads:
    """Knows beginnings by their keys, and of each the cuts that are no usual ones.

    ``computes`` says what else decides about the bits: states on the disk that something else has
    computed do not serve.
    """

    def __init__(self, cuts: PromptCuts, computes: str = "") -> None:
        self._cuts, self._computes = cuts, computes
        self._known: OrderedDict[StateKey, frozenset[int]] = OrderedDict()

    def note(self, key: StateKey, text: Read) -> None:
        """The state that is remembered for ``key`` now is this text's."""
        self._known.pop(key, None)
        if text.straight:
            self._known[key] = self._extra(text.marks, key.tokens)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def forget(self, key: StateKey) -> None:
        """The state that is remembered for ``key`` now comes from elsewhere."""
        self._known.pop(key, None)

    def serves(self, key: StateKey, text: Read) -> bool:
        """Whether the state of ``key``, a beginning of the text, is one that its reading gives."""
        count = key.tokens
        if not count:
            return True
        return self._is_cut(count, text) and self._known.get(key) == self._extra(text.marks, count)

    def cuts_of(self, text: Read, count: int) -> str:
        """How the text was cut up to ``count`` tokens, as names on the disk tell it."""
        return self._told(text.marks, count) if text.straight else NOTHING

    def serves_kept(self, name: DiskName, text: Read) -> bool:
        """The same for a state on the disk, of a beginning of the text."""
        count = name.tokens
        told = name.exact and name.cuts == self._told(text.marks, count)
        return told and self._is_cut(count, text)

    def note_kept(self, key: StateKey, cuts: str, text: Read) -> None:
        """The state that is remembered for ``key`` now has come from the disk, cut like that."""
        self._known.pop(key, None)
        if cuts == self._told(text.marks, key.tokens):
            self._known[key] = self._extra(text.marks, key.tokens)

    def _is_cut(self, count: int, text: Read) -> bool:
        return count % self._cuts.tokens == 0 or count in (*text.marks, len(text.prompt))

    def _extra(self, marks: Iterable[int], count: int) -> frozenset[int]:
        """The marks before ``count`` at which the ladder does not cut."""
        return frozenset(m for m in marks if 0 < m < count and m % self._cuts.tokens)

    def _told(self, marks: Iterable[int], count: int) -> str:
        told = (self._computes, self._cuts.tokens, sorted(self._extra(marks, count)))
        return hashlib.blake2b(repr(told).encode(), digest_size=len(NOTHING) // 2).hexdigest()

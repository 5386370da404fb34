"""Which remembered states are, bit by bit, those of a text that is read from its beginning.

Numbers depend on where a prompt is cut: so a state serves a text that is to repeat only where the
text would be cut in the same places on its own.  That is not so behind a reply, which was written
token by token, nor at the end of another prompt that lies between two cuts.
"""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from .prompt_cuts import PromptCuts

_MOST = 1 << 16  # beginnings that are known, more than states fit in memory


class StraightReads:
    """Knows beginnings by a digest of their tokens, and of each the cut that is no usual one."""

    def __init__(self, cuts: PromptCuts) -> None:
        self._cuts = cuts
        self._known: OrderedDict[bytes, int] = OrderedDict()

    def note(self, tokens: Sequence[int], mark: int, *, straight: bool) -> None:
        """What is remembered of ``tokens`` now, read from the beginning or not, cut at ``mark``."""
        key = _key(tokens)
        self._known.pop(key, None)
        if straight:
            self._known[key] = self._extra(mark, len(tokens))
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def serves(self, prompt: Sequence[int], mark: int, count: int) -> bool:
        """Whether the state after ``count`` tokens is one that reading ``prompt`` comes to."""
        is_cut = count % self._cuts.tokens == 0 or count in (mark, len(prompt))
        return is_cut and self._known.get(_key(prompt[:count])) == self._extra(mark, count)

    def _extra(self, mark: int, count: int) -> int:
        """The mark where it cuts before ``count`` and the ladder does not, else 0."""
        return mark if 0 < mark < count and mark % self._cuts.tokens else 0


def _key(tokens: Sequence[int]) -> bytes:
    return blake2b(array("i", tokens).tobytes(), digest_size=16).digest()

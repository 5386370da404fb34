"""A vocabulary as a tree of bytes, in which grammars find what may come next; knows no model.

The tree and what walks through it are of the package llguidance, imported when it is first needed.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from app.errors import RequestRefused

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLParserLimits, LLTokenizer

_KEPT = 8
"""Grammars whose compiled form is kept: a batch has one for all of its rows."""
_MOST_STATES = 50_000
"""Of an expression that is walked through, 2 kB each; what is usual has some hundreds."""


class TokenTrie:
    """The tokens that have bytes, but for those that end a text.

    Those are known as ends only: no text, and no part of a grammar, can be written with them.
    """

    def __init__(
        self, pieces: Sequence[bytes], ends: Collection[int], encode: Callable[[str], list[int]]
    ) -> None:
        """``pieces[id]`` are the bytes of a token; ``encode`` tells how text is usually written.

        Takes a tenth of a second for 65,536 tokens.
        """
        from llguidance import LLTokenizer, TokenizerWrapper

        words = _Words(pieces, frozenset(i for i in ends if i < len(pieces)), encode)
        self._native = LLTokenizer(TokenizerWrapper(words), eos_token=sorted(words.ends))
        words.native = self._native
        self.ends, self.tokens = words.ends, len(pieces)
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()

    def matcher(self, grammar: str) -> "LLMatcher":
        """One that has seen no token; ``grammar`` is Lark, or a list of grammars as JSON.

        Where it cannot be followed, ``is_error`` of it is true.
        """
        found = self._compiled.pop(grammar, None)
        if found is None:
            found = self._compile(grammar)
        self._compiled[grammar] = found
        if len(self._compiled) > _KEPT:
            self._compiled.popitem(last=False)
        return found.deep_copy()

    def errors(self, grammar: str) -> str:
        """Why a grammar cannot be followed, in the library's words; "" where it can."""
        matcher = self._compile(grammar)
        return matcher.get_error() if matcher.is_error() else ""

    def _compile(self, grammar: str) -> "LLMatcher":
        from llguidance import LLMatcher

        return LLMatcher(self._native, grammar, log_level=0, limits=_limits())


def _limits() -> "LLParserLimits":
    """What compiling may take, and what the mask of one token may: about 50 ms each."""
    from llguidance import LLParserLimits

    return LLParserLimits(verbose_errors=False, max_lexer_states=_MOST_STATES)


class _Words:
    """The vocabulary in the form that llguidance asks for."""

    bos_token_id = None
    native: "LLTokenizer | None" = None

    def __init__(
        self, pieces: Sequence[bytes], ends: frozenset[int], encode: Callable[[str], list[int]]
    ) -> None:
        self._pieces, self._encode, self.ends = pieces, encode, ends
        self.tokens = [f"<{i}>".encode() if i in ends else one for i, one in enumerate(pieces)]
        self.special_token_ids = sorted(ends)
        self.eos_token_id = self.special_token_ids[0]

    def __call__(self, text: str) -> list[int]:
        """The tokens as which text is usually written; exactly its bytes in any case."""
        try:
            ids = self._encode(text)
        except RequestRefused:  # the vocabulary does not have all of it
            ids = []
        exact = b"".join(self._pieces[i] for i in ids) == text.encode()
        if exact or self.native is None:
            return ids
        return self.native.greedy_tokenize(text)

"""Holds a text to a grammar: a mask over the logits, token by token; knows no model.

A mask is all there is: nothing is tried again or mended, and where more than one token fits, the
model chooses.  V is the vocabulary.
"""

from typing import TYPE_CHECKING

import numpy as np

from app.errors import RequestRefused
from app.runtime.generation.logits import Floats
from app.runtime.protocol.grammars import Grammar

from .grammar_text import Head, compiled_from, refusal

if TYPE_CHECKING:
    from app.runtime.tokenizers import Tokenizer

_TOO_COMPLEX = ("ParserTooComplex", "LexerTooComplex")


class GrammarMask:
    """A processor (``processors.py``) that leaves what may come next, and the end where it may."""

    def __init__(
        self, grammar: Grammar, tokenizer: "Tokenizer", head: Head, *, banned: bool = False
    ) -> None:
        """``grammar`` has been through ``check_grammar``; ``head`` is what comes before it.

        ``banned`` tells that tokens are, in whose place others may write the same.
        Raises RequestRefused for what cannot be followed, and the tokenizer's failure where there
        is no text.
        """
        trie = tokenizer.trie
        self._ends, self._end_ids = trie.ends, sorted(trie.ends)
        self._matcher = trie.matcher(compiled_from(grammar, head, banned=banned))
        if self._matcher.is_error():
            raise refusal(grammar, self._matcher.get_error(), trie.errors)
        if passed_over := self._matcher.get_grammar_warnings():
            raise refusal(grammar, passed_over[0], trie.errors)
        self._tokens = trie.tokens
        self._bits = np.zeros(-(-trie.tokens // 32), np.uint32)

    @property
    def complete(self) -> bool:
        """Whether the text is whole, and nothing may follow."""
        return self._matcher.is_stopped() and not self._matcher.is_error()

    @property
    def broken(self) -> bool:
        """Whether a token was noted that does not fit."""
        return self._matcher.is_error()

    def apply(self, logits: Floats) -> None:
        """See Processor.  Raises RequestRefused where to find out what fits takes too much."""
        self._matcher.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
        if self._matcher.is_error():
            if self._matcher.stop_reason() in _TOO_COMPLEX:
                raise RequestRefused(why="grammar-complex")
            logits[:] = -np.inf
            return
        fits = np.unpackbits(self._bits.view(np.uint8), count=self._tokens, bitorder="little")
        if not self._matcher.is_accepting():  # a grammar may name tokens, and so an end
            fits[self._end_ids] = 0
        logits[self._tokens :] = -np.inf
        np.copyto(logits[: self._tokens], -np.inf, where=fits == 0)

    def note(self, token: int) -> None:
        """See Processor."""
        if token not in self._ends:
            self._matcher.consume_token(token)

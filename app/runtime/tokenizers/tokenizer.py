"""What every tokenizer is: a table of byte strings and an encoder; knows no model and no file."""

import codecs
import hashlib
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from app.errors import TokenizerError

if TYPE_CHECKING:
    from .token_trie import TokenTrie

UNCOUNTED_TEXT = b" \t0123456789"
"""Tokens whose text is a part of this are never counted by the frequency penalty (pip rwkv)."""


class Decoder:
    """Tokens in, complete characters out: at most 3 bytes of a cut UTF-8 sequence are held back.

    Bytes that no continuation can make valid come out as U+FFFD at once.  All feeds and the
    flush together give exactly ``bytes.decode("utf-8", errors="replace")`` of all bytes.
    """

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self._token_bytes = token_bytes
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, token: int) -> str:
        """The characters that ``token`` completes; "" while one is still cut."""
        text = self._utf8.decode(self._token_bytes(token))
        held = self._utf8.getstate()[0]
        if held[:1] == b"\xed" and held[1:2] >= b"\xa0":  # a surrogate: codecs waits for its end
            text += self.flush()
        return text

    @property
    def holds(self) -> bool:
        """Whether bytes are held back."""
        return bool(self._utf8.getstate()[0])

    def flush(self) -> str:
        """What was held back, as U+FFFD; the decoder is then as new."""
        rest = self._utf8.decode(b"", final=True)
        self._utf8.reset()
        return rest


@dataclass(frozen=True)
class Tokenizer:
    """One vocabulary.

    ``name`` is the word of ``spec.tokenizer_for``; where a file beside the model has changed that
    vocabulary, a colon and a digest of it follow.

    ``pieces[id]`` are the bytes of a token, b"" where it has none.  ``end_tokens`` end a text,
    ``raw_end_tokens`` one that is no chat (None: the same).  ``never`` may not be produced at
    all (rows of the head that no token was ever trained for).  ``start`` is what a text begins
    with where a prompt is empty.  ``failure`` tells why there is no text, where the vocabulary
    is missing, broken or unknown; encoding raises its like, and decoding gives "".
    ``not_used`` is a file beside the model that is damaged or another's, instead of which the
    usual vocabulary serves.
    ``tail`` is a token that no prompt may end with, and what stands for it there.
    """

    name: str
    pieces: Sequence[bytes]
    encoder: Callable[[str], list[int]]
    end_tokens: frozenset[int] = frozenset({0})
    raw_end_tokens: frozenset[int] | None = None
    never: frozenset[int] = frozenset()
    start: tuple[int, ...] = (0,)
    failure: TokenizerError | None = None
    tail: tuple[int, tuple[int, ...]] | None = None
    not_used: str = ""

    @property
    def kind(self) -> str:
        """The word of ``spec.tokenizer_for``."""
        return self.name.partition(":")[0]

    @cached_property
    def identity(self) -> str:
        """Tells this vocabulary from others: ids mean the same bytes where it is the same."""
        digest = hashlib.blake2b(",".join(map(str, map(len, self.pieces))).encode(), digest_size=8)
        digest.update(b"".join(self.pieces))
        return f"{self.kind}-{digest.hexdigest()}"

    @cached_property
    def uncounted(self) -> frozenset[int]:
        """The tokens that get no frequency penalty."""
        found = (i for i, piece in enumerate(self.pieces) if piece and piece in UNCOUNTED_TEXT)
        return frozenset(found)

    @cached_property
    def trie(self) -> "TokenTrie":
        """The vocabulary as grammars need it.  Raises ``failure`` where there is one."""
        from .token_trie import TokenTrie

        if self.failure is not None:
            raise copy(self.failure)
        return TokenTrie(self.pieces, self.end_tokens, self.encoder)

    def encode(self, text: str) -> list[int]:
        """The token ids of ``text``.

        Raises ``failure`` where there is one, RequestRefused (facts: why, word) for words or
        characters that the vocabulary cannot write.
        """
        if self.failure is not None:
            raise copy(self.failure)
        return self.encoder(text)

    def encode_prompt(self, text: str) -> list[int]:
        """As ``encode``, ending as the model's training text would (ChatRWKV's fix_tokens)."""
        ids = self.encode(text)
        if self.tail is not None and ids and ids[-1] == self.tail[0]:
            ids[-1:] = self.tail[1]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids``; invalid UTF-8 becomes U+FFFD."""
        return b"".join(map(self.token_bytes, ids)).decode("utf-8", errors="replace")

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token; b"" for the end token and for ids outside the vocabulary."""
        return self.pieces[token] if 0 <= token < len(self.pieces) else b""

    def decoder(self) -> Decoder:
        """A decoder for one growing text."""
        return Decoder(self.token_bytes)


def refusing(
    name: str, failure: TokenizerError, *, end_tokens: frozenset[int] = frozenset({0})
) -> Tokenizer:
    """A tokenizer without text, for a model that can then run on token ids only."""
    return Tokenizer(name, (), _nothing, end_tokens=end_tokens, failure=failure)


def _nothing(text: str) -> list[int]:
    return []


def utf8(text: str) -> bytes:
    """``text`` in UTF-8: surrogate pairs are joined, a lone surrogate becomes U+FFFD."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return paired.encode("utf-8")

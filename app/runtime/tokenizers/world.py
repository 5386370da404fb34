"""The World vocabulary of RWKV-4 World to RWKV-7: greedy longest match over UTF-8 bytes.

The table is ``rwkv_vocab_v20230424.txt`` (see resources/vocabulary/README.md).  It knows neither
models nor prompts.  All 256 single bytes are tokens, so encoding never fails.
"""

import ast
import re
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

from app.errors import TokenizerDamaged
from app.resources import resource
from app.runtime.checkpoint.file_names import WORLD_VOCABULARY

from .longest_match import PlainMatch, WideMatch
from .tokenizer import Tokenizer, refusing, utf8
from .world_variant import variant

TOKENS = 65530
"""Ids 0 (the end, no bytes) to 65529."""

LONG = 1 << 17
"""Bytes from which on the wide matcher pays, which takes a tenth of a second to build."""

_LINE = re.compile(rb"^(\d+) (b?(['\"]).*\3) (\d+)\r?$", re.MULTILINE)


def world(
    vocabulary: int = 65536, path: Path | None = None, folder: Path | None = None
) -> Tokenizer:
    """The World tokenizer for a model with ``vocabulary`` rows (65530 to 65536).

    A ``rwkv_vocab*.txt`` in the model's ``folder`` that has other words is its vocabulary; one
    that is damaged or another's is not, and ``not_used`` names it.  Its ``failure`` is
    TokenizerDamaged where the file that ships with the program is gone or broken.
    """
    path = path or resource("vocabulary", WORLD_VOCABULARY)
    try:
        encoder = _loaded(path)
    except TokenizerDamaged as failure:
        return refusing("world", failure)
    usual = Tokenizer(
        "world", encoder.pieces, encoder.encode, never=frozenset(range(TOKENS, vocabulary))
    )
    if folder is None:
        return usual
    try:
        return variant(folder, encoder.pieces, path, vocabulary) or usual
    except TokenizerDamaged as damaged:
        return replace(usual, not_used=str(damaged.facts["path"]))


@cache
def _loaded(path: Path) -> "Encoder":
    return Encoder(read_pieces(path))


def read_pieces(path: Path) -> tuple[bytes, ...]:
    """The bytes of every token, by id, from lines of ``id literal length``.

    Nearly all literals stand for themselves between quotes; those with a backslash need Python's
    own reading.  Raises TokenizerDamaged (facts: path).
    """
    try:
        lines = _LINE.findall(path.read_bytes())
    except OSError as error:
        raise TokenizerDamaged(path=str(path)) from error
    try:
        pieces = _unquoted([literal for _, literal, _, _ in lines])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise TokenizerDamaged(path=str(path)) from error
    numbered = [int(number) for number, *_ in lines] == list(range(1, TOKENS))
    sized = [int(size) for *_, size in lines] == list(map(len, pieces))
    if not (numbered and sized and {bytes((value,)) for value in range(256)} <= set(pieces)):
        raise TokenizerDamaged(path=str(path))
    return (b"", *pieces)


def _unquoted(literals: list[bytes]) -> list[bytes]:
    pieces = [literal[1:-1] for literal in literals]
    hard = [i for i, literal in enumerate(literals) if b"\\" in literal or literal[:1] == b"b"]
    source = "[" + ",".join(literals[i].decode("utf-8") for i in hard) + "]"
    for i, value in zip(hard, ast.literal_eval(source), strict=True):
        pieces[i] = value if isinstance(value, bytes) else bytes(value, "utf-8")
    return pieces


class Encoder:
    """Greedy longest match with whichever matcher suits the length of the text."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self.pieces = pieces
        self._plain = PlainMatch(pieces)

    @cached_property
    def _wide(self) -> WideMatch:
        return WideMatch(self.pieces, self._plain)

    def encode(self, text: str) -> list[int]:
        """The token ids of ``text`` in UTF-8."""
        data = utf8(text)
        return (self._wide if len(data) >= LONG else self._plain).encode(data)

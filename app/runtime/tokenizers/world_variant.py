"""A World vocabulary beside a model that has more words than the usual one, or a few others.

It is a ``rwkv_vocab*.txt``.  Words that a Hugging Face folder adds to the usual vocabulary are read
from its ``added_tokens.json`` and ``tokenizer_config.json``.
"""

import ast
import hashlib
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from app.errors import TokenizerDamaged
from app.runtime.checkpoint.file_names import ADDED_WORDS, WORLD_VARIANT

from .longest_match import PlainMatch
from .tokenizer import Tokenizer, utf8
from .vocabulary_file import vocabulary_text

_LARGEST = 4 << 20
_LONGEST = 512  # bytes of a word
_MOST_FILES = 8
_MOST_ENTRIES = 5_000
_ALIKE = 0.9  # of the usual words stand at their ids, or it is another vocabulary
_LINE = re.compile(rb"(\d{1,6}) (b?(['\"]).*\3) (\d{1,4})")
_ENDS = (b"<|im_end|>", b"<|endoftext|>", b"<|end_of_text|>", b"<|eot_id|>", b"<|end|>", b"</s>")
_MARK = re.compile(rb"<.+>", re.DOTALL)  # of words that a vocabulary has more, the special ones
_WORD_BYTES = 1 << 20

Words = dict[int, bytes]


class _AddedWord(msgspec.Struct):
    content: str


class _Configuration(msgspec.Struct):
    added_tokens_decoder: dict[str, _AddedWord] = {}


def variant(folder: Path, usual: Sequence[bytes], plain: Path, rows: int) -> Tokenizer | None:
    """The tokenizer of the vocabulary in ``folder`` for a model with so many rows.

    ``usual`` are the words of the World vocabulary by id and ``plain`` is its file.
    None where the folder has nothing that differs.  Raises TokenizerDamaged (facts: path) where
    what it has is damaged or another model's, and nothing else there serves.
    """
    failure: TokenizerDamaged | None = None
    known = b""
    for path in _files(folder):
        try:
            known = known or plain.read_bytes().replace(b"\r\n", b"\n").strip()
            words = _read(path, usual, known, rows)
        except TokenizerDamaged as error:
            failure = failure or error
            continue
        if not words:
            break
        marks = {token: word for token, word in words.items() if _MARK.fullmatch(word)}
        return _tokenizer(words, usual, rows, marks)
    else:
        if failure is not None:
            raise failure
    return _added(folder, usual, rows)


def _files(folder: Path) -> list[Path]:
    """The vocabularies in a folder, the newest by its name first."""
    try:
        with os.scandir(folder) as entries:
            names = [one.name for one, _ in zip(entries, range(_MOST_ENTRIES), strict=False)]
    except OSError:
        return []
    found = sorted((name for name in names if WORLD_VARIANT.fullmatch(name)), reverse=True)
    return [folder / name for name in found[:_MOST_FILES]]


def _read(path: Path, usual: Sequence[bytes], plain: bytes, rows: int) -> Words:
    """The words that differ from the usual ones, by id; none where it is the usual vocabulary."""
    text = vocabulary_text(path, _LARGEST).replace(b"\r\n", b"\n")
    if text.strip() == plain:
        return {}
    words: Words = {}
    lines = text.split(b"\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an escape that Python does not know
        for line in filter(None, map(bytes.strip, lines)):
            token, word = _word(line, path)
            if token in words or not 0 < token < rows:
                raise TokenizerDamaged(path=str(path))
            words[token] = word
    _refuse_strange(words, usual, path)
    return {i: word for i, word in words.items() if i >= len(usual) or usual[i] != word}


def _word(line: bytes, path: Path) -> tuple[int, bytes]:
    found = _LINE.fullmatch(line)
    try:
        if found is None:
            raise ValueError("no line of a vocabulary")
        value = ast.literal_eval(found[2].decode()) if b"\\" in found[2] else _plain(found[2])
        word = utf8(value) if isinstance(value, str) else bytes(value)
    except (ValueError, SyntaxError, TypeError, Warning, MemoryError, RecursionError) as error:
        raise TokenizerDamaged(path=str(path)) from error
    if len(word) != int(found[4]) or not 0 < len(word) <= _LONGEST:
        raise TokenizerDamaged(path=str(path))
    return int(found[1]), word


def _plain(literal: bytes) -> str | bytes:
    return literal[2:-1] if literal[:1] == b"b" else literal[1:-1].decode()


def _refuse_strange(words: Words, usual: Sequence[bytes], path: Path) -> None:
    """A text with such words could not be written, or would mean something else."""
    whole = words.keys() >= set(range(1, len(usual)))
    alike = sum(words.get(i) == word for i, word in enumerate(usual))
    kinds = set(words.values())
    bytes_too = kinds >= {bytes((value,)) for value in range(256)}
    if not (whole and bytes_too and len(kinds) == len(words) and alike >= _ALIKE * len(usual)):
        raise TokenizerDamaged(path=str(path))


def _tokenizer(
    words: Words, usual: Sequence[bytes], rows: int, marks: Mapping[int, bytes]
) -> Tokenizer:
    """The usual words with these in their places; ``marks`` are those that nothing runs into."""
    pieces = list(usual) + [b""] * (rows - len(usual))
    for token, word in words.items():
        pieces[token] = word
    told = repr((sorted(marks), sorted(words.items()))).encode()
    ends = {token for token, word in words.items() if word in _ENDS}
    return Tokenizer(
        f"world:{hashlib.blake2b(told, digest_size=8).hexdigest()}",
        tuple(pieces),
        _encoder(PlainMatch(pieces), marks),
        end_tokens=frozenset({0, *ends}),
        never=frozenset(i for i in range(len(usual), rows) if not pieces[i]),
    )


def _encoder(match: PlainMatch, marks: Mapping[int, bytes]) -> Callable[[str], list[int]]:
    """A text is parted at the marks first, as transformers does; between them matched greedily.

    Else ``.<`` would swallow the beginning of a mark behind a full stop.
    """
    ids = {word: token for token, word in marks.items()}
    longest = sorted(ids, key=len, reverse=True)
    border = re.compile(b"(" + b"|".join(map(re.escape, longest)) + b")") if ids else None

    def encode(text: str) -> list[int]:
        data = utf8(text)
        found: list[int] = []
        for part in border.split(data) if border else (data,):
            found += [ids[part]] if part in ids else match.encode(part)
        return found

    return encode


def _added(folder: Path, usual: Sequence[bytes], rows: int) -> Tokenizer | None:
    """The usual vocabulary with what a Hugging Face folder adds beyond it; None for nothing."""
    known = set(usual)
    words: Words = {}
    for token, word in _added_words(folder):
        piece = utf8(word)
        if len(usual) <= token < rows and 0 < len(piece) <= _LONGEST and piece not in known:
            words[token] = piece
            known.add(piece)
    return _tokenizer(words, usual, rows, words) if words else None


def _added_words(folder: Path) -> Iterator[tuple[int, str]]:
    """Ids and words of both files; one that is damaged or not there adds none."""
    for name in ADDED_WORDS:
        try:
            text = vocabulary_text(folder / name, _WORD_BYTES)
            if name == ADDED_WORDS[0]:
                words = msgspec.json.decode(text, type=dict[str, int])
                yield from ((token, word) for word, token in words.items())
            else:
                told = msgspec.json.decode(text, type=_Configuration).added_tokens_decoder
                yield from ((int(i), one.content) for i, one in told.items() if i.isdecimal())
        except (TokenizerDamaged, ValueError, RecursionError):
            continue

"""The vocabularies of the music models: MIDI words from beside the model, and ABC characters."""

import json
from pathlib import Path

from app.errors import RequestRefused, TokenizerDamaged, TokenizerError, TokenizerMissing
from app.runtime.checkpoint.file_names import MIDI_TOKENIZERS

from .tokenizer import Tokenizer, refusing, utf8
from .vocabulary_file import vocabulary_text

MARKS = ("<pad>", "<start>", "<end>")
MIDI_ENDS = frozenset({0, 2})
ABC_MARKS = frozenset({0, 2, 3})


def midi(name: str, vocabulary: int, folder: Path | None) -> Tokenizer:
    """The word tokenizer of a MIDI model: ``name`` is "midi" or "midi-piano".

    Words such as ``t125`` (wait) and ``p:3c:a`` (instrument:note:velocity) are written with the
    space before them.  Its ``failure`` is TokenizerMissing or TokenizerDamaged where the file
    beside the model is not there or not usable.
    """
    try:
        ids = _words(_file(name, folder), vocabulary)
    except TokenizerError as failure:
        return refusing(name, failure, end_tokens=MIDI_ENDS)
    pieces = [b""] * vocabulary
    for word, token in ids.items():
        pieces[token] = b"" if word in MARKS else b" " + utf8(word)

    def encode(text: str) -> list[int]:
        return [_known(ids, word) for word in text.lower().split()]

    return Tokenizer(name, tuple(pieces), encode, end_tokens=MIDI_ENDS)


def _file(name: str, folder: Path | None) -> Path:
    path = folder / MIDI_TOKENIZERS[name] if folder else None
    if path is None or not path.exists():
        raise TokenizerMissing(wanted=MIDI_TOKENIZERS[name], folder=str(folder or ""))
    return path


def _words(path: Path, vocabulary: int) -> dict[str, int]:
    try:
        words: dict[str, int] = json.loads(vocabulary_text(path))["model"]["vocab"]
        if sorted(words.values()) == list(range(vocabulary)):
            return words
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    raise TokenizerDamaged(path=str(path))


def _known(ids: dict[str, int], word: str) -> int:
    token = ids.get(word)
    if token is None:
        raise RequestRefused(why="unknown-word", word=word[:40])
    return token


def abc(vocabulary: int = 128) -> Tokenizer:
    """ABC notation, one ASCII character a token; a tune begins with chr(2) and ends with chr(3)."""
    pieces = tuple(b"" if i in ABC_MARKS else bytes((i,)) for i in range(vocabulary))
    return Tokenizer("abc", pieces, _characters, end_tokens=ABC_MARKS, start=(2,))


def _characters(text: str) -> list[int]:
    strange = next((character for character in text if ord(character) > 127), "")
    if strange:
        raise RequestRefused(why="unknown-word", word=utf8(strange).decode("utf-8"))
    return [ord(character) for character in text]

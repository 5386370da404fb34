"""The GPT-NeoX-20B vocabulary of the Pile, Raven and Novel models, read from beside the model.

Of such a file only the vocabulary, its merges and its added words are taken.  How text goes through
them is NeoX's own and stands here, for what a file says of it could hang or end the program.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from app.errors import TokenizerDamaged, TokenizerError, TokenizerMissing
from app.runtime.checkpoint.file_names import NEOX_TOKENIZERS

from .tokenizer import Tokenizer, refusing, utf8
from .vocabulary_file import vocabulary_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Machine

TOKENS = 50277
LINE, BLANK_LINE = 187, 535
_SPECIAL = (0, 1)  # the end of a text, and padding

_Id = Annotated[int, msgspec.Meta(ge=0, lt=TOKENS)]
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
_Pair = str | tuple[str, str]  # msgspec 0.22 crashes on a union of types that have limits


class _Added(msgspec.Struct):
    id: _Id
    content: _Word


class _Model(msgspec.Struct):
    type: str
    vocab: Annotated[dict[_Word, _Id], msgspec.Meta(max_length=TOKENS)]
    merges: Annotated[list[_Pair], msgspec.Meta(min_length=1, max_length=TOKENS)]


class _File(msgspec.Struct):
    model: _Model
    added_tokens: Annotated[list[_Added], msgspec.Meta(max_length=256)] = []


def neox(vocabulary: int, folder: Path | None) -> Tokenizer:
    """The NeoX tokenizer for a model with ``vocabulary`` rows (50277, or padded).

    A foreign tokenizer.json is passed over.  Its ``failure`` is TokenizerMissing where ``folder``
    holds no such file, and TokenizerDamaged where the file named 20B_tokenizer.json is none.
    """
    try:
        path, content = _found(folder)
        return _built(path, content, vocabulary)
    except TokenizerError as failure:
        return refusing("neox20b", failure)


def _found(folder: Path | None) -> tuple[Path, _File]:
    for name in NEOX_TOKENIZERS:
        path = folder / name if folder else None
        if path is None or not path.exists():
            continue
        try:
            return path, _content(path)
        except TokenizerDamaged:
            if name == NEOX_TOKENIZERS[0]:
                raise
    raise TokenizerMissing(wanted=NEOX_TOKENIZERS[0], folder=str(folder or ""))


def _content(path: Path) -> _File:
    """What is taken of the file: of a byte-level BPE with NeoX's ids for line and blank line.

    Raises TokenizerDamaged.
    """
    try:
        content = msgspec.json.decode(vocabulary_text(path), type=_File)
    except (ValueError, RecursionError) as error:
        raise TokenizerDamaged(path=str(path)) from error
    words = content.model.vocab
    known = words.get("Ċ") == LINE and words.get("ĊĊ") == BLANK_LINE
    ids = set(words.values())
    if not known or content.model.type != "BPE" or len(ids) != len(words):
        raise TokenizerDamaged(path=str(path))
    return content


def _built(path: Path, content: _File, vocabulary: int) -> Tokenizer:
    machine = _machine(path, content)
    pieces = [b""] * TOKENS
    for word, token in content.model.vocab.items():
        pieces[token] = _bytes_of(word)
    for token, added in machine.get_added_tokens_decoder().items():
        if token < TOKENS:
            pieces[token] = b"" if added.special else utf8(added.content)

    def encode(text: str) -> list[int]:
        ids: list[int] = machine.encode(utf8(text).decode("utf-8")).ids
        return ids

    return Tokenizer(
        "neox20b",
        tuple(pieces),
        encode,
        never=frozenset(range(TOKENS, vocabulary)),
        tail=(BLANK_LINE, (LINE, LINE)),
    )


def _machine(path: Path, content: _File) -> "Machine":
    """GPT-NeoX's tokenizer with the vocabulary of a file.  Raises TokenizerDamaged."""
    from tokenizers import Tokenizer as Machine

    try:
        return Machine.from_str(json.dumps(_pipeline(content)))
    except Exception as error:  # the library raises nothing narrower
        raise TokenizerDamaged(path=str(path)) from error


def _pipeline(content: _File) -> dict[str, Any]:
    """The file as GPT-NeoX's authors wrote it, but for its words."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(one) for one in sorted(content.added_tokens, key=_id_of)],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "vocab": content.model.vocab,
            "merges": content.model.merges,
        },
    }


def _id_of(added: _Added) -> int:
    return added.id


def _added(one: _Added) -> dict[str, Any]:
    special = one.id in _SPECIAL
    return {
        "id": one.id,
        "content": one.content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": not special,
        "special": special,
    }


def _alphabet() -> dict[str, int]:
    """The byte each character of a byte-level vocabulary stands for (as in GPT-2).

    Printable bytes of Latin-1 stand for themselves, the others for the characters from U+0100 on.
    """
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in set(shown)]
    pairs = [(chr(byte), byte) for byte in shown]
    return dict(pairs + [(chr(0x100 + n), byte) for n, byte in enumerate(hidden)])


_BYTES = _alphabet()


def _bytes_of(word: str) -> bytes:
    """What a word stands for; one that is not written in that alphabet stands for itself."""
    try:
        return bytes(_BYTES[character] for character in word)
    except KeyError:
        return utf8(word)

"""The GPT-NeoX-20B vocabulary of the Pile, Raven and Novel models, read from beside the model."""

import json
from pathlib import Path

from app.errors import TokenizerDamaged, TokenizerError, TokenizerMissing
from app.runtime.checkpoint.file_names import NEOX_TOKENIZERS

from .tokenizer import Tokenizer, refusing, utf8

TOKENS = 50277
LINE, BLANK_LINE = 187, 535


def neox(vocabulary: int, folder: Path | None) -> Tokenizer:
    """The NeoX tokenizer for a model with ``vocabulary`` rows (50277, or padded).

    A foreign tokenizer.json is passed over.  Its ``failure`` is TokenizerMissing where ``folder``
    holds no such file, and TokenizerDamaged where the file named 20B_tokenizer.json is none.
    """
    try:
        return _read(_file(folder), vocabulary)
    except TokenizerError as failure:
        return refusing("neox20b", failure)


def _file(folder: Path | None) -> Path:
    for name in NEOX_TOKENIZERS:
        path = folder / name if folder else None
        if path and path.is_file() and (name == NEOX_TOKENIZERS[0] or _is_neox(path)):
            return path
    raise TokenizerMissing(wanted=NEOX_TOKENIZERS[0], folder=str(folder or ""))


def _read(path: Path, vocabulary: int) -> Tokenizer:
    if not _is_neox(path):
        raise TokenizerDamaged(path=str(path))
    from tokenizers import Tokenizer as Machine

    try:
        machine = Machine.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise TokenizerDamaged(path=str(path)) from error
    pieces = [b""] * TOKENS
    special = {i for i, token in machine.get_added_tokens_decoder().items() if token.special}
    spelled = {i: t.content for i, t in machine.get_added_tokens_decoder().items()}
    for word, token in machine.get_vocab(with_added_tokens=True).items():
        if token < TOKENS and token not in special:
            plain = spelled.get(token)
            pieces[token] = utf8(plain) if plain is not None else _bytes_of(word)

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


def _is_neox(path: Path) -> bool:
    """Whether this is a byte-level BPE with NeoX's ids for the line break and the blank line."""
    try:
        model = json.loads(path.read_text(encoding="utf-8"))["model"]
        words = model["vocab"]
        sized = len(words) <= TOKENS and max(words.values()) < TOKENS
        known = words.get("Ċ") == LINE and words.get("ĊĊ") == BLANK_LINE
        return model["type"] == "BPE" and sized and known and len(model["merges"]) > 0
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


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
    return bytes(_BYTES[character] for character in word)

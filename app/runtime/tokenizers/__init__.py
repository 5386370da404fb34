"""Text to token ids and back; chosen by the vocabulary's size, never by a file's name."""

from collections.abc import Mapping
from pathlib import Path

from app.errors import TextRefused
from app.runtime.spec import Spec, tokenizer_for

from .byte_tokenizer import byte_tokenizer
from .music import abc, midi
from .neox import neox
from .tokenizer import Decoder, Tokenizer, refusing
from .world import world

NOTHING: Mapping[str, str] = {}

__all__ = ["Decoder", "Tokenizer", "for_model", "ids_only"]


def for_model(spec: Spec, folder: Path | None, metadata: Mapping[str, str] = NOTHING) -> Tokenizer:
    """The tokenizer of a model of this shape whose checkpoint lies in ``folder``.

    Vocabulary files that do not ship with the program are looked for there.  Never raises for
    them: ``Tokenizer.failure`` then says what is wrong (TokenizerMissing: wanted, folder;
    TokenizerDamaged: path), encoding raises it, and the model still runs on token ids.
    ``metadata`` is the checkpoint's: an entry ``end_token`` of "0" says that byte 0 always ends.
    """
    name = tokenizer_for(spec.vocabulary)
    if name == "world":
        return world(spec.vocabulary, folder=folder)
    if name == "neox20b":
        return neox(spec.vocabulary, folder)
    if name in ("midi", "midi-piano"):
        return midi(name, spec.vocabulary, folder)
    if name == "bytes":
        return byte_tokenizer(ends=metadata.get("end_token") == "0")
    return abc(spec.vocabulary) if name == "abc" else ids_only()


def ids_only() -> Tokenizer:
    """For a model whose vocabulary is unknown: no text at all, and no token that ends it."""
    return refusing("none", TextRefused(), end_tokens=frozenset())

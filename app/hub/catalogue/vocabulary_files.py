"""The vocabulary file that some models need and their repositories lack."""

from app.runtime.spec import tokenizer_for

from .entries import Entry, Part
from .published_names import named

NEOX = Part(
    path="20B_tokenizer.json",
    bytes=2_467_981,
    sha256="56ac4821e129d2c520fdaba60abd920fa852ada51b45c0dd52bbb6bd8c985ade",
)
"""Of all models of the Pile, Raven and Novel: one file, whichever the model."""

SOURCES = (
    ("spaces/BlinkDL/Raven-RWKV-7B", "20B_tokenizer.json"),
    ("EleutherAI/gpt-neox-20b", "20B_tokenizer.json"),
    ("EleutherAI/gpt-neox-20b", "tokenizer.json"),
)
"""Where it is looked for, one after the other; only the bytes with its hash are taken."""

_NAMES = (NEOX.path, "tokenizer.json")


def vocabulary_of(entry: Entry) -> Part | None:
    """The vocabulary to download with an entry besides its own files; None if it needs none."""
    tuned = entry.format in ("state", "lora")
    if tuned or any(part.path.rsplit("/", 1)[-1] in _NAMES for part in entry.parts):
        return None
    facts = named(entry.repo, entry.file, entry.bytes)
    vocabulary = entry.vocabulary or facts.vocabulary
    if facts.format in ("", "state", "lora"):
        return None
    if vocabulary:
        return NEOX if tokenizer_for(vocabulary) == "neox20b" else None
    return NEOX if (entry.family or facts.family) in ("pile", "raven") else None


def download_bytes(entry: Entry) -> int:
    """Bytes of everything that a download brings, vocabulary included; 0 if not known."""
    vocabulary = vocabulary_of(entry)
    return entry.bytes + (vocabulary.bytes if vocabulary and entry.bytes else 0)

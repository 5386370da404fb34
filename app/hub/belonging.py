"""Which files on the disk belong together, and which model a tuned state or a LoRA was made for."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from app.errors import CheckpointError
from app.runtime.checkpoint import open_checkpoint
from app.runtime.companions import Companion
from app.runtime.library import ModelFile, files_of, name_of
from app.runtime.spec import Spec

_SIDE_ENDINGS = (".json", ".jsonl", ".txt", ".md", ".yaml", ".yml", ".sha256")
_GROWING = ".part"
_GROWING_SIDES = (".json", ".live")
_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}\.\w+", re.ASCII)
_INDEX = re.compile(r"(.+?)(\.\w+)?\.index\.json", re.ASCII)
# Files of a model's own folder; the tokenizers among them may serve several models beside them.
TOKENIZERS = (
    "20B_tokenizer.json",
    "tokenizer.json",
    "tokenizer-midi.json",
    "tokenizer-midipiano.json",
    "rwkv_vocab_v20230424.txt",
)
_FOLDER_FILES = re.compile(
    r"(generation_|preprocessor_|special_tokens_|added_|adapter_)?(config|tokens|map|tokens_map)\.json"
    r"|(tokenizer_config|vocab)\.json|(merges|vocab|requirements)\.txt|rwkv_vocab\w*\.txt"
    r"|(README|LICENSE|LICENCE|NOTICE)(\.\w+)?|\.gitattributes|\w+\.py|chat_template\.\w+",
    re.ASCII | re.IGNORECASE,
)


class Group(NamedTuple):
    """What is moved, renamed and deleted as one.

    ``files`` hold the model, the one that opens it first; ``sides`` are notes, configurations and
    records beside them that serve nothing else; ``tokenizers`` may serve others too.  ``folder``
    is theirs alone, or None.
    """

    files: tuple[Path, ...]
    sides: tuple[Path, ...] = ()
    tokenizers: tuple[Path, ...] = ()
    folder: Path | None = None

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file that goes where the model goes."""
        return (*self.files, *self.sides)


def group_of(path: Path, roots: Iterable[Path] = ()) -> Group:
    """The group of the model at ``path``; a folder in ``roots`` is no model's own."""
    files = tuple(map(Path, files_of(path)))
    folder = files[0].parent
    try:
        beside = {Path(entry.path) for entry in os.scandir(folder)} - set(files)
    except OSError:
        return Group(files)
    sides = tuple(sorted(file for file in beside if _is_side(file.name, files[0].name)))
    tokenizers = {file for file in beside if file.name in TOKENIZERS} - set(sides)
    usual = {
        file for file in beside - set(sides) - tokenizers if _FOLDER_FILES.fullmatch(file.name)
    }
    alone = beside == {*sides, *tokenizers, *usual} and all(map(os.path.isfile, beside))
    is_root = any(os.path.realpath(folder) == os.path.realpath(root) for root in roots)
    own = len(files) > 1 or is_nameless(files[0]) or folder / "config.json" in usual
    if alone and own and not is_root:
        return Group(files, (*sides, *sorted(usual | tokenizers)), (), folder)
    return Group(files, sides, tuple(sorted(tokenizers)))


def stem_of(name: str) -> str:
    """What the names of all files of a model begin with, as told by the first one's."""
    match = _SHARD.fullmatch(name) or _INDEX.fullmatch(name)
    return match[1] if match else Path(name).stem


def is_nameless(main: Path) -> bool:
    """Whether the file has only a usual name, so that the model is called like its folder."""
    return name_of(main) != stem_of(main.name)


def _is_side(name: str, main: str) -> bool:
    if main.endswith(_GROWING):
        return any(name == main + ending for ending in _GROWING_SIDES)
    stem = stem_of(main)
    ending = name[len(stem) :] if name.startswith(stem + ".") else ""
    return ending.lower().endswith(_SIDE_ENDINGS) and _GROWING not in ending


def ranked(made_for: Companion, name: str, models: Iterable[ModelFile]) -> tuple[ModelFile, ...]:
    """The models that the thing called ``name`` can belong to, the likeliest first.

    Sizes and generation must agree as far as they are told; words of the names decide the order.
    A state that carries the fingerprint of its model belongs to that one alone.
    """
    fitting = [model for model in models if model.spec and _fits(made_for, model.spec)]
    if made_for.fingerprint:
        return tuple(one for one in fitting if _fingerprint(one) == made_for.fingerprint)
    words = _words(name)
    return tuple(sorted(fitting, key=lambda one: (-_likeness(words, _words(one.name)), one.name)))


def _fits(made_for: Companion, spec: Spec) -> bool:
    told = (
        (made_for.layers, spec.layers),
        (made_for.width, spec.width),
        (made_for.heads, spec.heads),
        (made_for.head_size, spec.head_size),
        (made_for.attention_width, spec.attention_width),
        (made_for.ffn_width, spec.ffn_width),
        (made_for.vocabulary, spec.vocabulary),
    )
    same = all(size in (0, real) for size, real in told)
    return same and spec.generation in made_for.generations


def _fingerprint(model: ModelFile) -> str:
    try:
        with open_checkpoint(Path(model.path)) as checkpoint:
            return checkpoint.fingerprint
    except CheckpointError:
        return ""


def _words(name: str) -> frozenset[str]:
    """Its words in small letters; 1B6 and 1.6B are one word."""
    plain = re.sub(r"(\d+)b(\d+)", r"\1.\2b", name.lower())
    return frozenset(re.findall(r"\d+\.\d+b|[a-z0-9]+", plain))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))

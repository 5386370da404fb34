"""Which files on the disk belong together, and which model a tuned state or a LoRA was made for."""

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from app.errors import CheckpointError
from app.runtime.checkpoint import open_checkpoint
from app.runtime.checkpoint.adapter_files import AdapterFile
from app.runtime.checkpoint.describe import ModelFile, files_of
from app.runtime.checkpoint.file_names import (
    INDEX,
    INDEX_ENDING,
    OWN_PART_ENDING,
    SHARD,
    TOKENIZER_FILES,
    is_model_name,
    is_vocabulary,
    name_of,
)
from app.runtime.origin import note_of, origin_of
from app.runtime.spec import Spec

_GROWING_SIDES = (".json", ".live")
_DIGEST = ".sha256"
_MOST_ASKED = 60  # a folder with more is one where everything is put
_LARGEST_NAMED = 64 << 20  # of a file that came with a model: a vocabulary has 2 MB
_CONFIGURATION = re.compile(
    r"(generation_|preprocessor_|special_tokens_|added_|adapter_)?(config|tokens|map|tokens_map)\.json"
    r"|(tokenizer_config|vocab)\.json|(merges|vocab)\.txt|rwkv_vocab\w*\.txt|chat_template\.\w+",
    re.ASCII | re.IGNORECASE,
)


class FileGroup(NamedTuple):
    """What is moved, renamed and deleted as one.

    ``files`` hold the model, the one that opens it first; ``sides`` are its records, and what its
    note of origin names and nothing else needs.  ``shared`` are vocabularies and files that other
    models beside it need as well: they are copied to where the model goes, and stay.  ``others``
    are the rest in a folder that seems to be the model's: the person's own, so they stay unless
    they are asked for.  ``folder`` is the group's alone, or None; ``home`` is the folder that the
    model is called by, where its file has only a usual name.  ``named`` is what a new name is for:
    that folder, or the file where the folder holds more than this model.
    """

    files: tuple[Path, ...]
    sides: tuple[Path, ...] = ()
    shared: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    folder: Path | None = None
    home: Path | None = None
    named: Path = Path()

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file that goes where the model goes."""
        return (*self.files, *self.sides)

    def asked_for(self, also: Iterable[Path]) -> "FileGroup":
        """The group with those of ``others`` and ``shared`` that are in ``also``."""
        wanted = set(also)
        more = tuple(file for file in (*self.shared, *self.others) if file in wanted)
        shared = tuple(file for file in self.shared if file not in wanted)
        others = tuple(file for file in self.others if file not in wanted)
        left = (*shared, *others)
        folder = self.home if self.home and more and not left else self.folder
        sides = (*self.sides, *more)
        return self._replace(sides=sides, shared=shared, others=others, folder=folder)


def file_group(path: Path, roots: Iterable[Path] = ()) -> FileGroup:
    """The group of the model at ``path``; a folder in ``roots`` is no model's own."""
    files = tuple(map(Path, files_of(path)))
    main, folder = files[0], files[0].parent
    try:
        entries = [(Path(entry.path), entry.is_file()) for entry in os.scandir(folder)]
    except OSError:
        return FileGroup(files, named=main)
    beside = {entry for entry, _ in entries} - set(files)
    needed = _needed_by_others(beside, set(files))
    files = (main, *(file for file in files[1:] if file not in needed))
    sides = {file for file in beside if _is_record(file.name, files)} | _named(main, beside)
    if needed:  # another model lies here, and may read any vocabulary
        sides -= {file for file in sides if file in needed or is_configuration(file.name)}
    needed_too = {file for file in beside if file in needed and file.name in _names_in(main)}
    shared = {file for file in beside - sides if is_vocabulary(file.name)} | needed_too
    others = beside - sides - shared - needed
    is_root = any(os.path.realpath(folder) == os.path.realpath(root) for root in roots)
    group = FileGroup(files, tuple(sorted(sides)), tuple(sorted(shared)), named=main)
    if is_root:
        return group
    plain = tuple(sorted(file for file in others if (file, True) in entries))
    seems_own = is_nameless(main) or main.with_name("config.json") in beside
    if not seems_own or len(plain) > _MOST_ASKED:
        plain = ()
    folders = [entry for entry, is_file in entries if not is_file]
    own = not folders and not needed and (len(files) > 1 or is_nameless(main) or len(sides) > 1)
    hidden = all(entry.name.startswith(".") for entry in folders)  # of git, or a hub's own client
    return group._replace(
        others=plain,
        folder=folder if own and not others and not shared else None,
        home=folder if own or is_nameless(main) else None,
        named=folder if is_nameless(main) and hidden and not needed else main,
    )


def is_configuration(name: str) -> bool:
    """Whether a file of this name describes a model and its words, and was written by a machine."""
    return name in TOKENIZER_FILES or _CONFIGURATION.fullmatch(name) is not None


def _needed_by_others(beside: set[Path], mine: set[Path]) -> set[Path]:
    """The files beside a model that other models there are made of, and what their notes name."""
    needed: set[Path] = set()
    for other in sorted(beside):
        if is_model_name(other.name) and other not in needed:
            parts = set(map(Path, files_of(other)))
            if not parts & mine or other.name.endswith(INDEX_ENDING):
                named = _names_in(other)
                needed |= parts | {file for file in beside if file.name in named}
                needed |= {one for one in beside if _is_record(one.name, tuple(parts))}
    return needed


def _names_in(main: Path) -> set[str]:
    origin = origin_of(main)
    return {one.name for one in origin.files} if origin else set()


def _named(main: Path, beside: set[Path]) -> set[Path]:
    """What the note says came along, as far as it still is what came."""
    origin = origin_of(main)
    if origin is None:
        return set()
    told = {one.name: one.sha256 for one in origin.files if one.sha256}
    return {file for file in beside if file.name in told and _is_as_told(file, told[file.name])}


def _is_as_told(file: Path, sha256: str) -> bool:
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > _LARGEST_NAMED:
            return False
        return hashlib.sha256(file.read_bytes()).hexdigest() == sha256.lower()
    except OSError:
        return False


def stem_of(name: str) -> str:
    """What the names of all files of a model begin with, as told by the first one's."""
    match = SHARD.fullmatch(name) or INDEX.fullmatch(name)
    return match["stem"] if match else Path(name).stem


def is_nameless(main: Path) -> bool:
    """Whether the file has only a usual name, so that the model is called like its folder."""
    return name_of(main) != stem_of(main.name)


def _is_record(name: str, files: tuple[Path, ...]) -> bool:
    """Whether it was written by this program or says a hash, for one of these files."""
    main = files[0].name
    if main.endswith(OWN_PART_ENDING) and any(name == main + ending for ending in _GROWING_SIDES):
        return True
    return name == note_of(files[0]).name or any(name == f"{one.name}{_DIGEST}" for one in files)


def ranked(made_for: AdapterFile, name: str, models: Iterable[ModelFile]) -> tuple[ModelFile, ...]:
    """The models that the thing called ``name`` can belong to, the likeliest first.

    Sizes and generation must agree as far as they are told; words of the names decide the order.
    A state that carries the fingerprint of its model belongs to that one alone.
    """
    fitting = [model for model in models if model.spec and _fits(made_for, model.spec)]
    if made_for.fingerprint:
        return tuple(one for one in fitting if made_for.fingerprint in _fingerprints(one))
    words = _words(name)
    return tuple(sorted(fitting, key=lambda one: (-_likeness(words, _words(one.name)), one.name)))


def _fits(made_for: AdapterFile, spec: Spec) -> bool:
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


def _fingerprints(model: ModelFile) -> tuple[str, ...]:
    """That of its weights, and that of its file, which states had in the first format."""
    try:
        with open_checkpoint(Path(model.path)) as checkpoint:
            return checkpoint.content_fingerprint, checkpoint.fingerprint
    except CheckpointError:
        return ()


def _words(name: str) -> frozenset[str]:
    """Its words in small letters; 1B6 and 1.6B are one word."""
    plain = re.sub(r"(\d+)b(\d+)", r"\1.\2b", name.lower())
    return frozenset(re.findall(r"\d+\.\d+b|[a-z0-9]+", plain))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))

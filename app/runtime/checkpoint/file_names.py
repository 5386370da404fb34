"""What files of models are called: endings, parts, indexes, vocabularies, and a model's own name.

This is the one place for such names.  It opens no file.
"""

import re
from pathlib import Path

MODEL_ENDINGS = (".pth", ".safetensors", ".st", ".gguf")

UNSURE_ENDINGS = (".pt", ".bin")
"""Endings that other things have as well: a file is listed only if a model is inside."""

WEIGHT_ENDINGS = MODEL_ENDINGS + UNSURE_ENDINGS
"""Endings of every file that may hold weights."""

OWN_PART_ENDING = ".part"
"""Of a download of this program."""

UNFINISHED_ENDINGS = (OWN_PART_ENDING, ".crdownload", ".partial")

# What trainers keep beside a model to go on with the training.
_RECORD = re.compile(
    r"(rng_state|random_states?|optimizer|scheduler|scaler|sampler|training_args|trainer_state)"
    r"([-_.]?\d+)?\.(pth|pt|bin|pkl|safetensors)|\w*_optim_states\.pt",
    re.IGNORECASE | re.ASCII,
)

INDEX_ENDING = ".index.json"
"""Of the file that says which tensor of a model in several files is in which, as Hugging Face's
save_pretrained writes it: ``<stem><ending>.index.json``."""

INDEX = re.compile(r"(?P<stem>.+?)(?P<ending>\.\w+)?\.index\.json", re.ASCII)

SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<ending>\.\w+)", re.ASCII)
"""One file of a model in several, numbered from 00001: ``<stem>-00001-of-00003<ending>``."""

WORLD_VOCABULARY = "rwkv_vocab_v20230424.txt"
NEOX_TOKENIZERS = ("20B_tokenizer.json", "tokenizer.json")
"""The first is of this vocabulary for sure; other models have a file of the second name as well."""
MIDI_TOKENIZERS = {"midi": "tokenizer-midi.json", "midi-piano": "tokenizer-midipiano.json"}
WORLD_VARIANT = re.compile(r"rwkv_vocab.*\.txt", re.IGNORECASE | re.DOTALL)
"""A World vocabulary with words of its own."""
ADDED_WORDS = ("added_tokens.json", "tokenizer_config.json")
"""Where Hugging Face's tools keep the words that a model has beside its vocabulary."""
TOKENIZER_FILES = (*NEOX_TOKENIZERS, *MIDI_TOKENIZERS.values(), WORLD_VOCABULARY)
"""Vocabularies, which may serve several models that lie beside them."""

_USUAL = re.compile(
    r"(?:(?:diffusion_)?(?:pytorch_|ggml[-_])?model|consolidated|adapter_model|weights|checkpoint)"
    r"(?:[-_.]\d\d)?(?P<form>[-_.](?:bf16|f(?:p)?(?:16|32)|i?q\d\w*|int[48]))?",
    re.IGNORECASE | re.ASCII,
)

_CACHED = re.compile(r"models--(?:.+?--)?(?P<name>.+)", re.DOTALL)
_CACHE_FOLDERS = ("snapshots", "blobs", "refs")


def name_of(path: Path) -> str:
    """What a model is called: its file's name without endings.

    Where that is only a usual one, such as model.safetensors, the name of its folder, with the
    form of the numbers where the file's name tells it.  A folder of Hugging Face's cache, which
    is called by a commit, has the name of its repository.
    """
    stem = stem_of(path.name)
    usual, here = _USUAL.fullmatch(stem), path.absolute()
    folder = folder_name(here.parent)
    if usual is None or not folder:
        return repository_of(here) if _is_snapshot(here) else stem
    form = usual["form"] or ""
    return folder if form[1:].casefold() in folder.casefold() else folder + form


def repository_of(path: Path) -> str:
    """The NAME of ``models--OWNER--NAME``, in which ``path`` lies or which it is; "" outside.

    So Hugging Face's cache calls the folders of its repositories.
    """
    for folder in (path.absolute(), *path.absolute().parents):
        if found := _CACHED.fullmatch(folder.name):
            return found["name"]
    return ""


def folder_name(folder: Path) -> str:
    """The name of ``folder``; of a commit in Hugging Face's cache, that of its repository."""
    here = folder.absolute()
    return repository_of(here) if _is_snapshot(here) else here.name


def in_cache(path: Path) -> bool:
    """Whether ``path`` lies in Hugging Face's cache, whose programs find its files by their names.

    That is in ``models--OWNER--NAME/snapshots`` or one of the folders beside it.
    """
    return any(
        _CACHED.fullmatch(folder.parent.name) and folder.name in _CACHE_FOLDERS
        for folder in path.absolute().parents
    )


def _is_snapshot(folder: Path) -> bool:
    """Whether this is a whole repository in the cache: .../models--OWNER--NAME/snapshots/COMMIT."""
    cached, kind = folder.parent.parent.name, folder.parent.name
    if _CACHED.fullmatch(folder.name):
        return True
    return kind == "snapshots" and _CACHED.fullmatch(cached) is not None


def is_usual(name: str) -> bool:
    """Whether half of all models have a file of this name, so that it tells nothing."""
    return _USUAL.fullmatch(stem_of(name)) is not None


def whole_of(name: str) -> str:
    """The name that a part or an index has without number and index; other names as they are."""
    match = SHARD.fullmatch(name)
    return f"{match['stem']}{match['ending']}" if match else name.removesuffix(INDEX_ENDING)


def stem_of(file: str) -> str:
    """A file's name without its endings and the number of its part."""
    name = finished(file).removesuffix(INDEX_ENDING)
    stem = Path(name).stem if Path(name).suffix.lower() in WEIGHT_ENDINGS else name
    match = SHARD.fullmatch(name)
    return match["stem"] if match else stem


def finished(name: str) -> str:
    """The name that a download will have."""
    return name[: -len(Path(name).suffix)] if name.lower().endswith(UNFINISHED_ENDINGS) else name


def is_model_name(name: str) -> bool:
    """Whether a file is called as models are, whole or not."""
    return not name.startswith(".") and is_candidate(name)


def is_training_record(name: str) -> bool:
    """Whether a file is called as what trainers keep beside a model, and need to go on."""
    return _RECORD.fullmatch(name) is not None


def is_candidate(name: str) -> bool:
    """Whether a model may be in a file of this name."""
    ending = Path(finished(name).lower().removesuffix(INDEX_ENDING)).suffix
    return ending in WEIGHT_ENDINGS and not is_training_record(name)


def is_vocabulary(name: str) -> bool:
    """Whether a file of this name may hold the words of models that lie beside it."""
    return name in TOKENIZER_FILES + ADDED_WORDS or WORLD_VARIANT.fullmatch(name) is not None

"""What files of models are called: endings, parts, indexes, and the name a model has by them."""

import re
from pathlib import Path

MODEL_ENDINGS = (".pth", ".safetensors", ".st", ".gguf")

# Endings that other things have as well: listed only where a model is inside.
UNSURE_ENDINGS = (".pt", ".bin")

UNFINISHED_ENDINGS = (".part", ".crdownload", ".partial")

INDEX_ENDING = ".index.json"

SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}(\.\w+)", re.ASCII)

_USUAL = re.compile(
    r"(?:(?:diffusion_)?(?:pytorch_|ggml[-_])?model|consolidated|adapter_model|weights|checkpoint)"
    r"(?:[-_.]\d\d)?(?P<form>[-_.](?:bf16|f(?:p)?(?:16|32)|i?q\d\w*|int[48]))?",
    re.IGNORECASE | re.ASCII,
)

_CACHED = re.compile(r"models--(?:.+?--)?(?P<name>.+)", re.DOTALL)


def name_of(path: Path) -> str:
    """What a model is called: its file's name without endings.

    Where that is only a usual one, such as model.safetensors, the name of its folder, with the
    form of the numbers where the file's name tells it.  A folder of Hugging Face's cache, which
    is called by a commit, has the name of its repository.
    """
    stem = stem_of(path.name)
    usual, here = _USUAL.fullmatch(stem), path.absolute()
    folder = repository_of(here.parent) if _is_snapshot(here.parent) else here.parent.name
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


def _is_snapshot(folder: Path) -> bool:
    """Whether this is a whole repository in the cache: .../models--OWNER--NAME/snapshots/COMMIT."""
    cached, kind = folder.parent.parent.name, folder.parent.name
    if _CACHED.fullmatch(folder.name):
        return True
    return kind == "snapshots" and _CACHED.fullmatch(cached) is not None


def is_usual(name: str) -> bool:
    """Whether half of all models have a file of this name, so that it tells nothing."""
    return _USUAL.fullmatch(stem_of(name)) is not None


def stem_of(file: str) -> str:
    name = finished(file).removesuffix(INDEX_ENDING)
    stem = Path(name).stem if Path(name).suffix.lower() in MODEL_ENDINGS + UNSURE_ENDINGS else name
    match = SHARD.fullmatch(name)
    return match[1] if match else stem


def finished(name: str) -> str:
    """The name that a download will have."""
    return name[: -len(Path(name).suffix)] if name.lower().endswith(UNFINISHED_ENDINGS) else name


def is_model_name(name: str) -> bool:
    """Whether a file is called as models are, whole or not."""
    return not name.startswith(".") and is_candidate(name)


def is_candidate(name: str) -> bool:
    ending = Path(finished(name).lower().removesuffix(INDEX_ENDING)).suffix
    return ending in MODEL_ENDINGS + UNSURE_ENDINGS

"""What files of models are called: endings, parts, indexes, and the name a model has by them."""

import re
from pathlib import Path

MODEL_ENDINGS = (".pth", ".safetensors", ".st", ".gguf")

# Endings that other things have as well: listed only where a model is inside.
UNSURE_ENDINGS = (".pt", ".bin")

UNFINISHED_ENDINGS = (".part", ".crdownload", ".partial")

# What trainers keep beside a model to go on with the training.
_RECORD = re.compile(
    r"(rng_state|random_states?|optimizer|scheduler|scaler|sampler|training_args|trainer_state)"
    r"([-_.]?\d+)?\.(pth|pt|bin|pkl|safetensors)|\w*_optim_states\.pt",
    re.IGNORECASE | re.ASCII,
)

INDEX_ENDING = ".index.json"

SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}(\.\w+)", re.ASCII)

_USUAL = re.compile(
    r"(?:(?:diffusion_)?(?:pytorch_|ggml[-_])?model|consolidated|adapter_model|weights|checkpoint)"
    r"(?:[-_.]\d\d)?(?P<form>[-_.](?:bf16|f(?:p)?(?:16|32)|i?q\d\w*|int[48]))?",
    re.IGNORECASE | re.ASCII,
)


def name_of(path: Path) -> str:
    """What a model is called: its file's name without endings.

    Where that is only a usual one, such as model.safetensors, the name of its folder, with the
    form of the numbers where the file's name tells it.
    """
    stem = stem_of(path.name)
    usual, folder = _USUAL.fullmatch(stem), path.absolute().parent.name
    if usual is None or not folder:
        return stem
    form = usual["form"] or ""
    return folder if form[1:].casefold() in folder.casefold() else folder + form


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


def is_training_record(name: str) -> bool:
    """Whether a file is called as what trainers keep beside a model, and need to go on."""
    return _RECORD.fullmatch(name) is not None


def is_candidate(name: str) -> bool:
    if is_training_record(name):
        return False
    ending = Path(finished(name).lower().removesuffix(INDEX_ENDING)).suffix
    return ending in MODEL_ENDINGS + UNSURE_ENDINGS

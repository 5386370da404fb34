"""Finds out by its content what a file or folder is and opens it as a container of tensors."""

from pathlib import Path

from app.errors import DamagedCheckpoint, UnsupportedFormat

from .file_names import WEIGHT_ENDINGS
from .file_signatures import (
    ENOUGH,
    is_gguf,
    is_old_torch,
    is_safetensors,
    is_text,
    is_zip,
    known_as,
    refuse_answer,
)
from .gguf import GgufFile
from .safetensors import SafetensorsFile
from .sharded import is_sharded, main_file, open_sharded
from .source import Source
from .stored import Container
from .torch_files.pth import PthFile

_WANTED = "model-file"
_BY_ENDING = {
    ".rwkvq": "rwkv-lightning-file",
    ".prefab": "web-rwkv-prefab",
    ".rmpack": "rwkv-mobile-package",
    ".mnn": "mnn-model",
    ".onnx": "onnx-model",
    ".mlmodel": "core-ml-model",
    ".tflite": "tflite-model",
}


def open_container(path: Path) -> Container:
    """Open what lies at ``path``: a file, an index, a part of several, or the folder of a model.

    Raises the checkpoint failures of app.errors.
    """
    main = main_file(path)
    return open_sharded(main, _open_one) if is_sharded(main) else _open_one(main)


def _open_one(path: Path) -> Container:
    source = Source(path)
    try:
        return _container(source)
    except BaseException:
        source.close()
        raise


def _container(source: Source) -> Container:
    start = source.read(0, min(ENOUGH, source.size))
    if is_gguf(start):
        return GgufFile(source)
    if is_zip(start):
        return PthFile(source)
    if is_safetensors(start):
        return SafetensorsFile(source)
    raise _unreadable(start, source.path.suffix.lower())


def _unreadable(start: bytes, ending: str) -> DamagedCheckpoint | UnsupportedFormat:
    if not start:
        return DamagedCheckpoint(why="empty")
    if ending in WEIGHT_ENDINGS:
        refuse_answer(start)
    if known := known_as(start):
        return UnsupportedFormat(found=known, wanted=_WANTED)
    if is_old_torch(start):
        return UnsupportedFormat(
            found="old-torch-file",
            wanted="new-torch-file",
        )
    if is_text(start):
        return UnsupportedFormat(found="text-file", wanted=_WANTED)
    if ending in _BY_ENDING:
        return UnsupportedFormat(found=_BY_ENDING[ending], wanted="original-pth")
    if ending in WEIGHT_ENDINGS:
        return DamagedCheckpoint(why="begins-like-no-model")
    return UnsupportedFormat(found="unknown-file", wanted=_WANTED)

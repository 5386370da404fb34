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

_WANTED = "a .pth, .safetensors or .gguf"
_BY_ENDING = {
    ".rwkvq": "an rwkv_lightning quantised file",
    ".prefab": "a web-rwkv prefab",
    ".rmpack": "an rwkv-mobile package",
    ".mnn": "an MNN model",
    ".onnx": "an ONNX model",
    ".mlmodel": "a Core ML model",
    ".tflite": "a TensorFlow Lite model",
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
        return DamagedCheckpoint(why="it is empty")
    if ending in WEIGHT_ENDINGS:
        refuse_answer(start)
    if known := known_as(start):
        return UnsupportedFormat(found=known, wanted=_WANTED)
    if is_old_torch(start):
        return UnsupportedFormat(
            found="a torch file in the format before 1.6",
            wanted="the zip format: load it with torch, and save it again with torch.save",
        )
    if is_text(start):
        return UnsupportedFormat(found="a text file", wanted=_WANTED)
    if ending in _BY_ENDING:
        return UnsupportedFormat(found=_BY_ENDING[ending], wanted="the original .pth")
    if ending in WEIGHT_ENDINGS:
        return DamagedCheckpoint(why="it begins like no model file")
    return UnsupportedFormat(found="an unknown kind of file", wanted=_WANTED)

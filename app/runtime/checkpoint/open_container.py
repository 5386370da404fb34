"""Finds out by its content what a file or folder is and opens it as a container of tensors."""

import codecs
from pathlib import Path

from app.errors import DamagedCheckpoint, UnsupportedFormat

from .file_names import WEIGHT_ENDINGS
from .gguf import GgufFile
from .pth import PthFile
from .safetensors import SafetensorsFile
from .sharded import is_sharded, main_file, open_sharded
from .source import Source
from .stored import Container

_LEAST_TEXT = 16
# First bytes of files that people take for models, and what to call them.
_KNOWN = (
    (b"fmgg", "an rwkv.cpp file"),
    (b"lmgg", "an old ggml file"),
    (b"tjgg", "an old ggml file"),
    (b"version https://git-lfs", "a Git LFS pointer instead of the file itself"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"<", "a web page"),
    (b"\x93NUMPY", "a NumPy array"),
)
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
    start = source.read(0, min(64, source.size))
    ending = source.path.suffix.lower()
    if start.startswith(b"GGUF"):
        return GgufFile(source)
    if start.startswith(b"PK\3\4"):
        return PthFile(source)
    if len(start) > 8 and start[8:9] == b"{" and not _is_text(start):
        return SafetensorsFile(source)
    raise _unreadable(start, ending)


def _unreadable(start: bytes, ending: str) -> DamagedCheckpoint | UnsupportedFormat:
    if not start:
        return DamagedCheckpoint(why="it is empty")
    for magic, what in _KNOWN:
        if start.startswith(magic):
            return UnsupportedFormat(found=what, wanted="a .pth, .safetensors or .gguf")
    if len(start) > 2 and start[0] == 0x80 and start[1] in range(2, 6):
        return UnsupportedFormat(
            found="a torch file in the format before 1.6", wanted="the zip format"
        )
    if _is_text(start):
        return UnsupportedFormat(found="a text file", wanted="a .pth, .safetensors or .gguf")
    if ending in _BY_ENDING:
        return UnsupportedFormat(found=_BY_ENDING[ending], wanted="the original .pth")
    if ending in WEIGHT_ENDINGS:
        return DamagedCheckpoint(why="it begins like no model file")
    return UnsupportedFormat(
        found="an unknown kind of file", wanted="a .pth, .safetensors or .gguf"
    )


def _is_text(start: bytes) -> bool:
    """Whether a file that begins so is text: UTF-8, cut anywhere, or UTF-16 with its mark."""
    if len(start) < _LEAST_TEXT or start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return len(start) >= _LEAST_TEXT
    if any(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in start):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True

"""Who is measured beside whom: engines by the bits of their weights, and the files they read."""

import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from app.kernels import open_ops
from app.runtime.checkpoint import open_checkpoint
from app.runtime.checkpoint.dialects.packed import FORMAT
from app.runtime.loading.packed_copy import write_packed
from app.runtime.planning.footprint import QUANTISED
from app.runtime.planning.strategy import KNOWN, parse

from .gguf_file import read_bytes, write_gguf
from .shapes import SIZES, with_zeros, write_checkpoint

GENERATION = "7.0"
BITS = (32, 16, 8, 4)
SKIPPED, READ = ", zeros skipped", ", zeros read"
PACKED = ", packed copy"
_KINDS = {32: ("F32",), 16: ("BF16",), 8: ("Q8_0",), 4: ("Q4_0",)}
_OURS = {32: ("fp32",), 16: ("bf16", "fp16"), 8: ("int8",), 4: ("int4",)}
_PACKAGE = ("fp32", "bf16")
_STORED = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True)
class Contender:
    """One engine with one format: ``family`` is "Rookery", "rwkv" or "llama.cpp"."""

    family: str
    format: str
    bits: int
    options: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    zeros: bool = False
    packed: bool = False

    @property
    def name(self) -> str:
        """E.g. "llama.cpp Q8_0"."""
        return f"{self.family} {self.format}{self.note}"

    @property
    def runner(self) -> str:
        """The module of ``bench.runners``."""
        return {"Rookery": "ours", "rwkv": "package", "llama.cpp": "llama"}[self.family]


def at_bits(bits: int, *, llama: bool, packed: bool = False) -> list[Contender]:
    """Ours in every strategy of so many bits, llama.cpp at the same, the package at its best.

    ``packed`` adds ours from a packed copy, where the strategy packs.
    """
    mine = [
        Contender("Rookery", kind, bits, {"strategy": f"cpu {kind}"})
        for kind in _OURS[bits]
        if f"cpu {kind}" in KNOWN
    ]
    if packed:
        mine += [replace(one, note=PACKED, packed=True) for one in mine if one.format in QUANTISED]
    theirs = [Contender("llama.cpp", kind, bits) for kind in _KINDS[bits]] if llama else []
    package = [
        Contender("rwkv", kind, 32 if kind == "fp32" else 16, {"strategy": f"cpu {kind}"})
        for kind in _PACKAGE
    ]
    return [*mine, *theirs, *package]


def with_and_without_skipping(bits: int) -> list[Contender]:
    """Ours twice on a checkpoint whose feed-forward is 85 % zeros: skipping them, reading all."""
    return [
        replace(one, options=one.options | {"skipping": skipping}, note=note, zeros=True)
        for one in at_bits(bits, llama=False)
        if one.family == "Rookery"
        for skipping, note in ((True, SKIPPED), (False, READ))
    ]


class Files:
    """Random checkpoints of one shape and their GGUF forms, made when first asked for and kept."""

    def __init__(self, folder: Path, shape: str, llama_python: str) -> None:
        self.folder, self.shape, self._llama_python = folder, shape, llama_python
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, contender: Contender) -> Path:
        """What a contender loads."""
        if contender.runner == "llama":
            return self.gguf(contender.format)
        if contender.packed:
            return self.packed(contender.format)
        return self.checkpoint(zeros=contender.zeros)

    def checkpoint(self, *, zeros: bool = False) -> Path:
        """The .pth in bfloat16; ``zeros`` shifts the keys of the feed-forward below zero."""
        made = self.folder / f"rwkv7-{self.shape}{'-zeros' * zeros}.pth"
        if not made.exists():
            change = with_zeros if zeros else None
            part = made.with_suffix(".part")
            write_checkpoint(part, GENERATION, SIZES[self.shape], change=change)
            part.rename(made)
        return made

    def packed(self, kind: str) -> Path:
        """Our packed copy in "int8" or "int4", as ``rookery pack`` writes it."""
        made = self.folder / f"rwkv7-{self.shape}-{kind}.{FORMAT}.safetensors"
        if not made.exists():
            with open_checkpoint(self.checkpoint()) as checkpoint:
                write_packed(checkpoint, open_ops("cpu"), parse(f"cpu {kind}"), made)
        return made

    def gguf(self, kind: str) -> Path:
        """The same numbers for llama.cpp; its own code makes the quantised ones."""
        made = self.folder / f"rwkv7-{self.shape}-{kind}.gguf"
        if made.exists():
            return made
        part = made.with_suffix(".part")
        if kind in _STORED:
            tensors = torch.load(self.checkpoint(), mmap=True, weights_only=True)
            write_gguf(part, tensors, _STORED[kind])
        else:
            source = str(self.gguf("BF16"))
            order = ["-m", "bench.runners.llama", "quantize", source, str(part), kind]
            root = Path(__file__).parents[1]
            subprocess.run([self._llama_python, *order], check=True, cwd=root, capture_output=True)
        part.rename(made)
        return made

    def reads_bytes(self, contender: Contender) -> int | None:
        """What llama.cpp reads a token; the others tell it themselves."""
        return read_bytes(self.gguf(contender.format)) if contender.runner == "llama" else None


def has_llama(python: str) -> bool:
    """Whether that Python has llama-cpp-python."""
    found = subprocess.run([python, "-c", "import llama_cpp"], capture_output=True)
    return found.returncode == 0


def python_of(contender: Contender, llama_python: str) -> str:
    """The interpreter that a contender runs in."""
    return llama_python if contender.runner == "llama" else sys.executable

"""One text's state as a .safetensors file, bound to the very model and tokenizer that made it.

The tensors have the official layout and order (see ``official_state``), float32.
"""

import contextlib
import json
from pathlib import Path
from typing import BinaryIO

import msgspec
import torch
from torch import Tensor

from app.errors import CheckpointError, DamagedCheckpoint, RequestRefused
from app.runtime.checkpoint.reading import read_tensor
from app.runtime.checkpoint.recipes import Recipe
from app.runtime.checkpoint.safetensors import SafetensorsFile
from app.runtime.checkpoint.source import Source
from app.runtime.spec import Spec
from app.system.atomic_file import writing

from .state import RecurrentState, State, from_official, official_state

_FORMAT = "rookery-state-1"


class Binding(msgspec.Struct, frozen=True):
    """What a state is worth nothing without: the model's fingerprint and its tokenizer's name."""

    fingerprint: str
    tokenizer: str


def save(state: RecurrentState, path: Path, binding: Binding) -> None:
    """Write the state of one text; the file appears whole or not at all.

    Raises DiskFull, and StoreError where the file cannot be written.
    """
    with writing(path) as file:
        write(state, file, binding)


def write(state: RecurrentState, file: BinaryIO, binding: Binding) -> None:
    """Write the state of one text to an open file."""
    if state.batch != 1:
        raise ValueError(f"a state file holds one text, not {state.batch}")
    tensors = official_state(state.host())
    metadata = {
        "format": _FORMAT,
        "generation": state.generation,
        **msgspec.structs.asdict(binding),
    }
    file.write(_header(tensors, metadata))
    for tensor in tensors.values():
        file.write(tensor.contiguous().numpy().astype("<f4").tobytes())


def load(path: Path, spec: Spec, binding: Binding) -> State:
    """The state of one text from its file.

    Raises RequestRefused (facts path, why) for the state of another model or tokenizer, and
    NotFound, Unreadable, DamagedCheckpoint or HostileCheckpoint (fact path) for a file that is
    no whole state.
    """
    try:
        with contextlib.closing(Source(path)) as source:
            file = SafetensorsFile(source)
            _check(file, path, spec, binding)
            tensors = {
                name: read_tensor(file, Recipe(name), torch.float32) for name in file.tensors
            }
        return from_official(tensors, spec)
    except CheckpointError as failure:
        failure.facts.setdefault("path", str(path))
        raise


def _header(tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    entries: dict[str, object] = {"__metadata__": metadata}
    begin = 0
    for name, tensor in tensors.items():
        place = [begin, begin + tensor.nbytes]
        entries[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": place}
        begin += tensor.nbytes
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _check(file: SafetensorsFile, path: Path, spec: Spec, binding: Binding) -> None:
    facts = file.metadata
    if facts.get("format") != _FORMAT:
        raise DamagedCheckpoint(why="it is no state file")
    found = Binding(facts.get("fingerprint", ""), facts.get("tokenizer", ""))
    if found.fingerprint != binding.fingerprint:
        raise RequestRefused(path=str(path), why="the state belongs to another model")
    if found.tokenizer != binding.tokenizer:
        raise RequestRefused(path=str(path), why="the state belongs to another tokenizer")
    wanted = {name: tuple(t.shape) for name, t in official_state(State.blank(spec)).items()}
    if wanted != {name: stored.shape for name, stored in file.tensors.items()}:
        raise DamagedCheckpoint(why="it does not hold the whole state of this model")

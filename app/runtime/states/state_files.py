"""One text's state as a .safetensors file, bound to the very model and tokenizer that made it.

The tensors have the official layout and order (see ``official_state``), float32, or float16 where
that was asked for; the logits (V,) after the last token are ``state.logits``, where they are known,
float32.  The header has the facts, the layout, and a checksum of all numbers.
"""

import json
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import torch
from torch import Tensor

from app.errors import DamagedState, RequestRefused
from app.runtime.checkpoint.reading import read_tensor
from app.runtime.checkpoint.recipes import Recipe
from app.runtime.checkpoint.stored import Container
from app.runtime.protocol.states import StateFacts
from app.runtime.spec import Spec
from app.system.atomic_file import writing

from .state import RecurrentState, State, from_official, official_shapes, official_state
from .state_header import EARLIER_FORMAT, digest_of, metadata

LOGITS = "state.logits"

_STORED = {torch.float32: ("F32", "<f4"), torch.float16: ("F16", "<f2")}
_LARGEST_HALF = 65504.0


class Binding(msgspec.Struct, frozen=True):
    """What a state must belong to: the model's fingerprint and its tokenizer's name.

    ``file`` is the fingerprint that states of the first format have.
    """

    fingerprint: str
    tokenizer: str
    file: str = ""


def save(
    state: RecurrentState, path: Path, facts: StateFacts, logits: Tensor | None = None
) -> StateFacts:
    """Write the state of one text; the file appears whole or not at all.  The facts in it.

    Raises DiskFull, and StoreError where the file cannot be written.
    """
    with writing(path) as file:
        return write(state, file, facts, logits)


def write(
    state: RecurrentState,
    file: BinaryIO,
    facts: StateFacts,
    logits: Tensor | None = None,
    *,
    half: bool = False,
) -> StateFacts:
    """Write the state of one text, and the logits after it, to an open file.  The facts in it.

    ``half`` rounds its numbers to float16, but for a tensor that has one that is too large for
    that; such a state is no longer exact, and its facts say that it is approximate.
    """
    if state.batch != 1:
        raise ValueError(f"a state file holds one text, not {state.batch}")
    tensors = official_state(state.host())
    if half:
        tensors = {name: _rounded(tensor) for name, tensor in tensors.items()}
        facts = msgspec.structs.replace(facts, approximate=True)
    if logits is not None:
        tensors[LOGITS] = logits.float()
    parts = {name: _bytes_of(tensor) for name, tensor in tensors.items()}
    facts = msgspec.structs.replace(facts, kind="saved", generation=state.generation)
    digest = digest_of(facts)
    for name, part in parts.items():
        digest.update(name.encode())
        digest.update(part)
    facts = msgspec.structs.replace(facts, checksum=digest.hexdigest())
    file.write(_header(parts, tensors, metadata(facts)))
    for part in parts.values():
        file.write(part)
    return facts


def check_binding(facts: StateFacts, container: Container, binding: Binding) -> None:
    """Raises RequestRefused (fact why) for the state of another model or tokenizer."""
    earlier = container.metadata.get("format") == EARLIER_FORMAT
    if facts.fingerprint != (binding.file if earlier else binding.fingerprint):
        raise RequestRefused(why="state-model", model=facts.model)
    if facts.tokenizer != binding.tokenizer:
        raise RequestRefused(why="state-tokenizer", found=facts.tokenizer, wanted=binding.tokenizer)


def read_numbers(container: Container, spec: Spec) -> tuple[State, Tensor | None]:
    """The state of one text and the logits after it, if they are there.  Raises DamagedState."""
    wanted = official_shapes(spec)
    found = {name: stored.shape for name, stored in container.tensors.items()}
    if LOGITS in found:
        wanted[LOGITS] = (spec.vocabulary,)
    if wanted != found:
        raise DamagedState(why="state-incomplete")
    tensors = {name: read_tensor(container, Recipe(name), torch.float32) for name in found}
    logits = tensors.pop(LOGITS, None)
    return from_official(tensors, spec), logits


def _rounded(tensor: Tensor) -> Tensor:
    """As float16, or as it is where that cannot hold its numbers."""
    array: np.ndarray[Any, Any] = tensor.numpy()
    if np.abs(array).max(initial=0.0) > _LARGEST_HALF:
        return tensor
    return torch.from_numpy(array.astype(np.float16))


def _bytes_of(tensor: Tensor) -> bytes:
    array: np.ndarray[Any, Any] = tensor.contiguous().numpy()
    return array.astype(_STORED[tensor.dtype][1], copy=False).tobytes()


def _header(parts: dict[str, bytes], tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    entries: dict[str, object] = {"__metadata__": metadata}
    begin = 0
    for name, part in parts.items():
        place = [begin, begin + len(part)]
        tensor = tensors[name]
        dtype = _STORED[tensor.dtype][0]
        entries[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": place}
        begin = place[1]
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text

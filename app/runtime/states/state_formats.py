"""Reads a state from whatever file it lies in: ours, tuned ones, and lists of tensors.

- ours: see ``state_files``;
- tuned, .pth: ``blocks.<layer>.att.time_state`` [head, value, key], of RWKV-PEFT and others, and
  perhaps ``att.ts_state`` and ``ffn.ts_state`` [C];
- tuned, .st or .state: the same names in a safetensors file, of web-rwkv and Ai00, whose matrices
  are transposed (convert_safetensors.py of github.com/cryscan/web-rwkv);
- listed: the list of tensors that the package rwkv keeps, 5 a layer in generation 4 and 3 after.
"""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from app.errors import CheckpointError, DamagedCheckpoint, DamagedState, RequestRefused
from app.runtime.checkpoint.open_container import open_container
from app.runtime.checkpoint.reading import read_tensor
from app.runtime.checkpoint.recipes import Recipe
from app.runtime.checkpoint.stored import Container, shown
from app.runtime.checkpoint.wrappers import unwrapped
from app.runtime.protocol.states import StateFacts
from app.runtime.spec import Spec

from .state import State, from_official, official_state
from .state_files import Binding, check_binding, check_numbers, facts_in, read_numbers
from .tuned_states import tuned_state

_TUNED = re.compile(r"blocks\.(\d{1,4})\.(att\.time_state|(?:att|ffn)\.ts_state)", re.ASCII)
_FLOATS = ("fp64", "fp32", "fp16", "bf16")
_MOST_TENSORS = 5 * 1000


class StateFile(NamedTuple):
    """The state of one text as it was read, and the logits (V,) after it, where they are known."""

    state: State
    logits: Tensor | None
    facts: StateFacts


def load(path: Path, spec: Spec, binding: Binding) -> StateFile:
    """The state in a file, for a model of these sizes.

    Raises RequestRefused (facts path, why) for one of another model or tokenizer and for what is
    no state, and NotFound, Unreadable, DamagedState or HostileCheckpoint (fact path) for a file
    that is not whole.
    """
    with _opened(path) as container:
        facts = describe(container)
        if facts.kind == "saved":
            check_binding(facts, container, binding)
            check_numbers(container, facts)
            return StateFile(*read_numbers(container, spec), facts)
        read = _tuned if facts.kind == "tuned" else _listed
        state = read(container, spec)
        _refuse_broken(state)
        return StateFile(state, None, facts)


def describe(container: Container) -> StateFacts:
    """What an open file tells of the state in it, from its header and the bytes of its numbers.

    Raises RequestRefused (fact why) for what is no state, DamagedState.
    """
    facts = facts_in(container)
    if facts is not None:
        return facts
    names = list(container.tensors)
    if names and all(name.isascii() and name.isdigit() for name in names):
        return StateFacts(kind="listed", checksum=_checksum(container))
    if not names or not all(_TUNED.fullmatch(name) for name in unwrapped(container.tensors)):
        raise RequestRefused(why="state-none", found=shown(next(iter(names), "")))
    return StateFacts(kind="tuned", checksum=_checksum(container))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Container]:
    """The open file; a failure names it, and damage is that of a state."""
    try:
        container = open_container(path)
        try:
            yield container
        finally:
            container.close()
    except DamagedCheckpoint as failure:
        facts = {"path": str(path), **failure.facts}
        raise DamagedState(failure.detail, **facts) from failure
    except (CheckpointError, RequestRefused) as failure:
        failure.facts.setdefault("path", str(path))
        raise


def _tuned(container: Container, spec: Spec) -> State:
    if spec.generation == "4":
        raise RequestRefused(why="state-vectors")
    tensors = unwrapped(container.tensors)
    layers = {int(match[1]) for name in tensors if (match := _TUNED.fullmatch(name))}
    matrices = sum(name.endswith(".time_state") for name in tensors)
    if layers != set(range(spec.layers)) or matrices != spec.layers:
        raise _unfit(f"{max(matrices, len(layers))} layers", f"{spec.layers} layers")
    head = (spec.heads, spec.head_size, spec.head_size)
    tuned = {}
    for name, stored in tensors.items():
        tensor = _numbers(container, stored.name)
        matrix = name.endswith(".time_state")
        wanted = head if matrix else (spec.width,)
        if (tuple(tensor.shape) if matrix else (tensor.numel(),)) != wanted:
            raise _unfit(_sizes(tensor.shape), _sizes(wanted))
        turned = matrix and container.format == "safetensors"
        tuned[name] = tensor.mT if turned else tensor
    return tuned_state(tuned, spec)


def _listed(container: Container, spec: Spec) -> State:
    """The official list, whose order is that of ``official_state``."""
    wanted = official_state(State.blank(spec))
    count = len(container.tensors)
    if count != len(wanted) or set(container.tensors) != {str(n) for n in range(count)}:
        raise _unfit(f"{count} tensors", f"{len(wanted)} tensors")
    named = {}
    for number, (name, blank) in enumerate(wanted.items()):
        tensor = _numbers(container, str(number))
        if tensor.numel() != blank.numel() or (blank.dim() > 1 and tensor.shape != blank.shape):
            raise _unfit(_sizes(tensor.shape), _sizes(blank.shape))
        named[name] = tensor.reshape(blank.shape)
    return from_official(named, spec)


def _numbers(container: Container, name: str) -> Tensor:
    stored = container.tensors[name]
    if stored.dtype not in _FLOATS:
        raise DamagedState(why=f"it holds {stored.dtype} and not floating-point numbers")
    return read_tensor(container, Recipe(name), torch.float32)


def _refuse_broken(state: State) -> None:
    if not (torch.isfinite(state.shift).all() and torch.isfinite(state.wkv).all()):
        raise DamagedState(why="it holds NaN or infinity")


def _checksum(container: Container) -> str:
    """Of all numbers as they lie in the file, with their names, types and shapes."""
    if len(container.tensors) > _MOST_TENSORS:
        raise DamagedState(why=f"it claims to have {len(container.tensors)} tensors")
    digest = hashlib.blake2b(container.format.encode(), digest_size=16)
    for stored in sorted(container.tensors.values()):
        digest.update(repr((stored.name, stored.dtype, stored.shape, stored.strides)).encode())
        source, begin = container.place(stored)
        begin += stored.offset
        digest.update(source.read(begin, min(stored.nbytes, source.size - begin)))
    return digest.hexdigest()


def _unfit(found: str, wanted: str) -> RequestRefused:
    return RequestRefused(why="state-unfit", found=found, wanted=wanted)


def _sizes(shape: tuple[int, ...] | torch.Size) -> str:
    return "x".join(map(str, shape))

"""Reads a state from whatever file it lies in: ours, tuned ones, and lists of tensors.

- ours: see ``state_files``;
- tuned, .pth: ``blocks.<layer>.att.time_state`` [head, value, key], of RWKV-PEFT and others, and
  perhaps ``att.ts_state`` and ``ffn.ts_state`` [C];
- tuned, .st or .state: the same names in a safetensors file, of web-rwkv and Ai00, whose matrices
  are transposed (convert_safetensors.py of github.com/cryscan/web-rwkv);
- listed: the list of tensors that the package rwkv keeps, 5 a layer in generation 4 and 3 after.
"""

from math import prod
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from app.errors import DamagedState, RequestRefused
from app.runtime.checkpoint.reading import read_tensor
from app.runtime.checkpoint.recipes import Recipe
from app.runtime.checkpoint.stored import Container
from app.runtime.checkpoint.wrappers import unwrapped
from app.runtime.protocol.states import StateFacts
from app.runtime.spec import Spec

from .state import State, from_official, official_shapes
from .state_files import Binding, check_binding, read_numbers
from .state_header import TUNED, check_numbers, describe, opened_state
from .tuned_states import tuned_state

_FLOATS = ("fp64", "fp32", "fp16", "bf16")


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
    with opened_state(path) as container:
        facts = describe(container)
        if facts.kind == "saved":
            check_binding(facts, container, binding)
            check_numbers(container, facts)
            return StateFile(*read_numbers(container, spec), facts)
        read = _tuned if facts.kind == "tuned" else _listed
        state = read(container, spec)
        _refuse_broken(state)
        return StateFile(state, None, facts)


def _tuned(container: Container, spec: Spec) -> State:
    if spec.generation == "4":
        raise RequestRefused(why="state-vectors")
    tensors = unwrapped(container.tensors)
    layers = {int(match[1]) for name in tensors if (match := TUNED.fullmatch(name))}
    matrices = sum(name.endswith(".time_state") for name in tensors)
    if layers != set(range(spec.layers)) or matrices != spec.layers:
        count = max(matrices, len(layers))
        raise RequestRefused(why="state-layers", found=count, wanted=spec.layers)
    head = (spec.heads, spec.head_size, spec.head_size)
    tuned = {}
    for name, stored in tensors.items():
        tensor = _numbers(container, stored.name)
        matrix = name.endswith(".time_state")
        wanted = head if matrix else (spec.width,)
        if (tuple(tensor.shape) if matrix else (tensor.numel(),)) != wanted:
            raise _unfit(_sizes(tensor.shape), _sizes(wanted))
        transposed = matrix and container.format == "safetensors"
        tuned[name] = tensor.mT if transposed else tensor
    return tuned_state(tuned, spec)


def _listed(container: Container, spec: Spec) -> State:
    """The official list, whose order is that of ``official_state``."""
    wanted = official_shapes(spec)
    count = len(container.tensors)
    if count != len(wanted) or set(container.tensors) != {str(n) for n in range(count)}:
        raise RequestRefused(why="state-tensors", found=count, wanted=len(wanted))
    named = {}
    for number, (name, shape) in enumerate(wanted.items()):
        tensor = _numbers(container, str(number))
        if tensor.numel() != prod(shape) or (len(shape) > 1 and tuple(tensor.shape) != shape):
            raise _unfit(_sizes(tensor.shape), _sizes(shape))
        named[name] = tensor.reshape(shape)
    return from_official(named, spec)


def _numbers(container: Container, name: str) -> Tensor:
    stored = container.tensors[name]
    if stored.dtype not in _FLOATS:
        raise DamagedState(why="not-floats", dtype=stored.dtype)
    return read_tensor(container, Recipe(name), torch.float32)


def _refuse_broken(state: State) -> None:
    if not (torch.isfinite(state.shift).all() and torch.isfinite(state.wkv).all()):
        raise DamagedState(why="not-finite")


def _unfit(found: str, wanted: str) -> RequestRefused:
    return RequestRefused(why="state-unfit", found=found, wanted=wanted)


def _sizes(shape: tuple[int, ...] | torch.Size) -> str:
    return "x".join(map(str, shape))

"""Files that belong to a model: tuned and saved states and LoRAs, read from their headers alone.

Names and shapes: sections "state tuning" and "peft" of github.com/JL-er/RWKV-PEFT; the states that
this program saves carry the fingerprint of their model.
"""

import re
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path

import msgspec

from app.errors import CheckpointError

from .open_container import open_container
from .stored import Container

_LATER = ("5.0", "5.1", "5.2", "6.0", "7.0")
_ALL = ("4", *_LATER)
_TUNED = re.compile(r"\bblocks\.(\d{1,4})\.att\.time_state$", re.ASCII)
_KEPT = re.compile(r"state\.(\d{1,4})\.(att_x|S|aa|ffn_x)", re.ASCII)
_PART = re.compile(r"\b(?:blocks|layers)\.(\d{1,4})\.(att|ffn)n?\.(\w+)", re.ASCII)
_PAIR = re.compile(r"\.(?:init_)?(lora_A|lora_B|lora\.0|lora\.1|disha|bone)\b", re.ASCII)
_LINEAR = {"r_proj": "receptance", "k_proj": "key", "v_proj": "value", "o_proj": "output"}
# What goes in and comes out of each matrix: C width, A attention width, F ffn width.
_SIDES = {
    "att.receptance": "CA",
    "att.key": "CA",
    "att.value": "CA",
    "att.gate": "CA",
    "att.output": "AC",
    "ffn.key": "CF",
    "ffn.value": "FC",
    "ffn.receptance": "CC",
}
# The first row whose pattern is found in a name tells the generations it can stand in.
_TELLING = (
    (re.compile(r"\.(x_[rwkvag]|r_k|k_k|k_a|[wav]0|[wavg][12])\b"), ("7.0",)),
    (re.compile(r"\.time_maa"), ("6.0",)),
    (re.compile(r"\.time_mix_g\b"), ("5.1", "5.2")),
    (re.compile(r"\.time_mix"), ("4", "5.0", "5.1", "5.2")),
    (re.compile(r"\batt\.gate\b"), ("5.1", "5.2", "6.0")),
    (re.compile(r"\bffn\.receptance\b"), ("4", "5.0", "5.1", "5.2", "6.0")),
)


class AdapterFile(msgspec.Struct, frozen=True, kw_only=True):
    """A state or a LoRA: what its header tells of the model that it was made for.

    ``kind`` is "state" or "lora"; ``generations`` are those it can belong to.  A size that the
    file does not tell is 0, a ``fingerprint`` that it does not tell is "".
    """

    kind: str
    generations: tuple[str, ...]
    layers: int = 0
    width: int = 0
    heads: int = 0
    head_size: int = 0
    attention_width: int = 0
    ffn_width: int = 0
    vocabulary: int = 0
    fingerprint: str = ""


def adapter_in(path: Path) -> AdapterFile | None:
    """The state or LoRA at ``path``; None if the file is neither, or cannot be read."""
    try:
        container = open_container(path)
    except CheckpointError:
        return None
    try:
        return _kept_state(container) or _tuned_state(container) or _lora(container)
    finally:
        container.close()


def _shapes(container: Container) -> dict[str, tuple[int, ...]]:
    return {name: stored.shape for name, stored in container.tensors.items()}


def _kept_state(container: Container) -> AdapterFile | None:
    """The state of one text, as this program saves it."""
    found = {
        match[2]: shape
        for name, shape in _shapes(container).items()
        if (match := _KEPT.fullmatch(name))
    }
    if not container.metadata.get("format", "").startswith("rookery-state") or not found:
        return None
    heads, head_size = _matrix(found.get("S", ()))
    generation = container.metadata.get("generation", "")
    return AdapterFile(
        kind="state",
        generations=(generation,) if generation in _ALL else _ALL,
        layers=_layers(_KEPT, container.tensors),
        width=prod(found.get("att_x", (0,))),
        heads=heads,
        head_size=head_size,
        attention_width=heads * head_size or prod(found.get("aa", (0,))),
        fingerprint=container.metadata.get("fingerprint", ""),
    )


def _tuned_state(container: Container) -> AdapterFile | None:
    shapes = _shapes(container)
    tuned = {name: shape for name, shape in shapes.items() if _TUNED.search(name)}
    if not tuned or len(tuned) < len(shapes):
        return None
    heads, head_size = _matrix(next(iter(tuned.values())))
    return AdapterFile(
        kind="state",
        generations=_LATER,
        layers=_layers(_TUNED, tuned),
        heads=heads,
        head_size=head_size,
        attention_width=heads * head_size,
    )


def _matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """Heads and head size of a state matrix (H, N, N); zeros where it is none."""
    square = len(shape) == 3 and shape[1] == shape[2]
    return (shape[0], shape[1]) if square else (0, 0)


def _lora(container: Container) -> AdapterFile | None:
    shapes = _shapes(container)
    if ".q_proj." in "\n".join(shapes):
        return None
    sizes: dict[str, int] = {}
    for name, shape in shapes.items():
        for letter, size in _sides(name, shape):
            sizes.setdefault(letter, size)
    if not sizes:
        return None
    return AdapterFile(
        kind="lora",
        generations=_generations(shapes),
        layers=_layers(_PART, shapes),
        width=sizes.get("C", 0),
        attention_width=sizes.get("A", 0),
        ffn_width=sizes.get("F", 0),
        vocabulary=_rows(shapes.get("emb.weight", ())),
    )


def _rows(shape: tuple[int, ...]) -> int:
    """The rows of an embedding (V, C); 0 if the shape is no matrix."""
    return shape[0] if len(shape) == 2 else 0


def _sides(name: str, shape: tuple[int, ...]) -> Iterable[tuple[str, int]]:
    """Letters and sizes that one half of a low-rank pair tells."""
    part, pair = _PART.search(name), _PAIR.search(name)
    if not (part and pair):
        return
    letters = _SIDES.get(f"{part[2]}.{_LINEAR.get(part[3], part[3])}")
    if letters is None:
        return
    half = pair[1]
    if half in ("disha", "bone") and len(shape) == 3:
        yield letters[0], shape[0] * shape[1]
    elif len(shape) == 2:
        second = half in ("lora_B", "lora.1", "disha", "bone")
        yield letters[second], shape[half not in ("lora.0", "lora_B")]


def _generations(names: Iterable[str]) -> tuple[str, ...]:
    told = {generations for name in names for row, generations in _TELLING if row.search(name)}
    return tuple(one for one in _ALL if all(one in generations for generations in told)) or _ALL


def _layers(pattern: re.Pattern[str], names: Mapping[str, object]) -> int:
    return 1 + max(int(match[1]) for name in names if (match := pattern.search(name)))

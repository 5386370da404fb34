"""The memory that a model takes, told from its sizes alone; knows no file and no array.

Of a split model each device has the part of its layers, of head and embedding what lies there.
int8 and int4 are the formats of the projections; matrices of fewer than 512 inputs have 8 bits and
four times the scales in both.  The head has 8 bits in both, as it decides between tokens.
Everything else (embedding, norms, mixes, low-rank chains) keeps 16 or 32 bits.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from app.kernels.layout import Shape, kind_for
from app.runtime.spec import Spec

from .segments import Place

if TYPE_CHECKING:
    from .strategy import Strategy

_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
_ROWS = 512  # tokens that a prefill takes at once
_CHUNK = 32  # tokens of it between two states that are kept for a moment
_LOGITS_ROWS = 8
_LIBRARIES_BYTES = 64 << 20  # what the libraries of matrix products keep for themselves
_GPU_ROWS = 1024
_GPU_BYTES = 512 << 20  # a card's context, the kernels on it, and cuBLAS's own memory
_PROGRAM_BYTES = 246_000_000  # Python, PyTorch and the worker's own, measured after loading
_TOKENIZER_BYTES = 20_000_000
_DECODE_BYTES = 4_000_000  # activations and logits of one token
_STATES_AT_WORK = 2  # of each text: its own, and the one that it is stacked in with others
_FREED_BYTES = 92 << 20  # of these malloc keeps at most so many when the texts have ended
_STATES_KEPT = 2  # of each text: after its prompt and at its end
_CONTEXT_BYTES = 400 << 20
_GPU_PROGRAM_BYTES = 300 << 20  # what the driver and its libraries take beside the card
_OWN_BLOCK, _HUGE_PAGES = 16 << 20, 16  # see kernels/arena.py
_HEADS = {"int4": "int8"}
_REMEMBERED = 4096  # a list of models asks again whenever the free memory has changed
QUANTISED = ("int8", "int4")
SLOTS = 2
"""How many stages of a stream are in memory at once: one computes, the next one comes."""

LEAST_SLOT_BYTES = 16 << 20
"""The head is streamed in parts of so many bytes, or of as many as a layer has if that is more."""


class Footprint(NamedTuple):
    """Bytes that a loaded model takes, the state for one text."""

    weights: int
    state: int
    workspace: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.state + self.workspace


class Streamed(NamedTuple):
    """What does not stay on a device, in bytes.

    ``weights`` come for each token, through ``slots`` that stay; of ``table``, the embedding, only
    the rows of the tokens at hand are brought.
    """

    weights: int = 0
    slots: int = 0
    table: int = 0


def head_format(form: str) -> str:
    """The format of the head in a strategy of the format ``form``."""
    return _HEADS.get(form, form)


def small_format(form: str, dtype: str) -> str:
    """The format of what is never quantised, from the strategy's and the type of the file."""
    if form not in QUANTISED:
        return form
    return "bf16" if dtype == "bf16" else "fp32"


def footprint(spec: Spec, strategy: "Strategy", dtype: str = "fp32") -> Footprint:
    """The sum of ``footprints``; of a whole placement all of it lies on the strategy's device."""
    each = footprints(spec, strategy, dtype).values()
    return Footprint(*(sum(some) for some in zip(*each, strict=True)))


def footprints(spec: Spec, strategy: "Strategy", dtype: str = "fp32") -> dict[str, Footprint]:
    """For each device bytes of weights, one text's state, and the working memory of a prefill.

    The device of the first layer comes first.  ``dtype`` is the file's: the embedding table keeps
    it, unless the strategy's is smaller.  Of what is streamed there are two slots.
    """
    way = strategy.resolved(spec.layers)
    found, streamed = {}, streamed_on(spec, strategy, dtype)
    for device in way.devices:
        here = [one for one in way.segments if one.device == device]
        layers = sum(one.layers or 0 for one in here)
        weights = sum(_layers(spec, one.format, dtype, one.layers or 0) for one in here)
        table, head = way.embedding_place, way.head_place
        weights += _table(spec, table.format, dtype) if table.device == device else 0
        weights += _head(spec, head.format) if head.device == device else 0
        weights += streamed[device].slots - streamed[device].weights - streamed[device].table
        workspace = _gpu_workspace if device != "cpu" else _cpu_workspace
        quantised = any(one.format in QUANTISED for one in here)
        found[device] = Footprint(
            weights,
            state_bytes(spec) * layers // spec.layers,
            workspace(spec, _Work(layers > 0, head.device == device, quantised)),
        )
    return found


def streamed_on(spec: Spec, strategy: "Strategy", dtype: str) -> dict[str, Streamed]:
    """What of a strategy's weights does not stay, for each device; nothing where all of it does."""
    way = strategy.resolved(spec.layers)
    return {device: _streamed(spec, way, dtype, device) for device in way.devices}


def _streamed(spec: Spec, way: "Strategy", dtype: str, device: str) -> Streamed:
    weights = slot = 0
    for one in way.segments:
        if one.device == device and one.residency != "resident":
            block = _block(spec, one.format)
            if device != "cpu":  # with the low-rank chains
                small = _BYTES[small_format(one.format, dtype)]
                block += _chains(spec) * 7 // 4 // spec.layers * small
            weights, slot = weights + block * (one.layers or 0), max(slot, block)
    head, table = way.head_place, way.embedding_place
    if head.device == device and head.residency != "resident":
        size = _head(spec, head.format)
        part = size if device != "cpu" else min(size, max(slot, LEAST_SLOT_BYTES))
        weights, slot = weights + size, max(slot, part)
    apart = table.device == device and table.residency != "resident"
    return Streamed(weights, SLOTS * slot, _table(spec, table.format, dtype) if apart else 0)


class _Work(NamedTuple):
    """What a device does of a model's work; ``quantised``: with layers in 8 or 4 bits."""

    has_layers: bool
    has_head: bool
    quantised: bool


def _layers(spec: Spec, form: str, dtype: str, count: int) -> int:
    """Bytes of the weights of so many layers; the few norms outside of them are shared out."""
    tables = 2 * spec.vocabulary * spec.width
    rest = spec.parameters - tables - _projections(spec) + _padding(spec)
    small = _BYTES[small_format(form, dtype)]
    vectors = count * 24 * max(spec.width, spec.attention_width)
    return rest * count // spec.layers * small + count * _block(spec, form) + 4 * vectors


def _table(spec: Spec, form: str, dtype: str) -> int:
    most = 4 if form == "fp32" else 2
    return spec.vocabulary * spec.width * min(most, _BYTES.get(dtype, most))


def _inside(spec: Spec, work: _Work, rows: int) -> int:
    """Numbers of the activations and the logits of so many tokens."""
    widest = max(6 * spec.width, 12 * spec.attention_width, 2 * spec.ffn_width)
    inside = rows * ((widest if work.has_layers else 0) + 8 * spec.width)
    return inside + (spec.vocabulary * _LOGITS_ROWS if work.has_head else 0)


def _largest(spec: Spec, work: _Work) -> int:
    """Numbers of the largest matrix, which is unpacked for many tokens; 0 where none is."""
    return max(spec.ffn_width, spec.attention_width) * spec.width if work.quantised else 0


def _gpu_workspace(spec: Spec, work: _Work) -> int:
    wide = max(spec.ffn_width, spec.attention_width) if work.has_layers else 0
    halves = _GPU_ROWS * wide + _largest(spec, work)
    return 4 * _inside(spec, work, _GPU_ROWS) + 2 * halves + _GPU_BYTES


def _cpu_workspace(spec: Spec, work: _Work) -> int:
    starts = 2 * _ROWS // _CHUNK * spec.heads * spec.head_size**2 if work.has_layers else 0
    numbers = _inside(spec, work, _ROWS) + starts + _largest(spec, work)
    return 4 * numbers + _LIBRARIES_BYTES


def parts_of(spec: Spec, way: "Strategy", dtype: str, texts: int = 1) -> dict[str, dict[str, int]]:
    """What is in memory when ``texts`` have been written, for each device by what it is for.

    "weights", "slots" through which others are streamed, "state" of the texts themselves, "kept
    states" of their prompts and ends, "workspace", on a card its "context"; and beside the model
    "tokenizer" and "program", and what is "streamed" from there to a card.  More
    states than that are kept only in what is free (``states/state_store.py``): they need no room.
    """
    return {device: dict(some) for device, some in _parts_of(spec, way, dtype, texts).items()}


@lru_cache(_REMEMBERED)
def _parts_of(spec: Spec, way: "Strategy", dtype: str, texts: int) -> dict[str, dict[str, int]]:
    whole = way.resolved(spec.layers)
    head = whole.head_place.device
    parts, streamed = {}, streamed_on(spec, way, dtype)
    for device, costs in footprints(spec, way, dtype).items():
        slots = streamed[device].slots
        parts[device] = {
            "weights": costs.weights - slots,
            **({"slots": slots} if slots else {}),
            "state": _at_work(texts * costs.state, device),
            "kept states": texts * costs.state * _STATES_KEPT,
            "workspace": _DECODE_BYTES + (4 * spec.vocabulary * texts * 3 * (head == device)),
        }
        if device == "cpu":
            parts[device]["weights"] += _ends_of_blocks(spec, whole, dtype)
        else:
            parts[device]["context"] = _CONTEXT_BYTES
    beside = _GPU_PROGRAM_BYTES if way.on_gpu else 0
    program = {"tokenizer": _TOKENIZER_BYTES, "program": _PROGRAM_BYTES + beside}
    comes = sum(one.weights + one.table for device, one in streamed.items() if device != "cpu")
    kept = {"streamed": comes} if comes else {}
    return parts | {"cpu": parts.get("cpu", {}) | program | kept}


def _ends_of_blocks(spec: Spec, way: "Strategy", dtype: str) -> int:
    """What the ends of blocks of numbers that were converted take in vain (kernels/arena.py).

    Half a huge page for each, of which a block has 16.  Only generation 6.0 has matrices of all
    sizes; numbers that are used where they lie in the file, and large ones, have no such block.
    """
    if spec.generation != "6.0":
        return 0
    shared = 0
    for one in way.segments:
        stays = one.device == "cpu" and one.residency == "resident"
        if stays and one.format not in QUANTISED and one.format != dtype:
            sizes = [(n, out * inputs * _BYTES[one.format]) for n, out, inputs in _matrices(spec)]
            in_layer = sum(n * nbytes for n, nbytes in sizes if nbytes < _OWN_BLOCK)
            shared += (one.layers or 0) * in_layer
    return shared // _HUGE_PAGES // 2


def _at_work(states: int, device: str) -> int:
    """Bytes for the texts themselves, whose states have so many, when they have just ended."""
    most = _STATES_AT_WORK * states
    return min(most, _FREED_BYTES) if device == "cpu" else most


def peak_of(spec: Spec, way: "Strategy", dtype: str, texts: int = 1) -> dict[str, int]:
    """The most that each device gives while a long prompt is read."""
    return dict(_peak_of(spec, way, dtype, texts))


@lru_cache(_REMEMBERED)
def _peak_of(spec: Spec, way: "Strategy", dtype: str, texts: int) -> dict[str, int]:
    parts = parts_of(spec, way, dtype, texts)
    for device, costs in footprints(spec, way, dtype).items():
        workspace = costs.workspace - parts[device].get("context", 0)
        parts[device]["workspace"] = max(workspace, parts[device]["workspace"])
        parts[device]["state"] = texts * costs.state * _STATES_AT_WORK
    return {device: sum(some.values()) for device, some in parts.items()}


def read_per_token(spec: Spec, way: "Strategy", dtype: str) -> dict[Place, int]:
    """Bytes that one token of one text reads in each place: all but the embedding, and the state.

    A place here is a device and a format.
    """
    return dict(_read_per_token(spec, way, dtype))


@lru_cache(_REMEMBERED)
def _read_per_token(spec: Spec, way: "Strategy", dtype: str) -> dict[Place, int]:
    whole = way.resolved(spec.layers)
    read: dict[Place, int] = {}
    for one in whole.segments:
        more = _layers(spec, one.format, dtype, one.layers or 0)
        read[one.place] = read.get(one.place, 0) + more
    head = whole.head_place
    read[head] = read.get(head, 0) + _head(spec, head.format)
    return read


def _matrices(spec: Spec) -> list[tuple[int, int, int]]:
    """One block's projections as (how many, out, in); the last one is the feed-forward's value."""
    width, attention = spec.width, spec.attention_width
    gated = spec.generation in ("5.1", "5.2", "6.0")
    return [
        (4 if gated else 3, attention, width),
        (1, width, attention),
        (0 if spec.generation == "7.0" else 1, width, width),
        (1, spec.ffn_width, width),
        (1, width, spec.ffn_width),
    ]


def _projections(spec: Spec) -> int:
    """Numbers of all blocks' projections."""
    return spec.layers * sum(n * out * inputs for n, out, inputs in _matrices(spec))


def _block(spec: Spec, form: str) -> int:
    """Bytes of one block's projections; the value may be kept by unit, which fills up more."""
    *dense, (_, out, inputs) = _matrices(spec)
    if form not in QUANTISED:
        return _projections(spec) // spec.layers * _BYTES[form]
    value = max(_bytes(form, out, inputs, by_unit=by_unit) for by_unit in (False, True))
    return value + sum(n * _bytes(form, out, inputs) for n, out, inputs in dense)


def _bytes(form: str, outputs: int, inputs: int, *, by_unit: bool = False) -> int:
    return Shape(kind_for(form, inputs), outputs, inputs, by_unit).nbytes


def _head(spec: Spec, form: str) -> int:
    kind = head_format(form)
    if kind in QUANTISED:
        return _bytes(kind, spec.vocabulary, spec.width)
    return spec.vocabulary * spec.width * _BYTES[kind]


def _padding(spec: Spec) -> int:
    """Numbers that fill generation 7's low-rank chains up to one rank.

    What the projections do not explain of the parameters are the chains themselves.  Official
    shapes add 0.8 to 1.3 of them; the native kernels fill up the way down only, which is half.
    """
    return _chains(spec) * 3 // 4


def _chains(spec: Spec) -> int:
    """Numbers of generation 7's low-rank chains as they are told apart; 0 in others."""
    if spec.generation != "7.0":
        return 0
    return max(0, spec.parameters - 2 * spec.vocabulary * spec.width - _projections(spec))


def state_bytes(spec: Spec) -> int:
    """Bytes of one text's state."""
    matrix = spec.heads * spec.head_size**2 or 3 * spec.attention_width
    return 4 * spec.layers * (2 * spec.width + matrix)

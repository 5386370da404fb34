"""The memory that a model takes, told from its sizes alone; knows no file and no array.

int8 and int4 are the formats of the projections; matrices of fewer than 512 inputs have 8 bits and
four times the scales in both.  The head has 8 bits in both, as it decides between tokens.
Everything else (embedding, norms, mixes, low-rank chains) keeps 16 or 32 bits.
"""

from typing import TYPE_CHECKING, NamedTuple

from app.kernels.layout import Shape, kind_for
from app.runtime.spec import Spec

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
_STATES_KEPT = 2  # of each text: after its prompt and at its end
_CONTEXT_BYTES = 400 << 20
_GPU_PROGRAM_BYTES = 300 << 20  # what the driver and its libraries take beside the card
_HEADS = {"int4": "int8"}
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
    """What does not stay on the device, in bytes.

    ``weights`` come for each token, through ``slots`` that stay; of ``table``, the embedding, only
    the rows of the tokens at hand are read.
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
    """Bytes for weights, one text's state, and the working memory of a prefill.

    All of it lies on the strategy's device, but for what is streamed: of that there are two slots.
    ``dtype`` is the file's: the embedding table keeps it, unless the strategy's is smaller.
    """
    form, table = strategy.format, spec.vocabulary * spec.width
    small = _BYTES[small_format(form, dtype)]
    rest = spec.parameters - table - table - _projections(spec) + _padding(spec)
    weights = rest * small + _head(spec, form) + spec.layers * _block(spec, form)
    weights += _table(spec, form, dtype)
    streamed = streamed_of(spec, strategy, dtype)
    weights += streamed.slots - streamed.weights - streamed.table
    vectors = spec.layers * 24 * max(spec.width, spec.attention_width)
    widest = max(6 * spec.width, 12 * spec.attention_width, 2 * spec.ffn_width)
    rows = _GPU_ROWS if strategy.on_gpu else _ROWS
    inside = rows * (widest + 8 * spec.width)
    logits = spec.vocabulary * _LOGITS_ROWS
    largest = max(spec.ffn_width, spec.attention_width) * spec.width if form in QUANTISED else 0
    if strategy.on_gpu:
        halves = rows * max(spec.ffn_width, spec.attention_width) + largest
        workspace = 4 * (inside + logits) + 2 * halves + _GPU_BYTES
    else:
        starts = 2 * _ROWS // _CHUNK * spec.heads * spec.head_size**2
        workspace = 4 * (inside + starts + logits + largest) + _LIBRARIES_BYTES
    return Footprint(weights + 4 * vectors, state_bytes(spec), workspace)


def streamed_of(spec: Spec, way: "Strategy", dtype: str) -> Streamed:
    """What of a strategy's weights does not stay on its device; nothing where all of it does."""
    if way.stays:
        return Streamed()
    way, form = way.resolved(spec.layers), way.format
    layers = sum(one.layers or 0 for one in way.segments if one.residency != "resident")
    block = _block(spec, form)
    if way.on_gpu:
        block += _chains(spec) * 7 // 4 // spec.layers * _BYTES[small_format(form, dtype)]
    weights, slot = layers * block, block if layers else 0
    if way.head_place.residency != "resident":
        head = _head(spec, form)
        weights += head
        slot = max(slot, head if way.on_gpu else min(head, max(slot, LEAST_SLOT_BYTES)))
    apart = way.embedding_place.residency != "resident"
    return Streamed(weights, SLOTS * slot, _table(spec, form, dtype) if apart else 0)


def parts_of(spec: Spec, way: "Strategy", dtype: str, texts: int = 1) -> dict[str, dict[str, int]]:
    """What stays in memory while ``texts`` are written, for each device by what it is for.

    "weights", "slots" through which others are streamed, "state" of the texts themselves, "kept
    states" of their prompts and ends, "workspace", on a card its "context"; and beside the model
    "tokenizer" and "program", and what is "streamed" from there to a card.  More
    states than that are kept only in what is free (``states/state_store.py``): they need no room.
    """
    costs, streamed = footprint(spec, way, dtype), streamed_of(spec, way, dtype)
    one = costs.state
    model = {
        "weights": costs.weights - streamed.slots,
        "state": texts * one * _STATES_AT_WORK,
        "kept states": texts * one * _STATES_KEPT,
        "workspace": _DECODE_BYTES + 4 * spec.vocabulary * texts * 3,
    }
    if streamed.slots:
        model["slots"] = streamed.slots
    program = {"tokenizer": _TOKENIZER_BYTES, "program": _PROGRAM_BYTES}
    if not way.on_gpu:
        return {"cpu": model | program}
    host = {**program, "program": _PROGRAM_BYTES + _GPU_PROGRAM_BYTES}
    if streamed.weights or streamed.table:
        host["streamed"] = streamed.weights + streamed.table
    return {way.device: {**model, "context": _CONTEXT_BYTES}, "cpu": host}


def peak_of(spec: Spec, way: "Strategy", dtype: str, texts: int = 1) -> dict[str, int]:
    """The most that each device gives while a long prompt is read."""
    parts = parts_of(spec, way, dtype, texts)
    workspace = footprint(spec, way, dtype).workspace - (_CONTEXT_BYTES if way.on_gpu else 0)
    parts[way.device]["workspace"] = max(workspace, parts[way.device]["workspace"])
    return {device: sum(some.values()) for device, some in parts.items()}


def read_per_token(spec: Spec, way: "Strategy", dtype: str) -> int:
    """Bytes that one token of one text reads: all but the embedding, and the state."""
    costs, streamed = footprint(spec, way, dtype), streamed_of(spec, way, dtype)
    read = costs.weights - streamed.slots + streamed.weights + streamed.table
    return read - _table(spec, way.format, dtype)


def _table(spec: Spec, form: str, dtype: str) -> int:
    most = 4 if form == "fp32" else 2
    return spec.vocabulary * spec.width * min(most, _BYTES.get(dtype, most))


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

"""Where a model's numbers live, in what type, and what that costs; knows no file and no array.

The text follows the language of the ``rwkv`` package: a device and a type, ``cpu bf16``.
"""

from typing import NamedTuple

import msgspec

from app.errors import StrategyError

from .probe import multiplies_bf16
from .spec import Spec

KNOWN = ("cpu bf16", "cpu fp32")

_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
_ROWS = 512  # tokens that a prefill takes at once
_CHUNK = 32  # tokens of it between two states that are kept for a moment
_LOGITS_ROWS = 8
_LIBRARIES_BYTES = 64 << 20  # what the libraries of matrix products keep for themselves
_SMALL_BYTES = 64 << 20


class Strategy(msgspec.Struct, frozen=True):
    """A device and the format of the weights; the state and the norms are always fp32."""

    device: str
    format: str

    @property
    def text(self) -> str:
        """Canonical, e.g. "cpu bf16"."""
        return f"{self.device} {self.format}"


class Footprint(NamedTuple):
    """Bytes that a loaded model takes, the state for one text."""

    weights: int
    state: int
    workspace: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.state + self.workspace


def parse(text: str) -> Strategy:
    """From text, whatever its case and spaces.  Raises StrategyError (facts found, wanted)."""
    words = text.lower().split()
    if " ".join(words) not in KNOWN:
        raise StrategyError(found=text, wanted=", ".join(KNOWN))
    return Strategy(*words)


def choose(
    spec: Spec, dtype: str, available_bytes: int, *, fast_bf16: bool | None = None
) -> Strategy:
    """The best strategy for a model whose file holds ``dtype``, in ``available_bytes``.

    Full precision costs nothing noticeable in a small model, and is what a file of 32-bit
    numbers was made for; elsewhere 16 bits halve what each token reads.  ``fast_bf16`` tells
    whether the processor multiplies bfloat16 itself; None asks it.
    """
    if fast_bf16 is None:
        fast_bf16 = multiplies_bf16()
    full, half = Strategy("cpu", "fp32"), Strategy("cpu", "bf16")
    costs = footprint(spec, full, dtype)
    wanted = dtype in ("fp32", "fp64") or costs.weights <= _SMALL_BYTES or not fast_bf16
    return full if wanted and costs.total <= available_bytes else half


def footprint(spec: Spec, strategy: Strategy, dtype: str = "fp32") -> Footprint:
    """Bytes for weights, one text's state, and the working memory of a prefill.

    ``dtype`` is the file's: the embedding table keeps it, unless the strategy's is smaller.
    """
    size = _BYTES[strategy.format]
    table = spec.vocabulary * spec.width
    vectors = spec.layers * 24 * max(spec.width, spec.attention_width)
    matrices = spec.parameters - table + _padding(spec)
    weights = matrices * size + table * min(size, _BYTES.get(dtype, size))
    widest = max(6 * spec.width, 12 * spec.attention_width, 2 * spec.ffn_width)
    inside = _ROWS * (widest + 8 * spec.width)
    starts = 2 * _ROWS // _CHUNK * spec.heads * spec.head_size**2
    logits = spec.vocabulary * _LOGITS_ROWS
    workspace = 4 * (inside + starts + logits) + _LIBRARIES_BYTES
    return Footprint(weights + 4 * vectors, state_bytes(spec), workspace)


def _padding(spec: Spec) -> int:
    """Numbers that fill generation 7's low-rank chains up to one rank, at most about as many again.

    What the projections do not explain of the parameters are the chains themselves.
    """
    if spec.generation != "7.0":
        return 0
    block = 2 * spec.width * (2 * spec.attention_width + spec.ffn_width)
    return max(0, spec.parameters - 2 * spec.vocabulary * spec.width - spec.layers * block)


def state_bytes(spec: Spec) -> int:
    """Bytes of one text's state."""
    matrix = spec.heads * spec.head_size**2 or 3 * spec.attention_width
    return 4 * spec.layers * (2 * spec.width + matrix)

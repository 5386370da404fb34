"""Whether a card computes what the processor does: a few fixed tokens, run on both.

The processor runs them layer by layer, each block built for itself from the file, so that no
second model is ever in memory.  Both have the same weights (in 8 and 4 bits the same small
integers), so what differs is only how the sums were rounded.  T tokens are run, and the logits
(R, V) after each of the forwards compared.
"""

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import torch
from torch import Tensor

from app.kernels import FORMATS, Affine, Loras, open_ops
from app.kernels.packing import Packed, unpack
from app.kernels.portable import PortableOps
from app.runtime.models import GENERATIONS
from app.runtime.models.layers import LayerState
from app.runtime.models.scope import Scope
from app.runtime.planning.footprint import QUANTISED, head_format, small_format
from app.runtime.planning.segments import Place
from app.runtime.planning.strategy import Strategy
from app.runtime.states.state import State, stack

if TYPE_CHECKING:
    from app.runtime.models import Rwkv
    from app.runtime.models.scope import Tensors

_FORWARDS = (4, 1, 1, 1, 1)
_PROMPT, _QUANTISED_PROMPT = 20, 72
"""Tokens before those: more rows than our own kernels multiply, of floats and of small integers."""

_TEXTS = (2, 5)  # at once
_HEAD_ROWS = 8192
_DIVERGENCE = 8.0
_MOST = 0.7  # what has nothing to do with the right logits has an error of 1.4


class _Limit(NamedTuple):
    """The error that is always allowed, and the share of a model's ``change`` that is."""

    least: float
    share: float


_LIMITS = {"fp32": _Limit(3e-4, 0.05), "fp16": _Limit(3e-3, 0.5), "bf16": _Limit(0.03, 8.0)}
_QUANTISED = {"fp32": _LIMITS["fp16"], "bf16": _Limit(0.01, 3.0)}  # by the type of the rest
"""bf16 rounds activations to 8 bits, fp16 and the quantised formats at most to 11."""


def _farthest(alone: Tensor, others: Tensor) -> Tensor:
    """Of rows (n, V) the one that differs most from a row (1, V); NaN differs from all."""
    far = (others - alone).abs().amax(1).nan_to_num(torch.inf)
    at = int(far.argmax())
    return others[at : at + 1]


class Agreement(NamedTuple):
    """How two rows of logits agree.

    ``error`` is the root mean square of their difference as a share of that of the right ones,
    each row about its mean; ``divergence`` is the Kullback-Leibler divergence in nats, the mean
    of the rows.  Up to ``error_limit`` and ``divergence_limit`` they pass.
    """

    error: float
    divergence: float
    error_limit: float
    divergence_limit: float

    @property
    def passed(self) -> bool:
        """Whether it is what rounding explains; NaN is not."""
        return self.error <= self.error_limit and self.divergence <= self.divergence_limit


class Expected(NamedTuple):
    """The right logits (R, V), and how much they change where activations have 8 bits only.

    ``change`` is an error as ``Agreement`` has it: it tells how much this model makes of small
    differences.  ``rest`` is the type of what is not quantised.
    """

    logits: Tensor
    change: float
    rest: str


def check(checkpoint: "Tensors", model: "Rwkv", way: Strategy) -> Agreement:
    """Run the tokens on ``model``, made of the checkpoint in this way, and compare.

    Raises what reading a checkpoint and the model's own devices raise.
    """
    return agreement(computed(model, way), expected(checkpoint, way), way)


def forwards_of(way: Strategy) -> list[int]:
    """How many tokens each run has: a prompt, a few, then one after another."""
    packed = any(place.format in QUANTISED for place in way.places)
    return [_QUANTISED_PROMPT if packed else _PROMPT, *_FORWARDS]


def tokens_of(vocabulary: int, way: Strategy) -> Tensor:
    """The tokens (1, T)."""
    at = torch.arange(sum(forwards_of(way)))
    return ((7919 * at + 13 * at * at + 5) % vocabulary)[None]


def computed(model: "Rwkv", way: Strategy) -> Tensor:
    """The logits (R, V) of a model that runs in this way, from its own memory of one text.

    The last tokens are also run by several texts at once, each of them with this very memory: of
    their logits those count that differ most from the one text's.
    """
    state = model.place(State.blank(model.spec))  # the file's own start is no weight
    *parts, last = torch.split(tokens_of(model.spec.vocabulary, way), forwards_of(way), 1)
    found = [model.forward(part, state).clone() for part in parts]
    others = [
        model.forward(last.expand(texts, 1), stack([state] * texts)).clone() for texts in _TEXTS
    ]
    alone = model.forward(last, state)
    return torch.cat([*found, _farthest(alone, torch.cat(others))])


def agreement(found: Tensor, wanted: Expected, way: Strategy) -> Agreement:
    """Of logits (R, V) computed in this way with the right ones.

    The limit of the error is a few times what rounding as the formats do would change in this
    very model; the one that rounds most decides.
    """
    formats = {place.format for place in way.places}
    limits = [_QUANTISED[wanted.rest] if form in QUANTISED else _LIMITS[form] for form in formats]
    limit = min(_MOST, max(max(one.least, one.share * wanted.change) for one in limits))
    right = wanted.logits
    spread = float(_centred(right).square().mean().sqrt())
    # errors of this size, were they alike in all logits, give a divergence of half their square
    allowed = _DIVERGENCE * (limit * spread) ** 2
    return Agreement(_error(found, right), _divergence(found, right), limit, allowed)


def expected(checkpoint: "Tensors", way: Strategy) -> Expected:
    """What a model that runs in this way has to give, computed in float32."""
    way, ops = way.resolved(checkpoint.spec.layers), _Exact()
    rest = small_format(QUANTISED[0], checkpoint.tensors["ln_out.weight"].dtype)
    with torch.inference_mode():
        exact, rounded = _through(checkpoint, ops, way)
        head = _exact_scope(checkpoint, ops, way.head_place)
        right, near = _logits(head, torch.stack((exact, rounded)))
    return Expected(right, _error(near, right), rest)


def _exact_scope(checkpoint: "Tensors", ops: "_Exact", place: Place) -> Scope:
    """What lies in a place, in float32 but for the small integers of its format."""
    return Scope(checkpoint, ops, place.format if place.format in QUANTISED else "fp32")


def _through(checkpoint: "Tensors", ops: "_Exact", way: Strategy) -> tuple[Tensor, Tensor]:
    """The residual (R, C) at the end of each forward: exactly, and with rounded activations."""
    spec = checkpoint.spec
    tokens, family = tokens_of(spec.vocabulary, way), GENERATIONS[spec.generation]
    table = _exact_scope(checkpoint, ops, way.embedding_place)
    exact = ops.embed(table.embedding(), tokens, (table / "blocks" / 0).pair("ln0"))
    runs: list[tuple[Tensor, list[Tensor]]] = [(exact, []), (exact.clone(), [])]
    one = msgspec.structs.replace(spec, layers=1)
    places = [segment.place for segment in way.segments for _ in range(segment.layers or 0)]
    for index, place in enumerate(places):
        block = _exact_scope(checkpoint, ops, place) / "blocks" / index
        time_mix = family.time_mix(block, spec)
        channel_mix = family.channel_mix(block, spec)
        for ops.rounds, (x, first) in enumerate(runs):
            layer = LayerState(*State.blank(one).views[0], first)
            time_mix(x, layer)
            channel_mix(x, layer)
    ends = torch.tensor(forwards_of(way)).cumsum(0) - 1
    return runs[0][0][0, ends], runs[1][0][0, ends]


def _logits(root: Scope, x: Tensor) -> Tensor:
    """(n, R, C) to (n, R, V), a few rows of the head at a time."""
    x = root.ops.norm(x, root.pair("ln_out"))
    if root.checkpoint.packed_shape("head.weight") is not None:
        whole: Tensor = root.head().logits(x)
        return whole
    form = head_format(root.form)
    pieces = torch.split(root.checkpoint.read("head.weight"), _HEAD_ROWS)
    weights = (FORMATS[form].pack(root.ops, piece.contiguous(), form) for piece in pieces)
    return torch.cat([weight.logits(x) for weight in weights], -1)


class _Exact(PortableOps):
    """All in float32; with ``rounds`` what goes into a product has the 8 bits of bfloat16.

    Small integers are floats again as soon as they are packed, by the fastest that packs here.
    """

    rounds: int = 0

    def __init__(self) -> None:
        super().__init__()
        self._packs = open_ops("cpu")

    def upload(self, host: Tensor, dtype: str) -> Tensor:
        """See Ops."""
        return host.float()

    def pack(self, host: Tensor, kind: str, *, by_unit: bool) -> Tensor:  # type: ignore[override]
        """See Ops; the numbers (n, out, in) that the integers stand for."""
        return unpack(self._packs.pack(host, kind, by_unit=by_unit))

    def place(  # type: ignore[override]
        self, packed: Packed, lies: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """See Ops."""
        return unpack(packed)

    def matmul_packed(  # type: ignore[override]
        self, x: Tensor, weight: Tensor, act: str
    ) -> Tensor:
        """See Ops."""
        return self.matmul(x, weight[0], act)

    def matmul_packed_stack(self, x: Tensor, weight: Tensor) -> Tensor:  # type: ignore[override]
        """See Ops."""
        return self.matmul_stack(x, weight)

    def matmul_packed_onto(  # type: ignore[override]
        self, out: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None
    ) -> None:
        """See Ops."""
        self.matmul_onto(out, x, weight[0], gate)

    def mix(self, x: Tensor, norm: Affine, last: Tensor, mixes: Tensor) -> Tensor:
        """See Ops."""
        return self._rounded(super().mix(x, norm, last, mixes))

    def mix6(self, shifted: Tensor, low: Tensor, up: Tensor, mixes: Tensor) -> Tensor:
        """See Ops."""
        return self._rounded(super().mix6(shifted, low, up, mixes))

    def loras(self, x: Tensor, loras: Loras) -> Tensor:
        """See Ops."""
        return self._rounded(super().loras(x, loras))

    def matmul_onto(self, out: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None) -> None:
        """See Ops."""
        super().matmul_onto(out, self._rounded(x), weight, gate)

    def _rounded(self, x: Tensor) -> Tensor:
        return x.bfloat16().float() if self.rounds else x


def _centred(logits: Tensor) -> Tensor:
    return logits - logits.mean(-1, keepdim=True)


def _error(found: Tensor, right: Tensor) -> float:
    wrong = _centred(found.float()) - _centred(right)
    return float(wrong.square().mean().sqrt() / _centred(right).square().mean().sqrt())


def _divergence(found: Tensor, right: Tensor) -> float:
    """Never below 0 but for rounding."""
    wanted = right.double().log_softmax(-1)
    return float((wanted.exp() * (wanted - found.double().log_softmax(-1))).sum(-1).mean())

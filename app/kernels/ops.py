"""The operations an RWKV model is made of: one method is one launch of a kernel.

A backend is an object with the methods of ``Ops``; a model calls nothing else.  Shapes read
(B, T, C): batch, time, channels; an attention width A is H heads of size N.  Activations are
float32 unless told otherwise; ``last`` and ``state`` belong to the caller and are advanced in
place.  An affine pair is (gain, bias) of a norm, float32.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

Array = Any  # torch.Tensor here, later also cupy.ndarray: models hand them on, no more


class Affine(NamedTuple):
    """Gain and bias of a norm, (C,) float32."""

    gain: Array
    bias: Array


class Loras(NamedTuple):
    """n low-rank chains side by side, padded with zeros to one rank D.

    ``down`` (n, D, C) and ``up`` (n, A, D) in the type of the weights, ``bias`` (n, 1, 1, A)
    float32; ``acts`` names what stands between them, chain by chain, and ``ranks`` the rank of
    each before the padding (empty: all have D).  A backend may keep ``up`` in another form:
    ``Ops.place_loras`` makes it.
    """

    down: Array
    up: Array
    bias: Array
    acts: tuple[str, ...]
    ranks: tuple[int, ...] = ()


class Delta(NamedTuple):
    """What generation 7 does to its state at each token, all (B, T, A) float32.

    The state decays by exp(log_decay), forgets ``rate`` of what it recalls for the unit vectors
    ``kk``, and learns v for k.
    """

    log_decay: Array
    k: Array
    v: Array
    kk: Array
    rate: Array


class Captured(Protocol):
    """A captured run.  Its arrays keep their addresses and are overwritten by each replay."""

    @property
    def result(self) -> Array:
        """The results of the run."""
        ...

    def again(self, moved: Sequence[tuple[int, int, int]] = ()) -> bool:
        """Replay the run.

        ``moved`` are (first byte, end, distance) of arrays that now lie elsewhere in memory.
        False, and nothing is done, if the run cannot follow them.
        """
        ...


class Ops(Protocol):
    """The operations that every device implements.

    ``note`` says in one line why the device computes slowly, or is "".  ``by_unit`` tells whether
    matrices after a square-ReLU should be stored by unit, so that zero inputs are not read; with
    ``skipping`` set to False they are read all the same.  ``takes_pointer_tables`` tells whether a
    stack may be a PointerTable.  ``rows`` is how many tokens, of all texts together, go through the
    layers at once.  With ``alike`` set to True each of up to ``most_alike`` texts, whose next
    tokens go through the layers together, gets the very bits that it gets alone.  With ``exact``
    set to True products of many tokens round what they multiply no more than those of one token
    do, where the backend can.  ``device`` is the GPU on which all arrays are, with the states of
    texts behind tables of addresses; None if arrays are host tensors.
    """

    name: str
    note: str
    by_unit: bool
    skipping: bool
    takes_pointer_tables: bool
    rows: int
    alike: bool
    most_alike: int
    exact: bool
    device: Any

    # memory

    def upload(self, host: Any, dtype: str) -> Array:
        """A host tensor on the device, as "fp32", "bf16" or "fp16"."""
        ...

    def transposed(self, host: Any, dtype: str) -> Array:
        """A host tensor (out, in) of floats by unit, (panels, in, 128); see layout.py."""
        ...

    def place_loras(self, host: Loras, dtype: str) -> Loras:
        """Chains of host tensors as ``loras`` and ``chains7`` read them; ``up`` may be a view."""
        ...

    def table(self, host: Any) -> Array:
        """An embedding table (V, C) where ``embed`` wants it, in the type it has."""
        ...

    def host(self, array: Array) -> Any:
        """Float32 results as a host tensor."""
        ...

    def from_host(self, host: Any) -> Array:
        """Float32 numbers of a host tensor on the device, for one run.

        They may be the very tensor; a replay of a capture reads it again.
        """
        ...

    def zeros(self, shape: tuple[int, ...]) -> Array:
        """Float32 zeros."""
        ...

    def capture(self, run: Callable[[], Array]) -> "Captured | None":
        """Run what takes no new arrays and whose sizes are fixed, so that it can be run again.

        None, and nothing has run, where the backend cannot.
        """
        ...

    def in_slot(self, host: Any, slot: Array, first: int) -> Array:
        """Where a host tensor is found whose bytes are copied to a slot, from byte ``first`` on.

        On the CPU it lies in the slot itself.
        """
        ...

    def step(self, act: Callable[[], None]) -> None:
        """Do something besides that touches no state; where a captured run comes by, do it again.

        What it works on lies where it did.
        """
        ...

    def joined(self, parts: Sequence[Array]) -> Array:
        """Float32 arrays (..., n), one behind the other along the last axis."""
        ...

    # every generation

    def embed(self, table: Array, tokens: Any, norm: Affine) -> Array:
        """Rows of ``table`` (V, C) for tokens (B, T), normalised: (B, T, C)."""
        ...

    def norm(self, x: Array, norm: Affine) -> Array:
        """LayerNorm over C with eps 1e-5."""
        ...

    def mix(self, x: Array, norm: Affine, last: Array, mixes: Array) -> Array:
        """LayerNorm, token shift and n blends in one: (n, B, T, C) in the type of ``mixes``.

        h = norm(x); blend j is h + (p - h) * mixes[j] where p is h one token earlier, ``last``
        (B, C) before the first; ``last`` becomes the final h.
        """
        ...

    def matmul(self, x: Array, weight: Array, act: str) -> Array:
        """act(x W^T): x (..., in), weight (out, in); the result has the type of the weight."""
        ...

    def matmul_stack(self, x: Array, weight: Array) -> Array:
        """x (n, B, T, in), each with its own weight of (n, out, in): float32 (n, B, T, out).

        The weight may be a PointerTable where ``apart`` says so.
        """
        ...

    def matmul_onto(self, out: Array, x: Array, weight: Array, gate: Array | None) -> None:
        """Adds gate * (x times weight) to the float32 residual ``out``, in place."""
        ...

    def head(self, x: Array, weight: Array) -> Array:
        """Like matmul, but float32 activations and results at least for the largest logits."""
        ...

    def matmul_units_onto(self, out: Array, x: Array, weight: Array, gate: Array | None) -> None:
        """Like ``matmul_onto``, with the weight by unit as (panels, in, 128); see layout.py."""
        ...

    # small integers with scales: a Packed (packing.py) of n matrices; results are float32

    def pack(self, host: Any, kind: str, *, by_unit: bool) -> Any:
        """A host tensor (out, in) or (n, out, in) in one of the ``KINDS`` of layout.py."""
        ...

    def place(self, packed: Any, lies: tuple[Array, Array] | None = None) -> Any:
        """A host Packed where the products want it; ``lies`` are codes and scales that will be."""
        ...

    def matmul_packed(self, x: Array, weight: Any, act: str) -> Array:
        """Like ``matmul`` and, without an act, ``head``."""
        ...

    def matmul_packed_stack(self, x: Array, weight: Any) -> Array:
        """Like ``matmul_stack``."""
        ...

    def matmul_packed_onto(self, out: Array, x: Array, weight: Any, gate: Array | None) -> None:
        """Like ``matmul_onto``; the weight may be by unit."""
        ...

    def loras(self, x: Array, loras: Loras) -> Array:
        """bias + up act(down x) for each of n chains: (n, B, T, C) to float32 (n, B, T, A)."""
        ...

    # generation 4

    def wkv4(self, rkv: Array, decay: Array, bonus: Array, state: Array) -> Array:
        """sigmoid(r) * the running softmax over the past; rkv (3, B, T, A), state (B, 3, A).

        ``decay`` (A,) is log w < 0; the state's rows are numerator, denominator and peak.
        """
        ...

    # generations 5 and 6

    def shift6(self, x: Array, norm: Affine, last: Array, base: Array) -> tuple[Array, Array]:
        """Generation 6's first mix: the blend (1, B, T, C) with ``base``, and (h, p - h).

        All as ``mix`` has them, the pair as (2, B, T, C) float32; ``last`` moves on.
        """
        ...

    def mix6(self, shifted: Array, low: Array, up: Array, mixes: Array) -> Array:
        """h + (p - h) * (mixes[j] + up[j] low[j]) for j of n: (n, B, T, C).

        ``shifted`` is the pair of ``shift6``; low (B, T, n D), up (n, C, D), mixes (n, 1, 1, C).
        """
        ...

    def wkv6(self, rkv: Array, log_decay: Array, bonus: Array, state: Array) -> Array:
        """Linear attention with decay and a bonus for the present token: (B, T, A).

        rkv (3, B, T, A); ``log_decay`` (H, N), or (B, T, A) where it depends on the token, is
        log w <= 0; ``bonus`` (H, N); state (B, H, N, N) is [key, value].
        """
        ...

    def gate6(self, y: Array, gate: Array | None, norm: Affine, heads: int) -> Array:
        """GroupNorm by heads (eps 64e-5), times silu(gate) where there is one."""
        ...

    def decay6(self, raw: Array) -> Array:
        """log w = -exp(raw)."""
        ...

    # generation 7

    def prepare7(
        self, k: Array, v: Array, low: Array, first: Array | None, keys: Array, heads: int
    ) -> Delta:
        """From one layer's projections to the rule; ``low`` may be overwritten.

        ``low`` (n, B, T, A) are the chains of (v,) w, a: the value chain is there where
        ``first`` is, the values of layer 0.  ``keys`` (3, 1, 1, A) are k_k, k_a and 1 - k_a.
        """
        ...

    def wkv7(self, r: Array, delta: Delta, state: Array) -> Array:
        """S = S diag(w) - (S kk) (kk rate)T + v kT, y = S r: (B, T, A).

        The state (B, H, N, N) is [value, key].
        """
        ...

    def gate7(
        self, y: Array, r: Array, delta: Delta, gate: Array, bonus: Array, norm: Affine
    ) -> Array:
        """(GroupNorm by heads (eps 64e-5) + (sum of r k bonus) v) * gate; bonus (H, N)."""
        ...

    def attend7(
        self,
        rkv: tuple[Array, Array, Array],
        low: Array,
        first: Array | None,
        keys: Array,
        gate: Array,
        bonus: Array,
        norm: Affine,
        state: Array,
    ) -> Array:
        """``prepare7``, ``wkv7`` and ``gate7`` in one: (B, T, A)."""
        ...

    def chains7(
        self,
        rkv: tuple[Array, Array, Array],
        blends: Array,
        loras: Loras,
        first: Array | None,
        keys: Array,
        bonus: Array,
        norm: Affine,
        state: Array,
    ) -> Array:
        """``loras`` of blends (n, B, T, C) and ``attend7`` in one; the last chain is the gate."""
        ...

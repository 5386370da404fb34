"""Tensors of a checkpoint by name, in the form and on the device that their reader asks for.

Shapes read (B, T, C): batch, time, channels.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from app.kernels import FORMATS, Affine, Array, Loras, Ops, ResidualWeight, Weight, residual_weight
from app.kernels.arena import allocate
from app.kernels.layout import Shape, kind_for
from app.kernels.packing import Packed, empty
from app.kernels.pointer_table import PointerTable
from app.kernels.weight_formats import Quantised
from app.runtime.checkpoint.stretch import Stretch
from app.runtime.planning.footprint import head_format, small_format
from app.runtime.spec import Spec

_Made = TypeVar("_Made", bound=ResidualWeight)

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Tensors(Protocol):
    """What a model needs of a checkpoint: official names, and numbers by name."""

    @property
    def spec(self) -> Spec:
        """Generation and sizes."""
        ...

    @property
    def dtype(self) -> str:
        """The number type of most weights."""
        ...

    @property
    def tensors(self) -> Any:
        """A mapping from official names."""
        ...

    def read(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """The tensor in memory of its own."""
        ...

    def mapped(self, name: str, dtype: torch.dtype | None = None) -> Tensor | None:
        """The tensor where it lies, never to be written to; None where it is to be read."""
        ...

    def release(self, *names: str) -> None:
        """What lies there of these tensors is not used any more."""
        ...

    def watch(self) -> Callable[[], None]:
        """What raises ChangedCheckpoint once something that was used where it lies has changed."""
        ...

    def packed_shape(self, name: str) -> Shape | None:
        """How it lies in a packed copy; None elsewhere."""
        ...

    def read_into(self, name: str, out: Tensor) -> None:
        """The same into memory that is there: contiguous, of its shape."""
        ...

    def read_packed(self, name: str, codes: Tensor, scales: Tensor) -> None:
        """Its bytes, as they lie there."""
        ...

    def mapped_packed(self, *names: str) -> tuple[Tensor, Tensor] | None:
        """Those of a stack, not to be written to; None where they are to be read."""
        ...


class ReadAgain(Tensors, Protocol):
    """A checkpoint whose numbers are read again and again."""

    def stretch_of(self, name: str) -> Stretch | None:
        """Where its numbers can be read again and again; None where they have to be made."""
        ...

    def packed_stretches(self, name: str) -> tuple[Stretch, Stretch]:
        """Where the codes and the scales of a packed one can be read again and again."""
        ...

    def check_packed(self, name: str, total: int) -> None:
        """Raises DamagedCheckpoint where this is not the checksum of a packed one."""
        ...

    def stay_open(self) -> None:
        """What is read again and again is there until ``close``."""
        ...

    def close(self) -> None:
        """Nothing is read any more."""
        ...


class Scope:
    """The tensors under one prefix, brought to the device in the form their reader asks for.

    ``form`` is the format that a strategy has for them.
    """

    def __init__(self, checkpoint: Tensors, ops: Ops, form: str, prefix: str = "") -> None:
        self.checkpoint, self.ops, self.form, self.prefix = checkpoint, ops, form, prefix

    def __truediv__(self, part: str | int) -> "Scope":
        return Scope(self.checkpoint, self.ops, self.form, f"{self.prefix}{part}.")

    def __contains__(self, name: str) -> bool:
        return self.prefix + name in self.checkpoint.tensors

    def host(self, name: str) -> Tensor:
        """Float32, in the official shape."""
        return self.checkpoint.read(self.prefix + name, torch.float32)

    def vector(self, name: str) -> Array:
        """(n,) float32 whatever its stored shape."""
        return self.ops.upload(self.host(name).flatten(), "fp32")

    def pair(self, name: str) -> Affine:
        """Gain and bias of a norm."""
        return Affine(self.vector(f"{name}.weight"), self.vector(f"{name}.bias"))

    def embedding(self) -> Array:
        """The table (V, C) in the file's own type where that takes no more room."""
        name = f"{self.prefix}emb.weight"
        whole = self.checkpoint.mapped(name, self.table_dtype)
        if whole is None:
            whole = allocate(self.checkpoint.tensors[name].shape, self.table_dtype)
            self.checkpoint.read_into(name, whole)
        return self.ops.table(whole)

    @property
    def table_dtype(self) -> torch.dtype:
        """The type of the embedding's numbers."""
        kept = self.checkpoint.tensors[f"{self.prefix}emb.weight"].dtype
        small = DTYPES.get(self.form, torch.float16)
        return DTYPES[kept] if kept in ("bf16", "fp16") else small

    @property
    def small(self) -> str:
        """The format of what is never quantised."""
        return small_format(self.form, self.checkpoint.tensors["ln_out.weight"].dtype)

    def matrix(self, name: str) -> Weight:
        """One projection, in the strategy's format."""
        return self._weight(self.form, name)

    def value(self, name: str) -> ResidualWeight:
        """The projection that reads what a square-ReLU left, most of which is zero."""
        form = self.form
        kept = self._kept(form, name, residual=True)
        return kept or self._made(residual_weight, form, name, passing=self.ops.by_unit)

    def head(self) -> Weight:
        """The projection to the vocabulary."""
        return self._weight(head_format(self.form), "head")

    def stack(self, *names: str) -> Weight:
        """Several projections of one shape, each with its own input, as one weight."""
        return self._weight(self.form, *names)

    def pack(self, host: Tensor) -> Weight:
        """A low-rank factor (out, in) that was made on the host."""
        return FORMATS[self.small].pack(self.ops, host.contiguous(), self.small)

    def mixes(self, *names: str) -> Array:
        """How much of the token before, in each of several blends: (n, 1, 1, C)."""
        rows = torch.stack([self.host(name).flatten() for name in names])
        return self.ops.upload(rows[:, None, None], self._blended)

    def kept(self, *names: str) -> Array:
        """The same from generations 4 and 5, which store how much of the token to keep."""
        rows = torch.stack([1 - self.host(name).flatten() for name in names])
        return self.ops.upload(rows[:, None, None], self._blended)

    def loras(self, *chains: tuple[str, str, str]) -> Loras:
        """Low-rank chains given as (name, activation, name of the bias or "")."""
        return self.ops.place_loras(self.host_loras(*chains), self.small)

    def host_loras(self, *chains: tuple[str, str, str]) -> Loras:
        """The same, not yet where they compute."""
        full = [f"{self.prefix}{name}" for name, _, _ in chains]
        dtype = self._own_type([f"{name}{way}" for name in full for way in "12"])
        downs = [self.checkpoint.read(f"{name}1", dtype).T for name in full]
        ups = [self.checkpoint.read(f"{name}2", dtype) for name in full]
        rank, width = max(map(len, downs)), ups[0].shape[1]
        down = downs[0].new_zeros((len(chains), rank, downs[0].shape[1]))
        up = down.new_zeros((len(chains), rank, width))
        bias = torch.zeros((len(chains), 1, 1, width))
        for i, (_, _, name) in enumerate(chains):
            down[i, : len(downs[i])] = downs[i]
            up[i, : len(ups[i])] = ups[i]
            if name:
                bias[i, 0, 0] = self.host(name).flatten()
        acts = tuple(act for _, act, _ in chains)
        ranks = tuple(len(one) for one in downs)
        return Loras(down, up.mT, bias, acts, ranks)

    def _own_type(self, names: list[str]) -> torch.dtype:
        """The type of all these where it is one of 16 bits, else float32."""
        found = {self.checkpoint.tensors[name].dtype for name in names}
        kind = found.pop()
        return torch.float32 if found or kind == "fp64" else DTYPES.get(kind, torch.float32)

    def _kept(self, form: str, *names: str, residual: bool = False) -> Quantised | None:
        """Projections that the file has in this format already, as they lie there.

        None where a matrix lies by unit that is not for ``residual_weight`` only.
        """
        full = [f"{self.prefix}{name}.weight" for name in names]
        shapes = {self.checkpoint.packed_shape(name) for name in full}
        shape = shapes.pop()
        if shapes or shape is None or shape.kind != kind_for(form, shape.inputs):
            return None
        if shape.by_unit and not residual:
            return None
        lies = self.checkpoint.mapped_packed(*full)
        packed = Packed(shape, *lies) if lies else empty(shape, len(full))
        if not lies:
            for name, codes, scales in zip(full, packed.codes, packed.scales, strict=True):
                self.checkpoint.read_packed(name, codes, scales)
        weight = Quantised(self.ops, self.ops.place(packed))
        if self.ops.device is not None:
            self.checkpoint.release(*full)
        return weight

    def _weight(self, form: str, *names: str) -> Weight:
        """One matrix, or several as a stack."""
        pack: Callable[[Ops, Any, str], Weight] = FORMATS[form].pack
        return self._kept(form, *names) or self._made(pack, form, *names)

    def _made(
        self,
        make: Callable[[Ops, Any, str], _Made],
        form: str,
        *names: str,
        passing: bool = False,
    ) -> _Made:
        """What ``make`` makes of one matrix, or of several as a stack.

        ``passing`` tells that it keeps nothing of what it is given, as none does that packs or
        that computes on a card.
        """
        full = [f"{self.prefix}{name}.weight" for name in names]
        passing = passing or self._dtype is None or self.ops.device is not None
        made = make(self.ops, self._matrices(full, passing=passing), form)
        if passing:
            self.checkpoint.release(*full)
        return made

    def _matrices(self, names: list[str], *, passing: bool) -> Tensor | PointerTable:
        """Not to be written to: they may be used where they lie."""
        first = self.checkpoint.tensors[names[0]]
        dtype = self._dtype or DTYPES.get(first.dtype, torch.float32)
        if len(names) == 1 or self.ops.takes_pointer_tables:
            found = [self.checkpoint.mapped(name, dtype) for name in names]
            lies = [one for one in found if one is not None]
            if len(lies) == len(names):
                return PointerTable.of(lies) if len(lies) > 1 else lies[0]
        whole = allocate((len(names), *first.shape), dtype, passing=passing)
        for row, name in zip(whole, names, strict=True):
            self.checkpoint.read_into(name, row)
        return whole if len(names) > 1 else whole[0]

    @property
    def _dtype(self) -> torch.dtype | None:
        """What a projection is read as; None for the file's own type."""
        return DTYPES.get(self.form)

    @property
    def _blended(self) -> str:
        """The type of what is multiplied with a projection."""
        return "bf16" if self.form == "bf16" else "fp32"

"""A checkpoint whose tensors have adapters in them, merged one by one when they are read."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from app.errors import RequestRefused, Unreadable
from app.kernels.layout import Shape
from app.runtime.checkpoint import Checkpoint, TensorInfo
from app.runtime.checkpoint.stored import shown
from app.runtime.checkpoint.stretch import Stretch
from app.runtime.spec import Spec
from app.runtime.states.state_header import TUNED_PARTS
from app.runtime.states.state_key import with_adapters

from .adapter_reading import Adapter

if TYPE_CHECKING:
    from .weight_changes import Change

_DTYPES = {
    "fp64": torch.float64,
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}


class MergedCheckpoint:
    """What a model needs of a checkpoint (``models.scope.ReadAgain``), with adapters in it.

    A tensor that no adapter changes is the base's own, also where it lies in the file.  Of a start
    state the last adapter's counts.
    """

    def __init__(self, base: Checkpoint, adapters: Sequence[Adapter]) -> None:
        """Raises RequestRefused (facts why, path) for an adapter that is not of this model."""
        self._base = base
        self.spec: Spec = base.spec
        self.dtype: str = base.dtype
        self._digests = [adapter.digest for adapter in adapters]
        self._changes: dict[str, list[Change]] = {}
        self._starts: dict[str, Tensor] = {}
        for adapter in adapters:
            _Fitting(base, adapter).check()
            for target, changes in adapter.changes.items():
                self._changes.setdefault(target, []).extend(changes)
            self._starts.update(adapter.starts)
        infos = {name: _info(tensor) for name, tensor in self._starts.items()}
        self.tensors: Mapping[str, TensorInfo] = {**base.tensors, **infos}

    @cached_property
    def fingerprint(self) -> str:
        """See Checkpoint; of the file together with what is merged."""
        return with_adapters(self._base.fingerprint, self._digests)

    @cached_property
    def content_fingerprint(self) -> str:
        """See Checkpoint; of the weights together with what is merged."""
        return with_adapters(self._base.content_fingerprint, self._digests)

    def read(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """See Checkpoint.  What is merged is computed in float32 and rounded to ``dtype``."""
        if name in self._starts:
            return self._starts[name].to(dtype or torch.float32, copy=True)
        changes = self._changes.get(name)
        if changes is None:
            return self._base.read(name, dtype)
        whole = self._base.read(name, torch.float32)
        for change in changes:
            whole = change.apply(whole)
        own = _DTYPES.get(self.tensors[name].dtype, torch.float32)
        return whole.to(dtype or own)

    def read_into(self, name: str, out: Tensor) -> None:
        """See Checkpoint."""
        if self._is_own(name):
            self._base.read_into(name, out)
        else:
            out.copy_(self.read(name, out.dtype))

    def mapped(self, name: str, dtype: torch.dtype | None = None) -> Tensor | None:
        """See Checkpoint; None for what is merged."""
        return self._base.mapped(name, dtype) if self._is_own(name) else None

    def release(self, *names: str) -> None:
        """See Checkpoint."""
        self._base.release(*(name for name in names if name in self._base.tensors))

    def watch(self) -> Callable[[], None]:
        """See Checkpoint."""
        return self._base.watch()

    def packed_shape(self, name: str) -> Shape | None:
        """See Checkpoint: nothing is merged into a packed copy."""
        return None

    def read_packed(self, name: str, codes: Tensor, scales: Tensor) -> None:
        """See Checkpoint."""
        raise NotImplementedError

    def mapped_packed(self, *names: str) -> tuple[Tensor, Tensor] | None:
        """See Checkpoint."""
        return None

    def stretch_of(self, name: str) -> Stretch | None:
        """See Checkpoint; None for what is merged, which is made anew at each reading."""
        return self._base.stretch_of(name) if self._is_own(name) else None

    def packed_stretches(self, name: str) -> tuple[Stretch, Stretch]:
        """See Checkpoint."""
        raise NotImplementedError

    def check_packed(self, name: str, total: int) -> None:
        """See Checkpoint."""
        raise NotImplementedError

    def stay_open(self) -> None:
        """See Checkpoint."""
        self._base.stay_open()

    def close(self) -> None:
        """See Checkpoint."""
        self._base.close()

    def _is_own(self, name: str) -> bool:
        return name not in self._changes and name not in self._starts


class _Fitting:
    """Whether an adapter is one of this very model."""

    def __init__(self, base: Checkpoint, adapter: Adapter) -> None:
        self._base, self._adapter = base, adapter

    def check(self) -> None:
        """Raise RequestRefused where it is not."""
        base, adapter = self._base, self._adapter
        if base.dialect == "packed":
            raise self._refused("adapter-packed")
        if adapter.changes.keys() >= base.tensors.keys():
            raise self._refused("adapter-model")
        for target, changes in adapter.changes.items():
            self._check_target(target, changes)
        self._check_starts()
        if adapter.base and adapter.base != _sha256(base.path):
            raise self._refused("adapter-base")

    def _check_target(self, target: str, changes: "Sequence[Change]") -> None:
        there = self._base.tensors.get(target)
        if there is None:
            raise self._refused("adapter-part", name=shown(target))
        for change in changes:
            if not change.fits(there.shape):
                wanted = "x".join(map(str, there.shape))
                facts = {"name": shown(target), "found": change.sizes, "wanted": wanted}
                raise self._refused("adapter-unfit", **facts)

    def _check_starts(self) -> None:
        spec, starts = self._base.spec, self._adapter.starts
        if not starts:
            return
        if spec.generation == "4":
            raise self._refused("state-vectors")
        head = (spec.heads, spec.head_size, spec.head_size)
        known = {
            f"blocks.{layer}.{part}": head if part == TUNED_PARTS[0] else (spec.width,)
            for layer in range(spec.layers)
            for part in TUNED_PARTS
        }
        for name, tensor in starts.items():
            if name not in known:
                raise self._refused("adapter-part", name=shown(name))
            vector = len(known[name]) == 1
            shape = (tensor.numel(),) if vector else tuple(tensor.shape)
            if shape != known[name]:
                found, wanted = ("x".join(map(str, sizes)) for sizes in (shape, known[name]))
                facts = {"name": shown(name), "found": found, "wanted": wanted}
                raise self._refused("adapter-unfit", **facts)

    def _refused(self, why: str, **facts: str) -> RequestRefused:
        return RequestRefused(why=why, path=str(self._adapter.path), **facts)


def _info(tensor: Tensor) -> TensorInfo:
    return TensorInfo(tuple(tensor.shape), "fp32", 4 * tensor.numel())


def _sha256(path: Path) -> str:
    """Of a model in one file; "" for one in several."""
    if not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unreadable(path=str(path), said=error.strerror or "") from error

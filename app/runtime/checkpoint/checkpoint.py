"""One opened model file: official names, shapes and numbers, whatever the file's own dialect."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from math import prod
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from app.errors import CheckpointError, DamagedCheckpoint, UnfitCheckpoint, UnsupportedFormat
from app.kernels.layout import Shape
from app.runtime.planning.footprint import QUANTISED
from app.runtime.spec import Spec, tokenizer_for

from .content_fingerprint import content_fingerprint
from .dialects import Dialect, translate
from .dialects.packed import STRATEGY, Unpacked
from .embedding_heads import is_embedding_head, read_heads
from .identify import identify
from .open_container import open_container
from .stored import Container, TensorInfo, shown
from .stretch import Stretch
from .wrappers import unwrapped

if TYPE_CHECKING:
    import torch

_SAMPLES = 16
_SAMPLE_BYTES = 256
_FLOATS = {"fp64", "fp32", "fp16", "bf16"}


def open_checkpoint(path: Path) -> "Checkpoint":
    """Open a model file, a shard, an index.json or a folder; reads the header only.

    Raises NotFound, Unreadable, DamagedCheckpoint, HostileCheckpoint, ForeignCheckpoint,
    UnsupportedFormat or UnsupportedVariant, each with the fact ``path``.
    """
    path = Path(path)
    with _translate_errors(path):
        container = open_container(path)
        try:
            return Checkpoint(path, container)
        except BaseException:
            container.close()
            raise


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    """Adds the fact ``path`` to a failure that does not name another file already."""
    try:
        yield
    except CheckpointError as failure:
        failure.facts.setdefault("path", str(path))
        raise


class Checkpoint:
    """An open model.  ``tensors`` has official names, shapes and orientation.

    ``bytes`` is the size of its files together, ``dtype`` the number type of most weights,
    ``dialect`` the naming that the file follows.
    """

    def __init__(self, path: Path, container: Container) -> None:
        container.tensors = unwrapped(container.tensors)
        self.path, self._container = path, container
        self.format, self.bytes = container.format, container.bytes
        self.metadata: Mapping[str, str] = container.metadata
        translated: Dialect = translate(container)
        self.dialect, self._recipes = translated.name, translated.recipes
        self.tensors: Mapping[str, TensorInfo] = {name: self._info(name) for name in self._recipes}
        self.spec: Spec = identify({name: info.shape for name, info in self.tensors.items()})
        self.dtype = self.metadata.get(STRATEGY, "") if self._packed else self._dominant_dtype()
        self._readers = 1
        self._refuse_other_numbers()

    @property
    def _packed(self) -> bool:
        return self.dialect == "packed"

    @property
    def tokenizer_hint(self) -> str:
        """The word for the tokenizer that models with this vocabulary use."""
        return tokenizer_for(self.spec.vocabulary)

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits over sizes, the list of tensors and some of their bytes.

        Equal for copies of a file, different for every other file in practice.  Raises
        DamagedCheckpoint, Unreadable.
        """
        stored = sorted(self._container.tensors.values())
        digest = hashlib.blake2b(repr((self.bytes, [s[:4] for s in stored])).encode())
        with _translate_errors(self.path):
            for tensor in stored[:: max(1, len(stored) // _SAMPLES)]:
                source, begin = self._container.place(tensor)
                middle = begin + tensor.offset + tensor.nbytes // 2
                digest.update(source.read(middle, min(_SAMPLE_BYTES, tensor.nbytes // 2)))
        return digest.hexdigest()[:32]

    @cached_property
    def content_fingerprint(self) -> str:
        """32 hex digits that tell these weights from others, also from those that differ little.

        A merged start state counts whole.  Raises DamagedCheckpoint, Unreadable.
        """
        with _translate_errors(self.path):
            return content_fingerprint(self._container)

    def read(self, name: str, dtype: "torch.dtype | None" = None) -> "torch.Tensor":
        """The official tensor ``name`` in memory of its own.

        In ``dtype``, else in the file's type (float32 where the file's is quantised); the change
        of type is made block by block, without a second whole copy.  Raises KeyError for a name
        that is not there, DamagedCheckpoint and Unreadable where the file has changed since.
        """
        from .reading import read_tensor

        recipe = self._recipes[name]
        with _translate_errors(self.path):
            return read_tensor(self._container, recipe, dtype)

    @property
    def has_embedding_heads(self) -> bool:
        """Whether it is a model for sentence embeddings."""
        return any(map(is_embedding_head, self._container.tensors))

    def read_embedding_heads(self) -> "dict[str, dict[str, torch.Tensor]]":
        """The tensors of the heads for sentence embeddings, by task; most models have none.

        Raises UnfitCheckpoint where one is not whole, and as ``read`` does.
        """
        with _translate_errors(self.path):
            return read_heads(self._container)

    def read_into(self, name: str, out: "torch.Tensor") -> None:
        """Fill ``out``, contiguous and of the official shape, with the tensor ``name``.

        Raises as ``read`` does.
        """
        from .reading import read_into

        recipe = self._recipes[name]
        with _translate_errors(self.path):
            read_into(self._container, recipe, out)

    def mapped(self, name: str, dtype: "torch.dtype | None" = None) -> "torch.Tensor | None":
        """The tensor ``name`` where it lies in the file, never to be written to.

        None where it lies in another type or form, or the file cannot be mapped: then it is to be
        read.  It outlives this object, but not every change of the file: see ``watch``.  Raises as
        ``read`` does.
        """
        from .reading import mapped

        with _translate_errors(self.path):
            return mapped(self._container, self._recipes[name], dtype)

    def stretch_of(self, name: str) -> Stretch | None:
        """Where the numbers of a tensor lie in order, in the type that ``tensors`` tells.

        None where they have to be made of others.  They are to be read on and on: see
        ``stay_open`` and ``watch``.  Raises Unreadable.
        """
        from .reading import lies_as_it_is

        recipe = self._recipes[name]
        if not lies_as_it_is(self._container, recipe):
            return None
        return self._stretch(recipe.stored)

    def packed_stretches(self, name: str) -> tuple[Stretch, Stretch]:
        """Where the codes and the scales of a packed tensor lie; see ``stretch_of``."""
        step, whole = self._unpacked(name), self._stretch(self._recipes[name].stored)
        assert step is not None
        codes, scales = step.places
        size = step.packed.code_bytes
        return whole.part(codes, size), whole.part(scales, step.packed.nbytes - size)

    def _stretch(self, stored_name: str) -> Stretch:
        stored = self._container.tensors[stored_name]
        source, begin = self._container.place(stored)
        source.watched()
        return Stretch(source, begin + stored.offset, stored.nbytes)

    def check_packed(self, name: str, total: int) -> None:
        """Raises DamagedCheckpoint where this is not the ``checksum`` of what was packed."""
        step = self._unpacked(name)
        if step and total != step.checksum:
            raise DamagedCheckpoint(why="numbers-changed", name=name, path=str(self.path))

    def stay_open(self) -> None:
        """Keep the files open for one more reader, who has to ``close`` as well.

        So they are open when ``with`` ends, and where that reader has gone before it ends.
        """
        self._readers += 1

    def release(self, *names: str) -> None:
        """What lies in the file of these tensors is not used any more."""
        for name in names:
            stored = self._container.tensors[self._recipes[name].stored]
            source, begin = self._container.place(stored)
            source.release(begin + stored.offset, stored.nbytes)

    @property
    def files(self) -> tuple[tuple[Path, int], ...]:
        """The files that it lies in, each with its bytes."""
        return tuple((source.path, source.size) for source in self._container.sources)

    def watch(self) -> Callable[[], None]:
        """What raises ChangedCheckpoint once a file has changed that is used on.

        Something lies in it (``mapped``), or is read from it again and again (``stretch_of``).
        Raises it itself where one has changed already.
        """
        watched = [source.watch for source in self._container.sources if source.watch]

        def check() -> None:
            for file in watched:
                file.check()

        check()  # remembers what they are
        return check

    def packed_shape(self, name: str) -> Shape | None:
        """How the tensor ``name`` of a packed copy lies in the file; None if it is not packed."""
        step = self._unpacked(name)
        return step.packed if step else None

    def read_packed(self, name: str, codes: "torch.Tensor", scales: "torch.Tensor") -> None:
        """Fill the codes and scales of the packed tensor ``name``.

        Raises DamagedCheckpoint where their checksum is wrong, and Unreadable.
        """
        from .reading import read_packed

        step = self._unpacked(name)
        assert step is not None
        with _translate_errors(self.path):
            read_packed(self._container, self._recipes[name], step, (codes, scales))
            self._compare(name, codes, scales)

    def mapped_packed(self, *names: str) -> "tuple[torch.Tensor, torch.Tensor] | None":
        """The codes and scales, each (n, ...), of packed tensors where they lie; see ``mapped``.

        None also where these are not all that share their place.  Raises as ``read_packed`` does.
        """
        from .reading import mapped_packed

        recipe, steps = self._recipes[names[0]], [self._unpacked(name) for name in names]
        first, alike = steps[0], {self._recipes[name].stored for name in names}
        rows = [step.row for step in steps if step]
        if first is None or len(alike) > 1 or rows != list(range(first.rows)):
            return None
        with _translate_errors(self.path):
            lies = mapped_packed(self._container, recipe, first)
            if lies is not None:
                for name, codes, scales in zip(names, *lies, strict=True):
                    self._compare(name, codes, scales)
        return lies

    def _unpacked(self, name: str) -> Unpacked | None:
        steps = self._recipes[name].steps
        return steps[0] if steps and isinstance(steps[0], Unpacked) else None

    def _compare(self, name: str, *parts: "torch.Tensor") -> None:
        from .reading import checksum

        self.check_packed(name, checksum(*parts))

    def close(self) -> None:
        """Let the files go, where nobody else reads on."""
        self._readers -= 1
        if self._readers <= 0:
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._container.close()

    def _info(self, name: str) -> TensorInfo:
        recipe = self._recipes[name]
        stored = self._container.tensors[recipe.stored]
        try:
            shape = recipe.shape(stored.shape)
        except ValueError as error:
            odd = "x".join(map(str, stored.shape))
            raise UnfitCheckpoint(
                why="odd-shape", name=shown(stored.name), shape=shown(odd)
            ) from error
        if self._packed and recipe.steps:
            step = self._unpacked(name)
            nbytes = step.packed.nbytes if step else stored.nbytes
            return TensorInfo(shape, self.metadata.get(STRATEGY, ""), nbytes)
        return TensorInfo(
            shape, stored.dtype, stored.nbytes * prod(shape) // max(1, stored.numbers)
        )

    def _dominant_dtype(self) -> str:
        counts: dict[str, int] = {}
        for info in self.tensors.values():
            counts[info.dtype] = counts.get(info.dtype, 0) + prod(info.shape)
        return max(counts, key=lambda dtype: counts[dtype])

    def _refuse_other_numbers(self) -> None:
        """Whole numbers are weights only together with scales, which no dialect here has."""
        if self.format == "gguf":
            return
        if self._packed and self.dtype not in QUANTISED:
            raise DamagedCheckpoint(why="packing-untold")
        for info in self.tensors.values():
            if info.dtype not in _FLOATS and not (self._packed and info.dtype == self.dtype):
                raise UnsupportedFormat(found="weights-of-dtype", dtype=info.dtype, wanted="floats")

"""What a machine has to run models on, as plain data: this one, or one that is only described."""

from typing import Annotated

import msgspec

from app.kernels import reads_fast
from app.kernels.native.library import LibraryError, load
from app.system.gpus import Gpu, usable_gpus
from app.system.memory import available_bytes, total_bytes
from app.system.processor import multiplies_bf16, processor_name
from app.system.threads import physical_cores

ASSUMED_READ_BYTES_PER_S = 20e9
"""What two channels of ordinary memory give one program; used until it was measured."""

ASSUMED_FILE_BYTES_PER_S = 500e6
"""What a disk without moving parts gives at the least; used until it was measured."""

_ASSUMED_MULTIPLY_PER_CORE = 20e9

# what is decoded, from files as well, has to be a size, a count or a speed
_Bytes = Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
_PerSecond = Annotated[float, msgspec.Meta(gt=0, le=1e18)]


class ModelRate(msgspec.Struct, frozen=True):
    """How fast one model was measured to run in one way, in tokens a second of one text.

    ``gpu`` is the name of the card that it ran on (of several all names), "" for the processor.
    """

    decode_tokens_per_s: _PerSecond
    prefill_tokens_per_s: _PerSecond
    gpu: str = ""


class Rates(msgspec.Struct, frozen=True):
    """What the native kernels were measured to do with all cores of a machine.

    ``read_bytes_per_s`` is how fast they read memory.  ``multiply_per_s`` is how many
    multiplications with an addition they do in a product of many rows, by format.  ``models`` is
    what models were measured to do here, by their fingerprint and then by the strategy's text.
    """

    read_bytes_per_s: _PerSecond
    multiply_per_s: dict[str, _PerSecond] = {}
    models: dict[str, dict[str, ModelRate]] = {}


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One machine; memory in bytes.

    ``memory_available`` can be taken now without swapping, within the limits of a container
    and of the system's promises.  ``gpus`` are the cards on which models run, the one with the
    most memory first; ``unused_gpus`` are the names of those on which none does.
    ``instruction_set`` is that of the native kernels ("" where plain PyTorch computes), and
    ``fast_formats`` are those that it reads as fast as memory gives them.  ``rates`` is None
    until they were measured, ``disk_bytes_per_s`` until it is known.
    """

    name: str = ""
    cpu: str = ""
    cores: _Count = 1
    instruction_set: str = ""
    fast_formats: tuple[str, ...] = ("fp32", "bf16", "fp16")
    memory_total: _Bytes
    memory_available: _Bytes
    gpus: tuple[Gpu, ...] = ()
    unused_gpus: tuple[str, ...] = ()
    rates: Rates | None = None
    disk_bytes_per_s: _PerSecond | None = None

    @property
    def read_bytes_per_s(self) -> float:
        """How fast the processor reads memory: as measured, else an assumption."""
        return self.rates.read_bytes_per_s if self.rates else ASSUMED_READ_BYTES_PER_S

    @property
    def file_bytes_per_s(self) -> float:
        """How fast a file comes from the disk: as measured, else an assumption."""
        return self.disk_bytes_per_s or ASSUMED_FILE_BYTES_PER_S

    def multiply_per_s(self, form: str) -> float:
        """Multiplications of a prefill a second in one format: as measured, else an assumption."""
        known = self.rates.multiply_per_s.get(form) if self.rates else None
        return known or _ASSUMED_MULTIPLY_PER_CORE * self.cores

    def gpu(self, device: str) -> Gpu | None:
        """The card that a strategy calls ``device``."""
        return next((gpu for gpu in self.gpus if gpu.device == device), None)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the person allows: bytes of memory on each card and beside them; None for all."""

    gpu_bytes: int | None = None
    cpu_bytes: int | None = None


def this_machine(
    rates: Rates | None = None, *, gpus: tuple[Gpu, ...] | None = None, available: int | None = None
) -> Machine:
    """This machine now; ``gpus`` and ``available`` replace what would be looked for."""
    return Machine(
        cpu=processor_name(),
        cores=physical_cores(),
        instruction_set=instruction_set(),
        fast_formats=tuple(sorted(fast_formats())),
        memory_total=total_bytes(),
        memory_available=available_bytes() if available is None else available,
        gpus=usable_gpus() if gpus is None else gpus,
        rates=rates,
    )


def rates_key() -> str:
    """What tells this machine from others whose rates are kept in the same place."""
    return f"{processor_name()}, {physical_cores()} cores, {instruction_set() or 'no kernels'}"


def instruction_set() -> str:
    """The one that the native kernels use here; "" where there are none.  Loads no PyTorch."""
    try:
        return load().chosen
    except LibraryError:
        return ""


def fast_formats() -> frozenset[str]:
    """The formats of floats that are read as fast here as memory gives them."""
    read = reads_fast()
    if read is not None:
        return read | {"fp32"}
    return frozenset({"fp32", "bf16"} if multiplies_bf16() else {"fp32"})

"""What the few functions that a torch file may call become here: marks and tensors, as data.

Calls: torch/_utils.py, ``_rebuild_tensor_v2`` and its kin; no other name is let through.
"""

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from app.errors import DamagedCheckpoint, HostileCheckpoint, UnsupportedFormat

from .stored import BYTES_PER_NUMBER, shown

STORAGES = {
    "DoubleStorage": "fp64",
    "FloatStorage": "fp32",
    "HalfStorage": "fp16",
    "BFloat16Storage": "bf16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "UntypedStorage": "bytes",
}
_DTYPES = {
    "float64": "fp64",
    "double": "fp64",
    "float32": "fp32",
    "float": "fp32",
    "float16": "fp16",
    "half": "fp16",
    "bfloat16": "bf16",
    "int64": "int64",
    "int32": "int32",
    "int16": "int16",
    "int8": "int8",
    "uint8": "uint8",
    "bool": "bool",
    "float8_e4m3fn": "fp8",
    "float8_e5m2": "fp8",
}


class Named(NamedTuple):
    """A name that the pickle asks for, in place of what it would have imported."""

    module: str
    name: str


class Storage(NamedTuple):
    """The bytes that a tensor looks into: its number type, archive key and how many numbers."""

    dtype: str
    key: str
    numbers: int


class Tensor(NamedTuple):
    """One tensor: where in its storage it begins and how it steps, both in numbers."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def exactly(kind: type, value: Any) -> Any:
    """``value``, if it is of this very type.  Raises ValueError."""
    if type(value) is not kind:
        raise ValueError
    return value


def plain_key(value: Any) -> str | int:
    """Only plain keys: the hash of a deep tuple could exhaust the stack of the interpreter."""
    if type(value) not in (str, int):
        raise ValueError
    return value  # type: ignore[no-any-return]


def storage_of(kind: Any, storage: Any, key: Any, _place: Any, count: Any) -> Storage:
    """The storage that a persistent id stands for.  Raises ValueError, KeyError."""
    if kind != "storage" or not isinstance(storage, Named) or not isinstance(key, str):
        raise ValueError
    return Storage(STORAGES[storage.name], key, _size(count))


def called(call: Any, arguments: Any) -> Any:
    """What the listed ``call`` makes of its arguments.  Raises KeyError, TypeError, ValueError."""
    if not isinstance(call, Named) or not isinstance(arguments, tuple):
        raise ValueError
    return _CALLS[call](*arguments)


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 48:
        raise ValueError
    return value


def named_by(module: Any, name: Any) -> Named:
    """The mark for ``module.name``.  Raises HostileCheckpoint unless it is on the list."""
    named = Named(exactly(str, module), exactly(str, name))
    listed = named in _CALLS or (module in ("torch", "torch.storage") and name in STORAGES)
    if not listed and not (module == "torch" and name in _DTYPES):
        raise HostileCheckpoint(why=f"it asks for {shown(module)}.{shown(name)} to be run")
    return named


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_rest: Any) -> Tensor:
    sizes, steps = _sizes(shape), _sizes(strides)
    if len(sizes) != len(steps) or not isinstance(storage, Storage):
        raise ValueError
    return _checked(Tensor(storage, storage.dtype, _size(offset), sizes, steps))


def _tensor_of_dtype(
    storage: Any, offset: Any, shape: Any, strides: Any, grad: Any, hooks: Any, dtype: Any, *_: Any
) -> Tensor:
    if not isinstance(storage, Storage) or not isinstance(dtype, Named):
        raise ValueError
    number = _DTYPES[dtype.name]
    if number not in BYTES_PER_NUMBER:
        raise UnsupportedFormat(found=f"{dtype.name} weights", wanted="the original file")
    count = (
        storage.numbers // BYTES_PER_NUMBER[number] if storage.dtype == "bytes" else storage.numbers
    )
    return _tensor(Storage(number, storage.key, count), offset, shape, strides)


def _parameter(tensor: Any, *_rest: Any) -> Tensor:
    return exactly(Tensor, tensor)  # type: ignore[no-any-return]


def _dict(*arguments: Any) -> dict[Any, Any]:
    """An OrderedDict; with old writers the pairs come as its argument, and are used up by it."""
    pairs = exactly(list, arguments[0]) if arguments else []
    made = {plain_key(key): value for key, value in pairs}
    pairs.clear()
    return made


def _torch_size(values: Any) -> tuple[int, ...]:
    return _sizes(values)


def _sizes(values: Any) -> tuple[int, ...]:
    if type(values) is not tuple or len(values) > 8:
        raise ValueError
    for value in values:
        _size(value)
    return values


def _checked(tensor: Tensor) -> Tensor:
    """Refuse what reaches past its storage or claims more numbers than that has."""
    count, reach = prod(tensor.shape), 0
    for size, step in zip(tensor.shape, tensor.strides, strict=True):
        reach += (size - 1) * step
    if count > tensor.storage.numbers:
        raise HostileCheckpoint(why="a tensor in it claims more numbers than the file holds")
    if count and tensor.offset + reach >= tensor.storage.numbers:
        raise DamagedCheckpoint(why="a tensor in it reaches past its data")
    return tensor


_CALLS: dict[Named, Callable[..., Any]] = {
    Named("torch._utils", "_rebuild_tensor"): _tensor,
    Named("torch._utils", "_rebuild_tensor_v2"): _tensor,
    Named("torch._utils", "_rebuild_tensor_v3"): _tensor_of_dtype,
    Named("torch._utils", "_rebuild_parameter"): _parameter,
    Named("collections", "OrderedDict"): _dict,
    Named("torch", "Size"): _torch_size,
}

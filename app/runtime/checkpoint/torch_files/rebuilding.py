"""What the calls in a torch file become here: tensors and dicts as data, all else opaque marks.

Calls: torch/_utils.py, ``_rebuild_tensor_v2`` and its kin.
"""

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from app.errors import DamagedCheckpoint, HostileCheckpoint, UnsupportedFormat
from app.runtime.checkpoint.stored import BYTES_PER_NUMBER, shown

from .pickle_names import is_dangerous

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


class Opaque:
    """An object that is no tensor: what it was made of, in case weights lie in it; never built."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: dict[str | int, Any] = {}


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


def put(target: Any, key: Any, value: Any) -> None:
    """Item of a dict, where the key is text or a number: no other one is a tensor's name.

    The hash of a deep tuple could exhaust the stack of the interpreter.  Raises ValueError.
    """
    items = target.items if isinstance(target, Opaque) else exactly(dict, target)
    if type(key) in (str, int):
        items[key] = value
    elif isinstance(key, list | dict):
        raise ValueError


def extend(target: Any, values: list[Any]) -> None:
    """More values for a list; those of anything else are let go.  Raises ValueError."""
    if not isinstance(target, Opaque):
        exactly(list, target).extend(values)


def restored(target: Any, state: Any) -> Any:
    """An object after it got its state; attributes of plain things are of no use here.

    Nothing is copied: a short pickle may hang one large state on very many objects.
    """
    attributes = state[-1] if isinstance(state, tuple) and state else state
    if isinstance(target, Opaque) and isinstance(attributes, dict) and not target.items:
        target.items = attributes
    return target


def storage_of(kind: Any, storage: Any, key: Any, _place: Any, count: Any) -> Storage:
    """The storage that a persistent id stands for.  Raises ValueError, KeyError."""
    if kind != "storage" or not isinstance(storage, Named) or not isinstance(key, str):
        raise ValueError
    return Storage(STORAGES[storage.name], key, _size(count))


def called(call: Any, arguments: Any) -> Any:
    """What ``call`` makes of its arguments, if that is known; else a new ``Opaque``.

    Raises KeyError, TypeError, ValueError.
    """
    if not isinstance(call, Named | Opaque) or not isinstance(arguments, tuple):
        raise ValueError
    known = _CALLS.get(call) if isinstance(call, Named) else None
    return known(*arguments) if known else Opaque()


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 48:
        raise ValueError
    return value


def named_by(module: Any, name: Any) -> Named:
    """The mark for ``module.name``.  Raises HostileCheckpoint where no checkpoint needs it."""
    named = Named(exactly(str, module), exactly(str, name))
    if is_dangerous(named.module, named.name):
        raise HostileCheckpoint(why="asks-to-be-run", name=f"{shown(module)}.{shown(name)}")
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
    number = _DTYPES.get(dtype.name, "")
    if number not in BYTES_PER_NUMBER:
        raise UnsupportedFormat(found="weights-of-dtype", dtype=dtype.name, wanted="original-file")
    count = (
        storage.numbers // BYTES_PER_NUMBER[number] if storage.dtype == "bytes" else storage.numbers
    )
    return _tensor(Storage(number, storage.key, count), offset, shape, strides)


def _parameter(tensor: Any, *_rest: Any) -> Tensor:
    return exactly(Tensor, tensor)  # type: ignore[no-any-return]


def _dict(*arguments: Any) -> dict[Any, Any]:
    """An OrderedDict; with old writers the pairs come as its argument, and are used up by it."""
    pairs = exactly(list, arguments[0]) if arguments else []
    made: dict[Any, Any] = {}
    for key, value in pairs:
        put(made, key, value)
    pairs.clear()
    return made


def _of_a_kind(call: Any, _kind: Any, arguments: Any, *_state: Any) -> Any:
    """A tensor of a subclass, or one that has attributes; the call is one of those here."""
    known = _TENSORS.get(call) if isinstance(call, Named) else None
    if known is None:
        return Opaque()
    return known(*exactly(tuple, arguments))


def _default_dict(*_arguments: Any) -> dict[Any, Any]:
    """Its items are put into it afterwards."""
    return {}


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
        raise HostileCheckpoint(why="tensor-exceeds-file")
    if count and tensor.offset + reach >= tensor.storage.numbers:
        raise DamagedCheckpoint(why="tensor-outside-data")
    return tensor


_TENSORS: dict[Any, Callable[..., Any]] = {
    Named("torch._utils", "_rebuild_tensor"): _tensor,
    Named("torch._utils", "_rebuild_tensor_v2"): _tensor,
    Named("torch._utils", "_rebuild_tensor_v3"): _tensor_of_dtype,
    Named("torch._utils", "_rebuild_parameter"): _parameter,
    Named("torch._utils", "_rebuild_parameter_with_state"): _parameter,
}
_CALLS: dict[Named, Callable[..., Any]] = {
    **_TENSORS,
    Named("torch._tensor", "_rebuild_from_type_v2"): _of_a_kind,
    Named("collections", "OrderedDict"): _dict,
    Named("collections", "defaultdict"): _default_dict,
    Named("torch", "Size"): _torch_size,
}

"""Reads the pickle of a torch file as data: a small machine that can call nothing at all.

Every name in a pickle becomes a mark, never what it names.  What the marks of tensors would make is
told in full; any other object is an ``Opaque``, which only remembers what was put into it.  Names
that a checkpoint has no use for, such as ``os.system``, end the reading.  There is no recursion and
the steps are counted, so neither a deep nor a long pickle can hold it.
Instructions: pickletools.opcodes of the standard library.
"""

import contextlib
import gc
import struct
from collections.abc import Callable, Iterator
from typing import Any

from app.errors import DamagedCheckpoint, HostileCheckpoint

from .rebuilding import (
    Opaque,
    called,
    extend,
    named_by,
    put,
    restored,
    storage_of,
)

_STEP_LIMIT = 500_000
_SIZE_LIMIT = 16 << 20
_DIGITS = 40
_STOP, _BINPUT, _LONG_BINPUT, _BINGET, _BININT1 = b".qrhK"
_U32 = struct.Struct("<I")


def read_pickle(data: bytes) -> Any:
    """The value in ``data``: dicts, lists, tuples, text, numbers, ``Tensor`` and ``Opaque``.

    Raises HostileCheckpoint where it names what no checkpoint needs, DamagedCheckpoint where it is
    no whole pickle.
    """
    if len(data) > _SIZE_LIMIT:
        raise HostileCheckpoint(why="list-too-long", size_bytes=len(data))
    try:
        with _uncollected():
            return _Machine(data).run()
    except (IndexError, KeyError, ValueError, TypeError, struct.error) as error:
        raise DamagedCheckpoint(why="list-damaged") from error


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage, which would walk a pickle's deep nests again and again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class _Machine:
    """The stack, the memo and the place in the bytes.  One method an instruction."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """All steps.  Those that make up most of a model's list are done here, without a call."""
        steps, data, stack, memo = _STEPS, self.data, self.stack, self.memo
        at = self.at
        for _ in range(_STEP_LIMIT):
            code = data[at]
            at += 1
            if code == _BINPUT:
                memo[data[at]] = stack[-1]
                at += 1
            elif code == _LONG_BINPUT:
                memo[_U32.unpack_from(data, at)[0]] = stack[-1]
                at += 4
            elif code == _BINGET:
                stack.append(memo[data[at]])
                at += 1
            elif code == _BININT1:
                stack.append(data[at])
                at += 1
            elif code == _STOP:
                return stack.pop()
            else:
                step = steps[code]
                if step is None:
                    raise _refusal(code)
                self.at = at
                step(self)
                at = self.at
        raise HostileCheckpoint(why="list-endless")

    def take(self, size: int) -> bytes:
        block = self.data[self.at : self.at + size]
        if len(block) != size:
            raise IndexError
        self.at += size
        return block

    def line(self) -> str:
        end = self.data.index(b"\n", self.at)
        text = self.data[self.at : end].decode("utf-8", "replace")
        self.at = end + 1
        return text

    def popped(self) -> list[Any]:
        """What lies above the last mark."""
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values


def _refusal(code: int) -> HostileCheckpoint | DamagedCheckpoint:
    if bytes([code]) in b"\x82\x83\x84P":
        return HostileCheckpoint(why="builds-objects")
    return DamagedCheckpoint(why="list-damaged")


def _skip(size: int) -> Callable[[_Machine], None]:
    def step(m: _Machine) -> None:
        m.take(size)

    return step


def _push(*, value: Any) -> Callable[[_Machine], None]:
    def step(m: _Machine) -> None:
        m.stack.append(value)

    return step


def _fresh(kind: Callable[[], Any]) -> Callable[[_Machine], None]:
    def step(m: _Machine) -> None:
        m.stack.append(kind())

    return step


def _unpack(layout: str) -> Callable[[_Machine], None]:
    number = struct.Struct(layout)

    def step(m: _Machine) -> None:
        m.stack.append(number.unpack_from(m.data, m.at)[0])
        m.at += number.size

    return step


def _text(layout: str, coding: str) -> Callable[[_Machine], None]:
    length = struct.Struct(layout)

    def step(m: _Machine) -> None:
        (size,) = length.unpack_from(m.data, m.at)
        m.at += length.size
        m.stack.append(m.take(size).decode(coding, "replace"))

    return step


def _get(layout: str) -> Callable[[_Machine], None]:
    number = struct.Struct(layout)

    def step(m: _Machine) -> None:
        m.stack.append(m.memo[number.unpack_from(m.data, m.at)[0]])
        m.at += number.size

    return step


def _bytes(layout: str) -> Callable[[_Machine], None]:
    length = struct.Struct(layout)

    def step(m: _Machine) -> None:
        (size,) = length.unpack_from(m.data, m.at)
        m.at += length.size
        m.stack.append(m.take(size))

    return step


def _line_of(kind: Callable[[str], Any]) -> Callable[[_Machine], None]:
    def step(m: _Machine) -> None:
        m.stack.append(kind(m.line()))

    return step


def _whole(text: str) -> int | bool:
    """A number as protocol 0 writes it, where 00 and 01 are False and True."""
    return text == "01" if text in ("00", "01") else int(text[:_DIGITS].rstrip("L"))


def _quoted(text: str) -> str:
    return text[1:-1]


def _tuple_of(size: int) -> Callable[[_Machine], None]:
    def step(m: _Machine) -> None:
        m.stack[-size:] = [tuple(m.stack[-size:])]

    return step


def _mark(m: _Machine) -> None:
    m.marks.append(len(m.stack))


def _tuple(m: _Machine) -> None:
    m.stack.append(tuple(m.popped()))


def _memoize(m: _Machine) -> None:
    m.memo[len(m.memo)] = m.stack[-1]


def _put_line(m: _Machine) -> None:
    m.memo[int(m.line()[:9])] = m.stack[-1]


def _get_line(m: _Machine) -> None:
    m.stack.append(m.memo[int(m.line()[:9])])


def _long(m: _Machine) -> None:
    m.stack.append(int.from_bytes(m.take(m.take(1)[0]), "little", signed=True))


def _long4(m: _Machine) -> None:
    (size,) = _U32.unpack(m.take(4))
    m.stack.append(int.from_bytes(m.take(size)[:_DIGITS], "little", signed=True))


def _pop(m: _Machine) -> None:
    m.stack.pop()


def _pop_mark(m: _Machine) -> None:
    m.popped()


def _twice(m: _Machine) -> None:
    m.stack.append(m.stack[-1])


def _global(m: _Machine) -> None:
    m.stack.append(named_by(m.line(), m.line()))


def _stack_global(m: _Machine) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    m.stack.append(named_by(module, name))


def _persistent(m: _Machine) -> None:
    m.stack.append(storage_of(*m.stack.pop()))


def _reduce(m: _Machine) -> None:
    arguments = m.stack.pop()
    m.stack[-1] = called(m.stack[-1], arguments)


def _new_with_words(m: _Machine) -> None:
    m.stack.pop()
    _reduce(m)


def _instance(m: _Machine) -> None:
    kind = named_by(m.line(), m.line())
    m.stack.append(called(kind, tuple(m.popped())))


def _object(m: _Machine) -> None:
    kind, *arguments = m.popped()
    m.stack.append(called(kind, tuple(arguments)))


def _build(m: _Machine) -> None:
    state = m.stack.pop()
    m.stack[-1] = restored(m.stack[-1], state)


def _append(m: _Machine) -> None:
    value = m.stack.pop()
    extend(m.stack[-1], [value])


def _appends(m: _Machine) -> None:
    values = m.popped()
    extend(m.stack[-1], values)


def _list(m: _Machine) -> None:
    m.stack.append(m.popped())


def _dict(m: _Machine) -> None:
    values = m.popped()
    m.stack.append({})
    _put_all(m, values)


def _frozen(m: _Machine) -> None:
    m.popped()
    m.stack.append(Opaque())


def _set_item(m: _Machine) -> None:
    value, key = m.stack.pop(), m.stack.pop()
    put(m.stack[-1], key, value)


def _set_items(m: _Machine) -> None:
    _put_all(m, m.popped())


def _put_all(m: _Machine, values: list[Any]) -> None:
    target = m.stack[-1]
    for at in range(0, len(values) - 1, 2):
        put(target, values[at], values[at + 1])


_NAMES: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _skip(1),  # PROTO
    b"\x95": _skip(8),  # FRAME
    b"(": _mark,
    b"0": _pop,
    b"N": _push(value=None),
    b"\x88": _push(value=True),
    b"\x89": _push(value=False),
    b"}": _fresh(dict),
    b"]": _fresh(list),
    b")": _push(value=()),
    b"t": _tuple,
    b"\x85": _tuple_of(1),
    b"\x86": _tuple_of(2),
    b"\x87": _tuple_of(3),
    b"M": _unpack("<H"),
    b"J": _unpack("<i"),
    b"\x8a": _long,
    b"G": _unpack(">d"),
    b"X": _text("<I", "utf-8"),
    b"\x8c": _text("<B", "utf-8"),
    b"U": _text("<B", "latin-1"),
    b"T": _text("<i", "latin-1"),
    b"j": _get("<I"),
    b"\x8d": _text("<Q", "utf-8"),
    b"B": _bytes("<I"),
    b"C": _bytes("<B"),
    b"\x8e": _bytes("<Q"),
    b"\x96": _bytes("<Q"),
    b"\x8b": _long4,
    b"I": _line_of(_whole),
    b"L": _line_of(_whole),
    b"F": _line_of(float),
    b"S": _line_of(_quoted),
    b"V": _line_of(str),
    b"1": _pop_mark,
    b"2": _twice,
    b"l": _list,
    b"d": _dict,
    b"\x8f": _fresh(Opaque),
    b"\x90": _appends,
    b"\x91": _frozen,
    b"\x81": _reduce,
    b"\x92": _new_with_words,
    b"i": _instance,
    b"o": _object,
    b"p": _put_line,
    b"g": _get_line,
    b"\x94": _memoize,
    b"c": _global,
    b"\x93": _stack_global,
    b"Q": _persistent,
    b"R": _reduce,
    b"b": _build,
    b"a": _append,
    b"e": _appends,
    b"s": _set_item,
    b"u": _set_items,
}
_STEPS: list[Callable[[_Machine], None] | None] = [_NAMES.get(bytes([code])) for code in range(256)]

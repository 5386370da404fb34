"""A GGUF file as a container, checked in every number; imports nothing but the standard.

Format: docs/gguf.md of github.com/ggml-org/ggml.
"""

import struct
from collections.abc import Mapping
from math import prod

from app.errors import (
    DamagedCheckpoint,
    ForeignCheckpoint,
    HostileCheckpoint,
    UnsupportedFormat,
    UnsupportedVariant,
)

from .source import Source
from .stored import Stored, refuse_overlaps, shown

# Headers of RWKV models have about forty facts in 2 MB, most of them a vocabulary of 65536 words.
_HEADER_LIMIT = 16 << 20
_FACT_LIMIT = 2_000
_NAME_LIMIT = 65_535  # bytes, by the format
_STRING_LIMIT = 600_000
_TENSOR_LIMIT = 20_000
_TEXT_KEPT = 1000
_LONG_TEXT_KEPT = 65_536  # of a chat template, which tells of thinking far below

CHAT_TEMPLATE = "tokenizer.chat_template"
_ALIGNMENT = "general.alignment"

# Type number -> name, numbers in a block, bytes of a block.
TYPES: Mapping[int, tuple[str, int, int]] = {
    0: ("fp32", 1, 4),
    1: ("fp16", 1, 2),
    2: ("q4_0", 32, 18),
    3: ("q4_1", 32, 20),
    6: ("q5_0", 32, 22),
    7: ("q5_1", 32, 24),
    8: ("q8_0", 32, 34),
    10: ("q2_k", 256, 84),
    11: ("q3_k", 256, 110),
    12: ("q4_k", 256, 144),
    13: ("q5_k", 256, 176),
    14: ("q6_k", 256, 210),
    16: ("iq2_xxs", 256, 66),
    17: ("iq2_xs", 256, 74),
    18: ("iq3_xxs", 256, 98),
    19: ("iq1_s", 256, 50),
    20: ("iq4_nl", 32, 18),
    21: ("iq3_s", 256, 110),
    22: ("iq2_s", 256, 82),
    23: ("iq4_xs", 256, 136),
    28: ("fp64", 1, 8),
    29: ("iq1_m", 256, 56),
    30: ("bf16", 1, 2),
    34: ("tq1_0", 256, 54),
    35: ("tq2_0", 256, 66),
    39: ("mxfp4", 32, 17),
    40: ("nvfp4", 64, 36),
}
_RUN = ("rwkv6", "rwkv7")
_HYBRIDS = {
    "rwkv6qwen2": "rwkv6-in-qwen2",
    "arwkv7": "rwkv7-in-transformer",
}

_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: _U32,
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: _U64,
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}


class GgufFile:
    """An open ``.gguf`` of an RWKV.

    Raises DamagedCheckpoint, HostileCheckpoint, ForeignCheckpoint, UnsupportedFormat,
    UnsupportedVariant.
    """

    format = "gguf"

    def __init__(self, source: Source) -> None:
        self._source, self.bytes = source, source.size
        header = _Header(source)
        _refuse_version(header.u32())
        tensors, facts = header.u64(), header.u64()
        _refuse_many(tensors, facts)
        self.metadata: Mapping[str, str] = header.facts(facts)
        _refuse_architecture(self.metadata)
        alignment = _alignment(self.metadata.get(_ALIGNMENT, "32"))
        found = [header.tensor() for _ in range(tensors)]
        self._begin = -(-header.at // alignment) * alignment
        self.tensors: Mapping[str, Stored] = {stored.name: stored for stored in found}
        if len(self.tensors) != len(found):
            raise DamagedCheckpoint(why="names-equal")
        self._refuse_places(alignment)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The file."""
        return (self._source,)

    def place(self, stored: Stored) -> tuple[Source, int]:
        """The file, and where in it the data begins."""
        return self._source, self._begin

    def close(self) -> None:
        """Let the file go."""
        self._source.close()

    def _refuse_places(self, alignment: int) -> None:
        for stored in self.tensors.values():
            if stored.offset % alignment:
                raise DamagedCheckpoint(why="tensor-misplaced", name=shown(stored.name))
            if self._begin + stored.offset + stored.nbytes > self.bytes:
                raise DamagedCheckpoint(why="ends-early")
        refuse_overlaps(self.tensors)


class _Header:
    """The beginning of the file, read as far as it is asked for; ``at`` is the place in it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._data = source.read(0, min(source.size, 1 << 20))
        self.at = 4
        self._strings = 0

    def u32(self) -> int:
        return int(self._number(_U32))

    def u64(self) -> int:
        return int(self._number(_U64))

    def facts(self, count: int) -> dict[str, str]:
        """All values but the arrays, as text, of which only the beginning is kept."""
        found: dict[str, str] = {}
        for _ in range(count):
            name = self._text()
            if name in found:
                raise DamagedCheckpoint(why="entry-twice", name=shown(name))
            kept = _LONG_TEXT_KEPT if name == CHAT_TEMPLATE else _TEXT_KEPT
            found[name] = self._value(self.u32(), kept)
            if name == "general.architecture":
                _refuse_architecture(found)
        return found

    def tensor(self) -> Stored:
        name = self._text()
        axes = self.u32()
        if axes > 8:
            raise DamagedCheckpoint(why="shape-impossible", name=shown(name))
        shape = tuple(reversed([self.u64() for _ in range(axes)]))
        kind, offset = self.u32(), self.u64()
        if kind not in TYPES:
            raise UnsupportedFormat(found="gguf-type", kind=kind, wanted="unpackable")
        dtype, block, width = TYPES[kind]
        count = prod(shape)
        if count >= 1 << 48 or offset >= 1 << 48 or (shape[-1] if shape else 1) % block:
            raise DamagedCheckpoint(why="shape-impossible", name=shown(name))
        return Stored(name, shape, dtype, count // block * width, offset)

    def _value(self, kind: int, kept: int) -> str:
        if kind == _STRING:
            return self._beginning(kept)
        if kind == _ARRAY:
            return self._skip_array(self.u32(), self.u64())
        if kind not in _SCALARS:
            raise DamagedCheckpoint(why="header-damaged")
        return str(self._number(_SCALARS[kind]))

    def _skip_array(self, kind: int, count: int) -> str:
        if kind == _STRING:
            self._strings += count
            if self._strings > _STRING_LIMIT:
                raise HostileCheckpoint(why="header-too-many-words", count=self._strings)
            self._skip_strings(count)
        elif kind in _SCALARS:
            self._skip(count * _SCALARS[kind].size)
        else:
            raise DamagedCheckpoint(why="header-damaged")
        return f"{count} values"

    def _skip_strings(self, count: int) -> None:
        """The words of a vocabulary, by the hundred thousand: as few calls as can be."""
        at, data, size = self.at, self._data, _U64.unpack_from
        for _ in range(count):
            if at + _U64.size > len(data):
                self.at = at
                self._skip(_U64.size)
                data = self._data
            at += _U64.size + size(data, at)[0]
        self.at = at
        self._skip(0)

    def _number(self, layout: struct.Struct) -> int | float | bool:
        at = self.at
        self._skip(layout.size)
        return layout.unpack_from(self._data, at)[0]  # type: ignore[no-any-return]

    def _text(self) -> str:
        at = self.at
        size = self.u64()
        if size > _NAME_LIMIT:
            raise DamagedCheckpoint(why="header-damaged")
        self._skip(size)
        return self._data[at + _U64.size : at + _U64.size + size].decode("utf-8", "replace")

    def _beginning(self, kept: int) -> str:
        """The first letters of a text; what is no UTF-8 in it matters to nobody."""
        size = self.u64()
        at = self.at
        self._skip(size)
        return self._data[at : at + min(size, 4 * kept)].decode("utf-8", "replace")[:kept]

    def _skip(self, size: int) -> None:
        self.at += size
        if self.at > len(self._data):
            self._read_on()

    def _read_on(self) -> None:
        if self.at > self._source.size:
            raise DamagedCheckpoint(why="ends-early")
        if self.at > _HEADER_LIMIT:
            raise HostileCheckpoint(why="header-too-long", size_bytes=self.at)
        have = len(self._data)
        wanted = min(self._source.size, max(self.at, 2 * have))
        self._data += self._source.read(have, wanted - have)


def _refuse_many(tensors: int, facts: int) -> None:
    if tensors > _TENSOR_LIMIT:
        raise HostileCheckpoint(why="too-many-tensors", count=tensors)
    if facts > _FACT_LIMIT:
        raise HostileCheckpoint(why="header-too-many-facts", count=facts)


def _refuse_version(version: int) -> None:
    if version in (2, 3):
        return
    if version & 0xFFFF == 0 and version:
        raise UnsupportedFormat(found="big-endian", wanted="little-endian")
    raise UnsupportedFormat(found="gguf-version", version=version, wanted="gguf-2-or-3")


def _refuse_architecture(facts: Mapping[str, str]) -> None:
    name = shown(facts.get("general.architecture", "unnamed"))[:40]
    if name in _HYBRIDS:
        raise UnsupportedVariant(found=_HYBRIDS[name])
    if name not in _RUN:
        raise ForeignCheckpoint(found="gguf-architecture", name=name)
    if facts.get("split.count", "1") not in ("0", "1"):
        raise UnsupportedFormat(found="gguf-part", wanted="parts-merged")


def _alignment(text: str) -> int:
    value = int(text) if text.isdecimal() and len(text) < 7 else 0
    if value == 0 or value % 8:
        raise DamagedCheckpoint(why="alignment-impossible")
    return value

"""Greedy longest match over bytes, one place at a time (plain) or a thousand (wide).

Both are given the pieces of a vocabulary by id: b"" at 0, and all 256 single bytes somewhere.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]

HOP = 6
"""Bytes looked at by one bisection."""

STRETCH = 512
"""Bytes that each of the wide matcher's walks goes through."""

BLOCK = 1 << 20
"""Bytes matched at once, which bounds the memory that a very long text takes."""

_LONG_HEAD, _SHORT_HEAD, _SHORTEST = 6, 3, (2, 1)

_BITS = 19
_SLOTS = 1 << _BITS
_FACTORS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_NODE = np.uint64(48)
_ROOT = np.uint64(1 << 48)
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(HOP + 1)], np.uint64)


class PlainMatch:
    """The plain twin: at each place, tries the lengths that pieces with this head may have.

    The first 6 bytes tell whether a longer piece may stand there, the first 3 which shorter ones.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._ids = {piece: token for token, piece in enumerate(pieces) if piece}
        self._long = self._tries(_LONG_HEAD, 1000)
        self._short = self._tries(_SHORT_HEAD, _LONG_HEAD)

    def _tries(self, head: int, most: int) -> dict[bytes, tuple[int, ...]]:
        """The lengths of pieces by their first ``head`` bytes, greatest first, to the surest."""
        lengths: dict[bytes, set[int]] = {}
        for piece in self._ids:
            if head <= len(piece) <= most:
                lengths.setdefault(piece[:head], set()).add(len(piece))
        for begun, found in lengths.items():
            found.add(next(n for n in range(head, 0, -1) if begun[:n] in self._ids))
        return {begun: tuple(sorted(found, reverse=True)) for begun, found in lengths.items()}

    def encode(self, data: bytes) -> list[int]:
        """The ids of all of ``data``."""
        token_of, long, short = self._ids.get, self._long.get, self._short.get
        found: list[int] = []
        at, end = 0, len(data)
        while at < end:  # as in longest, written out: this is where the time goes
            head = data[at : at + _LONG_HEAD]
            for length in long(head) or short(head[:_SHORT_HEAD], _SHORTEST):
                token = token_of(data[at : at + length])
                if token is not None:
                    found.append(token)
                    at += length
                    break
        return found

    def longest(self, data: bytes, at: int) -> tuple[int, int]:
        """The id of the longest piece that stands at ``at``, and its size."""
        head = data[at : at + _LONG_HEAD]
        tries = self._long.get(head) or self._short.get(head[:_SHORT_HEAD], _SHORTEST)
        pieces = (data[at : at + length] for length in tries)
        piece = next(piece for piece in pieces if piece in self._ids)
        return self._ids[piece], len(piece)


class WideMatch:
    """Many walks through one text at a time, each step of all of them a few array operations.

    A greedy walk begun anywhere soon falls into step with the true one, so each walk is used from
    where the true one meets it.
    """

    def __init__(self, pieces: Sequence[bytes], plain: PlainMatch) -> None:
        self._plain = plain
        self._tree = Tree(pieces)
        self._longest = max(map(len, pieces))

    def encode(self, data: bytes) -> list[int]:
        """The ids of all of ``data``."""
        found: list[int] = []
        at = 0
        while at < len(data):
            tokens, at = self._block(data, at, min(at + BLOCK, len(data)))
            found += tokens
        return found

    def _block(self, data: bytes, start: int, end: int) -> tuple[list[int], int]:
        """The ids of the tokens that begin from ``start`` on and before ``end``; their end."""
        tokens = np.zeros(end - start, np.int32)
        exits = self._walk(data, start, tokens)
        at = 0
        for walk, left in enumerate(exits):
            first = walk * STRETCH
            last = min(first + STRETCH, len(tokens))
            mended = {}
            while at < last and not tokens[at]:
                mended[at], size = self._plain.longest(data, start + at)
                at += size
            tokens[first : min(at, last)] = 0
            for place, token in mended.items():
                tokens[place] = token
            at = left if at < last else at
        return tokens[tokens > 0].tolist(), start + at

    def _walk(self, data: bytes, start: int, tokens: NDArray[np.int32]) -> list[int]:
        """Write each walk's ids where they begin; where each walk leaves its stretch."""
        words = _words(data, start, len(tokens) + self._longest)
        at = np.arange(0, len(tokens), STRETCH)
        ends = np.minimum(at + STRETCH, len(tokens))
        walks, exits = np.arange(len(at)), at.copy()
        while len(walks):
            tokens[at], sizes = self._tree.longest(words, at)
            at += sizes
            inside = at < ends
            if not inside.all():
                exits[walks] = at
                at, ends, walks = at[inside], ends[inside], walks[inside]
        return exits.tolist()


def _words(data: bytes, start: int, count: int) -> Words:
    """The 8 bytes from each place on, the first one lowest; NULs beyond the end."""
    window = data[start : start + count + 8].ljust(count + 16, b"\0")
    words = np.empty(count + 8, np.uint64)
    for shift in range(8):
        part = words[shift::8]
        part[:] = np.frombuffer(window, "<u8", count=len(part), offset=shift)
    return words[:count]


class Tree:
    """All beginnings of pieces in one hash table, found by bisection, up to 6 bytes at a hop.

    A key is a node (its upper 16 bits) and 1 to 6 bytes on from it, the first one lowest, NULs
    standing for those that are not there; so no piece but the single byte may hold a NUL.  An
    entry tells the longest piece inside its beginning, and which node it is where pieces go on
    from 6 bytes.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        keys, tokens, sizes, nodes = _entries(pieces)
        slots = _placed(keys)
        self._keys = np.zeros(_SLOTS, np.uint64)
        self._values = np.zeros(_SLOTS, np.int64)
        self._keys[slots] = keys
        self._values[slots] = nodes.view(np.int64) | sizes << 32 | tokens

    def longest(self, words: Words, at: Ints) -> tuple[Ints, Ints]:
        """The id and size of the longest piece at each of the places ``at`` in ``words``."""
        values = self._values[self._hop(np.full(len(at), _ROOT), words[at])[0]]
        walks = np.flatnonzero(values >> 48)
        at, nodes = at[walks] + HOP, values[walks]
        while len(walks):
            slots, known = self._hop(nodes.view(np.uint64) >> _NODE << _NODE, words[at])
            walks, at, nodes = walks[known], at[known], self._values[slots[known]]
            values[walks] = nodes
            further = np.flatnonzero(nodes >> 48)
            walks, at, nodes = walks[further], at[further] + HOP, nodes[further]
        return values & 0xFFFFFFFF, values >> 32 & 0xFFFF

    def _hop(self, nodes: Words, words: Words) -> tuple[Ints, NDArray[np.bool_]]:
        """The slots of the most bytes of ``words`` known from ``nodes`` on, and whether any are."""
        slots, counts = np.zeros(len(words), np.int64), np.zeros(len(words), np.int64)
        for more in (3, 2, 1):
            tried, known = self._look_up(nodes | (words & _MASKS[counts + more]))
            slots = np.where(known, tried, slots)
            counts += more * known
        return slots, counts > 0

    def _look_up(self, keys: Words) -> tuple[Ints, NDArray[np.bool_]]:
        """A slot for each key, and whether the key is in it."""
        first, second = (_hash(keys, factor) for factor in _FACTORS)
        there = self._keys[second] == keys
        return np.where(there, second, first), there | (self._keys[first] == keys)


def _entries(pieces: Sequence[bytes]) -> tuple[Words, Ints, Ints, Words]:
    """The keys of all beginnings, each with the longest piece's id and size, and its node.

    While they are gathered, the first byte stands highest, so that keys sort as bytes do.
    """
    lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
    ids = np.flatnonzero(lengths)
    nodes = above = np.full(len(ids), _ROOT)
    best = sizes = np.zeros(len(ids), np.int64)
    entries: list[tuple[Words, Ints, Ints, Words]] = []
    depth, named = 0, 1
    while len(ids):
        parts = [pieces[i][depth : depth + HOP] for i in ids.tolist()]
        keys = nodes | (np.array(parts, "S8").view(">u8").astype(np.uint64) >> np.uint64(16))
        order = np.argsort(keys)
        ids, keys = ids[order], keys[order]
        rest = lengths[ids] - depth
        for count in range(1, HOP + 1):
            here = np.unique(keys[rest >= count] & ~_MASKS[HOP - count])
            parents = np.searchsorted(above, here & ~_MASKS[HOP - count + 1])
            best, sizes = best[parents], sizes[parents]
            own = np.searchsorted(here, keys[rest == count])
            best[own], sizes[own] = ids[rest == count], depth + count
            entries.append((here, best, sizes, np.zeros_like(here)))
            above = here
        ids, keys = ids[rest > HOP], keys[rest > HOP]
        going = np.unique(keys)
        names = (np.arange(len(going), dtype=np.uint64) + np.uint64(named + 1)) << _NODE
        entries[-1][-1][np.searchsorted(above, going)] = names
        best, sizes = (array[np.searchsorted(above, going)] for array in (best, sizes))
        nodes, above = names[np.searchsorted(going, keys)], names
        depth, named = depth + HOP, named + len(going)
    keys, best, sizes, nodes = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    return (keys << np.uint64(16)).byteswap() | (keys >> _NODE << _NODE), best, sizes, nodes


def _placed(keys: Words) -> Ints:
    """One of the two slots of each key, so that none is shared (Pagh and Rodler's cuckoos)."""
    nests = np.stack([_hash(keys, factor) for factor in _FACTORS])
    owners = np.full(_SLOTS, -1, np.int64)
    choice, waiting = np.zeros(len(keys), np.int64), np.arange(len(keys))
    while len(waiting):
        slots = nests[choice[waiting], waiting]
        thrown = owners[slots]
        owners[slots] = waiting
        losers = waiting[owners[slots] != waiting]
        waiting = np.union1d(losers, thrown[thrown >= 0])
        choice[waiting] ^= 1
    return nests[choice, np.arange(len(keys))]


def _hash(keys: Words, factor: np.uint64) -> Ints:
    return ((keys * factor) >> np.uint64(64 - _BITS)).view(np.int64)

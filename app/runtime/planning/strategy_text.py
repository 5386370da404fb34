"""The language of strategies, after that of the ``rwkv`` package: from text to segments and back.

::

    strategy   = part {"->" part} {";" ("head" | "embedding") device [format] [way]}
    part       = device format ["*" layers ["+"]] [way]
    way        = "streamed" | "mapped"
    device     = "cpu" | "cuda" [":" number]
    format     = "fp32" | "bf16" | "fp16" | "int8" | "int4" | (one of the first three) ("i8" | "i4")

A part without a count gets an equal share of what the others leave; the last one gets all that is
left over.  ``*20+`` means: 20 layers stay on the device, and all that no count names do not.  The
head counts as one layer more, at the end, unless it has a place of its own.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.errors import StrategyError

from .segments import Place, Residency, Segment, in_a_row

DEVICES = "cpu, cuda, cuda:1"
FORMATS = ("fp32", "bf16", "fp16", "int8", "int4")

# The package names the type of the activations as well; here they have 32 bits, or what is best.
_SPELLING = re.compile(r"(?:fp32|bf16|fp16)i(8|4)")
_CARD = re.compile(r"cuda(?::(\d{1,3}))?", re.ASCII)
_COUNT = re.compile(r"\*(\d{1,9})(\+?)", re.ASCII)
_TOKEN = re.compile(r"->|;|\*(?:\s+(?=\d))?[^\s;*>-]*|(?:(?!->)[^\s;*])+")
_RESIDENCIES: dict[str, Residency] = {"streamed": "streamed", "mapped": "mapped"}


class Told(NamedTuple):
    """What a text tells: segments, and the places of head and embedding where they have one."""

    segments: tuple[Segment, ...]
    head: Place | None = None
    embedding: Place | None = None


class _Word(NamedTuple):
    text: str
    position: int


class _Part(NamedTuple):
    """A place for so many layers (None: no count); ``more``: it takes the rest as well."""

    place: Place
    layers: int | None
    over: Residency = "resident"
    more: bool = False


def read(text: str) -> Told:
    """The segments that a text means.  Raises StrategyError (facts found, part, position, wanted).

    ``part`` is what is wrong, and ``position`` where it begins, counted from 0.
    """
    return _Reader(text).told()


class _Reader:
    """The words of one text, taken one by one."""

    def __init__(self, text: str) -> None:
        self._text = text
        found = [_Word(m[0].lower(), m.start()) for m in _TOKEN.finditer(text)]
        self._words, self._at = found, 0

    def told(self) -> Told:
        parts = [self._part()]
        while self._next_is("->"):
            self._take()
            parts.append(self._part())
        apart: dict[str, Place] = {}
        last = parts[-1].place
        while self._next_is(";"):
            self._take()
            word = self._word("head, embedding")
            name = {"emb": "embedding"}.get(word.text, word.text)
            if name not in ("head", "embedding") or name in apart:
                raise self._wrong(word, "head, embedding")
            apart[name] = self._apart(last.format)
        if self._at < len(self._words):
            raise self._wrong(self._words[self._at], "->, ;")
        return _told(parts, apart.get("head"), apart.get("embedding"))

    def _apart(self, usual: str) -> Place:
        place = self._place(usual)
        return Place(place.device, place.format, self._residency(place) or "resident")

    def _part(self) -> _Part:
        place = self._place()
        counted = self._count() if self._peek().startswith("*") else None
        said = self._residency(place)
        usual: Residency = "streamed" if place.on_gpu else "mapped"
        if counted is not None and not counted[1]:
            return _Part(Place(place.device, place.format, said or "resident"), counted[0])
        if counted is not None:
            return _Part(place, counted[0], said or usual, more=True)
        return _Part(place, 0, said, more=True) if said else _Part(place, None)

    def _place(self, usual: str = "") -> Place:
        """A device and a format; ``usual`` is the format where none is told."""
        device = self._device()
        if usual and self._peek() in ("", ";", *_RESIDENCIES):
            return Place(device, usual)
        word = self._word(", ".join(FORMATS))
        form = _SPELLING.sub(r"int\1", word.text)
        if form not in FORMATS:
            raise self._wrong(word, ", ".join(FORMATS))
        return Place(device, form)

    def _device(self) -> str:
        word = self._word(DEVICES)
        card = _CARD.fullmatch(word.text)
        if word.text != "cpu" and card is None:
            raise self._wrong(word, DEVICES)
        index = int(card[1] or 0) if card else 0
        return f"cuda:{index}" if index else word.text.partition(":")[0]

    def _count(self) -> tuple[int, bool]:
        word = self._word("*20, *20+")
        found = _COUNT.fullmatch("".join(word.text.split()))
        if found is None:
            raise self._wrong(word, "*20, *20+")
        return int(found[1]), bool(found[2])

    def _residency(self, place: Place) -> Residency | None:
        said = _RESIDENCIES.get(self._peek())
        if said is not None:
            self._take()
        # what streams to the processor lies in its memory already, or else in the file
        return "mapped" if said and not place.on_gpu else said

    def _peek(self) -> str:
        return self._words[self._at].text if self._at < len(self._words) else ""

    def _next_is(self, text: str) -> bool:
        return self._peek() == text

    def _take(self) -> _Word:
        self._at += 1
        return self._words[self._at - 1]

    def _word(self, wanted: str) -> _Word:
        """The next word.  Raises StrategyError where the text ends, or a part of it."""
        if self._at == len(self._words):
            raise self._wrong(_Word("", len(self._text)), wanted)
        return self._take()

    def _wrong(self, word: _Word, wanted: str) -> StrategyError:
        part = self._text[word.position : word.position + len(word.text)]
        return StrategyError(found=self._text, part=part, position=word.position, wanted=wanted)


def _told(parts: Sequence[_Part], head: Place | None, embedding: Place | None) -> Told:
    """Without what never gets a layer, and with the count of the last part as one of layers."""
    parts = _taking(parts)
    runs = list(_runs(parts))
    *before, (place, count) = runs
    settled = any(one.more for one in parts) or any(layers is None for _, layers in before)
    if not settled:  # it gets all that is left, whatever its count
        while before and before[-1][0] == place:
            before.pop()
        runs = [*before, (place, None)]
    elif all(other == place for other, _ in before):
        runs = [(place, None)]
    elif head is None and count is not None:  # one of them is the head
        runs = [*before, (place, count - 1)] if count > 1 else before
        head = place if count == 1 else None
        if all(other == runs[0][0] for other, _ in runs):
            runs = [(runs[0][0], None)]
    segments = in_a_row(runs)
    if len(segments) == 1 and head == segments[0].place:
        head = None  # among several a head of its own takes no share of a layer
    return Told(segments, head, None if embedding == segments[0].place else embedding)


def _taking(parts: Sequence[_Part]) -> list[_Part]:
    """Those that may get a layer: of several that take the rest the last one does."""
    takers = [i for i, one in enumerate(parts) if one.more]
    if takers:
        plain = [
            one if i == takers[-1] else one._replace(more=False) for i, one in enumerate(parts)
        ]
        return [one for one in plain if one.more or one.layers]
    kept = [one for one in parts if one.layers is None or one.layers > 0]
    return kept or [parts[-1]._replace(layers=None)]


def _runs(parts: Sequence[_Part]) -> Iterator[tuple[Place, int | None]]:
    for one in parts:
        if not one.more:
            yield one.place, one.layers
            continue
        if one.layers:
            yield one.place, one.layers
        yield Place(one.place.device, one.place.format, one.over), None


def written(segments: Sequence[Segment], head: Place | None, embedding: Place | None) -> str:
    """The shortest text that ``read`` makes the same of."""
    shown = " -> ".join(_written_parts(segments, own_head=head is not None))
    for name, place in (("head", head), ("embedding", embedding)):
        if place is not None:
            way = "" if place.residency == "resident" else f" {place.residency}"
            shown += f"; {name} {place.text}{way}"
    return shown


def _written_parts(segments: Sequence[Segment], *, own_head: bool) -> Iterator[str]:
    settled = any(one.layers is None for one in segments[:-1])
    for i, one in enumerate(segments):
        end = i == len(segments) - 1
        over = segments[i + 1] if not end else None
        if over is not None and _goes_on(one, over, end=i + 2 == len(segments)):
            continue
        before = segments[i - 1] if i else None
        if one.residency != "resident" and (one.layers is None or end):
            here = before if before is not None and _goes_on(before, one, end=end) else None
            stay = here.layers if here is not None else 0
            yield f"{one.place.text} *{stay}+{_said(one, usual_is_silent=True)}"
        elif one.layers is None or (end and not settled):
            yield one.place.text
        else:
            count = one.layers + (1 if end and not own_head else 0)
            yield f"{one.place.text} *{count}{_said(one, usual_is_silent=False)}"


def _goes_on(one: Segment, over: Segment, *, end: bool) -> bool:
    """Whether both are written as one part, ``*20+``."""
    same = one.place.text == over.place.text and one.residency == "resident"
    opened = over.residency != "resident" and (over.layers is None or end)
    return same and opened and one.layers is not None


def _said(one: Segment, *, usual_is_silent: bool) -> str:
    if one.residency == "resident":
        return ""
    usual = "streamed" if one.place.on_gpu else "mapped"
    return "" if usual_is_silent and one.residency == usual else f" {one.residency}"

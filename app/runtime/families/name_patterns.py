"""What names of models tell: the one place that knows their series, sizes and dates.

Names are hints and lower case here: ``name.casefold()`` before anything is looked for.
"""

import re
from typing import NamedTuple

G_SERIES = re.compile(
    r"(?:(?<![a-z0-9])|(?<=rwkv7)|(?<=rwkv-7)|(?<=rwkv_7)|(?<=rwkvv7)|(?<=rwkv-v7)|(?<=x070))"
    r"(?P<series>g[01](?:[a-z]\d{0,2})?)(?![a-z0-9])",
    re.ASCII,
)
"""G0, G0b, G1, G1a2, G1k ...: also where the generation stands right before, as in rwkv7G1c."""

RAVEN = re.compile(r"raven")
NOVEL = re.compile(r"novel")
PILE_PLUS = re.compile(r"pileplus")
PILE = re.compile(r"(?<![a-z])pile")
MIDI = re.compile(r"(?<![a-z])midi")
ABC = re.compile(r"(?<![a-z])abc(?![a-z])")
WORLD = re.compile(r"world")
JAPANESE = re.compile(r"x060-jpn")
QUESTIONS = re.compile(r"single_round_qa")

_SIZE = re.compile(
    r"(?<![a-z0-9.])(?<!rwkv-)(?:(\d{1,3})b(\d)|(\d{1,4}(?:\.\d{1,3})?)([bm]))(?![a-z0-9])",
    re.ASCII,
)
_DATE = re.compile(r"(?<!\d)(20[2-3]\d)([01]\d)([0-3]\d)(?!\d)", re.ASCII)
_BETWEEN = re.compile(r"[-_]+(?<!q\d_)(?<!q\d_k_)", re.IGNORECASE)  # q4_0, q4_k_m stay whole


class Series(NamedTuple):
    """A series of models: what it is called ("" is what was found), and what it is for."""

    pattern: re.Pattern[str]
    word: str
    purpose: str

    def called(self, lower: str) -> str:
        """Its name, as this name of a model has it."""
        found = self.pattern.search(lower)
        return self.word or (found["series"].capitalize() if found else "")


_SERIES = (
    Series(QUESTIONS, "Questions and answers", "tuned state"),
    Series(G_SERIES, "", "reasoning"),
    Series(RAVEN, "Raven", "instructions"),
    Series(NOVEL, "Novel", "fiction"),
    Series(PILE_PLUS, "PilePlus", "raw text"),
    Series(PILE, "Pile", "raw text"),
    Series(MIDI, "MIDI", "music"),
    Series(ABC, "ABC", "music"),
    Series(JAPANESE, "Japanese", "chat"),
    Series(WORLD, "World", "chat"),
)


class Size(NamedTuple):
    """A number of parameters as a name states it, and how it is written: ``1.5B``, ``169M``."""

    parameters: int
    text: str


def series_of(name: str) -> Series | None:
    """The first series that the name of a model tells."""
    lower = name.casefold()
    return next((one for one in _SERIES if one.pattern.search(lower)), None)


def sizes_in(name: str) -> list[Size]:
    """All sizes that a name states, ``1b5`` and ``1.5b`` alike."""
    found = []
    for match in _SIZE.finditer(name.casefold()):
        whole, tenths, number, unit = match.groups()
        count = float(f"{whole}.{tenths}" if whole else number)
        many = round(count * (1e6 if unit == "m" else 1e9))
        found.append(Size(many, f"{count:g}{(unit or 'b').upper()}"))
    return found


def date_in(name: str) -> str:
    """The day in a name as YYYY-MM-DD; "" where none is there."""
    found = _DATE.search(name)
    if not found or not ("01" <= found[2] <= "12" and "01" <= found[3] <= "31"):
        return ""
    return f"{found[1]}-{found[2]}-{found[3]}"


def spaced(stem: str) -> str:
    """A name of no known form as it stands, with spaces between its parts."""
    words = _BETWEEN.sub(" ", stem).strip() or stem
    return words[:1].upper() + words[1:]

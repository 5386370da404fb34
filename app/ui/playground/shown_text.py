"""A text as Qt shows it: counted in UTF-16 units, and without what Qt takes for its own marks."""

import re
from bisect import bisect_left, bisect_right

_WIDE = re.compile("[\U00010000-\U0010ffff]")
_OWN = str.maketrans({"\r": "␍", "\u2029": "¶", "\0": "␀", "\ufdd0": "�", "\ufdd1": "�"})
"""Characters that Qt would make a new line of, or drop; each is shown as one other."""


def as_shown(text: str) -> str:
    """The same text, character by character, in what can be shown."""
    return text.translate(_OWN)


def from_qt(raw: str) -> str:
    """The raw text of a document of Qt, in which each paragraph ends with a mark of Qt's."""
    text = raw.replace("\u2029", "\n")
    if not text.isascii():  # half of a pair is no text
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class Units:
    """Places of one text in characters and in Qt's UTF-16 units."""

    def __init__(self, text: str) -> None:
        self._wide = [] if text.isascii() else [one.start() for one in _WIDE.finditer(text)]
        self._units = [place + at for at, place in enumerate(self._wide)]

    def of(self, place: int) -> int:
        """A place in units."""
        return place + bisect_left(self._wide, place)

    def place(self, unit: int) -> int:
        """A place in characters; one within a character is its beginning."""
        before = bisect_right(self._units, unit)
        if before and unit == self._units[before - 1] + 1:
            return self._wide[before - 1]
        return unit - bisect_left(self._units, unit)

"""Where words that are searched for stand in a document, and marks for them; moves nothing."""

from bisect import bisect_left

from PySide6.QtGui import QAbstractTextDocumentLayout, QColor, QTextCursor, QTextDocument

from app.store.folding import places_of

_BREAKS = str.maketrans(dict.fromkeys("\n\t\u2028\u2029", " "))
Place = tuple[int, int]
Mark = QAbstractTextDocumentLayout.Selection


def spaced(text: str) -> str:
    """``text`` with a space for each end of a line, as the words of a row are searched."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_BREAKS)


def plain(document: QTextDocument) -> str:
    """The words of a document, with a character for each place in it."""
    return document.toRawText().translate(_BREAKS)


def places_in(document: QTextDocument, term: str) -> list[Place]:
    """Where the folded ``term`` stands: beginnings and ends, as a text cursor counts them."""
    text = plain(document)
    found = list(places_of(text, term))
    if not found or text.isascii():
        return found
    places, at, unit = [], 0, 0
    for start, end in found:
        unit += _units(text[at:start])
        length = _units(text[start:end])
        places.append((unit, unit + length))
        at, unit = end, unit + length
    return places


class FoundMarks:
    """The places of one term in a document, read when they are painted first."""

    def __init__(self) -> None:
        self._term = ""
        self._places: list[Place] | None = None

    def look_for(self, term: str) -> bool:
        """Mark this from now on, "" for nothing; whether that is another one."""
        other = term != self._term
        if other:
            self._term, self._places = term, None
        return other

    def forget(self) -> None:
        """The document is another one, or has grown."""
        self._places = None

    def has(self, place: Place) -> bool:
        """Whether this is one of the places that were painted."""
        places = self._places or []
        at = bisect_left(places, place)
        return places[at : at + 1] == [place]

    def between(self, document: QTextDocument, first: int, last: int, colour: QColor) -> list[Mark]:
        """Marks for the places that touch those from ``first`` to ``last``."""
        if not self._term:
            return []
        if self._places is None:
            self._places = places_in(document, self._term)
        at = bisect_left(self._places, first, key=lambda place: place[1])
        marks = []
        while at < len(self._places) and self._places[at][0] <= last:
            marks.append(_mark(document, self._places[at], colour))
            at += 1
        return marks


def _mark(document: QTextDocument, place: Place, colour: QColor) -> Mark:
    made = Mark()
    cursor = QTextCursor(document)
    cursor.setPosition(place[0])
    cursor.setPosition(place[1], QTextCursor.MoveMode.KeepAnchor)
    made.cursor = cursor
    form = made.format
    form.setBackground(colour)
    made.format = form
    return made


def _units(text: str) -> int:
    """How many of Qt's characters a text has."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2

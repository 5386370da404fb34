"""Texts as search compares them: without case, accents and marks that cannot be typed."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2"
    "\u05c4\u05c5\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
# Letters of scripts that have no case, and Hangul, whose syllables must not fall apart.
_PLAIN = "\u3041-\u30fe\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U0003ffff"
_CLUSTER = re.compile(f"[^\x00-\x7f{_PLAIN}{_MARKS}][{_MARKS}]*|[A-Za-z]?[{_MARKS}]+|[\x00A-Z]")
_MARK = re.compile(f"[{_MARKS}]+")


def fold(text: object) -> str:
    """``text`` as it is compared; for SQL, too: what is no text folds to none."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return _CLUSTER.sub(_folded_match, text) if isinstance(text, str) else ""


def place_of(text: str, term: str) -> tuple[int, int] | None:
    """Where in ``text`` the folded ``term`` stands first: its beginning and its end."""
    return next(places_of(text, term), None)


def places_of(text: str, term: str) -> Iterator[tuple[int, int]]:
    """Where in ``text`` the folded ``term`` stands, one after the other: beginnings and ends."""
    folded = fold(text)
    at = folded.find(term) if term else -1
    start = done = 0
    for begin, stop, length in _steps(text) if at >= 0 else ():
        if done <= at:
            start = begin
        done += length
        while 0 <= at <= done - len(term):
            yield start, stop
            at = folded.find(term, at + len(term))
            start = begin  # a letter that folds to several may hold the next one as well
        if at < 0:
            return


def _steps(text: str) -> Iterator[tuple[int, int, int]]:
    """Pieces of ``text``: beginning, end and the length of what each folds to."""
    at = 0
    for match in _CLUSTER.finditer(text):
        yield from ((one, one + 1, 1) for one in range(at, match.start()))
        yield match.start(), match.end(), len(_folded(match[0]))
        at = match.end()
    yield from ((one, one + 1, 1) for one in range(at, len(text)))


def _folded_match(match: re.Match[str]) -> str:
    return _folded(match[0])


@lru_cache(maxsize=1 << 16)
def _folded(cluster: str) -> str:
    """One letter with its marks, without them."""
    if cluster == "\0":
        return " "
    taken_apart = unicodedata.normalize("NFKD", cluster.casefold())
    bare = _MARK.sub("", unicodedata.normalize("NFKD", taken_apart.casefold()))
    return unicodedata.normalize("NFC", bare)

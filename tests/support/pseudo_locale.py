"""A language that nobody speaks: it shows what is not translated, and what has no room for it."""

import gettext
import re
from typing import Literal

_ACCENTED = str.maketrans("aeiouyAEIOUY", "äëïöüÿÄËÏÖÜŸ")
_KEPT = re.compile(r"(\{\w*[|+@]?|\}|%\(\w+\)\w|<[^>]*>)")
_WORD = re.compile(r"[A-Za-z]+")
_ENGLISH = re.compile(r"(?<![\w.{/-])[A-Za-z]?[a-z]{3,}(?![\w./=}-])")
_VOWEL = re.compile(r"[aeiouy]")
_LONGER = 0.4


class PseudoLocale(gettext.NullTranslations):
    """Every text with accents and 40 % longer, or in as many Chinese signs as take its room.

    Names in braces, formats and tags stay as they are.
    """

    def __init__(self, kind: Literal["long", "cjk"] = "long") -> None:
        super().__init__()
        self._kind = kind

    def gettext(self, message: str) -> str:
        """The text in this language."""
        if not message:
            return "Content-Type: text/plain; charset=UTF-8"
        text = "".join(
            piece if number % 2 else self._turned(piece)
            for number, piece in enumerate(_KEPT.split(message))
        )
        return text if self._kind == "cjk" else text + self._more(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """As in English, one is told from many."""
        return self.gettext(msgid1 if n == 1 else msgid2)

    def _turned(self, piece: str) -> str:
        if self._kind == "long":
            return piece.translate(_ACCENTED)
        return _WORD.sub(lambda word: "漢字語文"[: (len(word[0]) + 3) // 4], piece)

    @staticmethod
    def _more(message: str) -> str:
        letters = len("".join(_KEPT.split(message)[::2]))
        words = ["äbc"] * max(1, round(letters * _LONGER / 4))
        spaced = " " in message.strip()
        return f" {' '.join(words)}" if spaced else "ä" * max(1, round(letters * _LONGER))


def english_in(text: str) -> list[str]:
    """The words that were not translated: such with a vowel that has no accent."""
    return [word for word in _ENGLISH.findall(text) if _VOWEL.search(word)]

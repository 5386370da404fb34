"""Brings questions into one plain form, so that paraphrases made by rule fall together."""

import re
from typing import Any

from training.build_text import CHOICE, Topic, expansions, normalise


class Plain:
    """Strips openers and endings, and replaces a phrase by the name of its family."""

    def __init__(self, words: dict[str, Any]) -> None:
        pairs = [(normalise(p), name) for name, many in words["families"].items() for p in many]
        self._families: dict[str, str] = {}
        for phrase, name in pairs:
            self._families.setdefault(phrase, f"#{name}")
        self._phrase = re.compile(rf"(?<!\S)({_any(self._families)})(?!\S)")
        openers = words["openers"]
        self._before = re.compile(rf"^(?:(?:{_any(map(normalise, openers['before']))})\s+)+(?=\S)")
        self._after = re.compile(rf"\s+(?:{_any(map(normalise, openers['after']))})$")

    def __call__(self, question: str) -> str:
        text = self._after.sub("", self._before.sub("", normalise(question)))
        return self._phrase.sub(lambda found: self._families[found[1]], text)


def written(topics: list[Topic], words: dict[str, Any]) -> list[str]:
    """Every question that the patterns stand for (of the few endless ones, 20000 each)."""
    slots = {name: _unfolded(many) for name, many in words["slots"].items()}
    slots["number"] = ["7"]
    asks = [line for topic in topics for line in topic.asks]
    return [question for line in asks for question in expansions(line, slots)]


def _unfolded(many: list[str]) -> list[str]:
    return [word for one in many for word in (expansions(one, {}) if CHOICE.search(one) else [one])]


def _any(phrases) -> str:
    return "|".join(re.escape(p) for p in sorted(set(phrases), key=len, reverse=True))

"""Turns the written topics into endless, seeded training conversations; knows no model.

A question pattern may hold (a|b) and [a|] alternatives and {slots}; families of phrases, openers,
typing habits and typos are put on top, so that one written line stands for many.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
END = 0  # the byte that ends a text
CHOICE = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
SLOT = re.compile(r"\{(\w+)\}")
SYSTEMS = (
    "You are a helpful assistant.",
    "You are a friendly guide.",
    "Answer briefly.",
    "Be polite and short.",
    "You are Rookery's guide.",
    "You are a pirate.",
    "Answer in one sentence.",
    "You are an expert in machine learning.",
    "Be concise.",
    "You are an AI assistant. Answer truthfully.",
    "Always answer in English.",
)
FOLLOW_UPS = "more"  # the topic that only makes sense after another answer
BEYOND = "beyond"
ONSETS = "bcdfghjklmnprstvwz"
RIMES = ("a", "e", "i", "o", "u", "ar", "en", "ol", "ist", "um", "ing", "er")
LITTLE = frozenset(
    ("a", "an", "the", "is", "are", "do", "does", "i", "it", "my", "of", "to", "for")
)
LITTLE |= {"in", "on", "at", "me", "you", "that", "this"}
NEIGHBOURS = {"q": "wa", "w": "qe", "e": "wr", "r": "et", "t": "ry", "y": "tu", "u": "yi",
              "i": "uo", "o": "ip", "a": "sq", "s": "ad", "d": "sf", "f": "dg", "g": "fh",
              "h": "gj", "j": "hk", "k": "jl", "l": "k", "c": "xv", "v": "cb", "b": "vn",
              "n": "bm", "m": "n", "p": "o", "x": "c", "z": "x"}  # fmt: skip


@dataclass(frozen=True)
class Topic:
    """One thing the guide knows: the ways to ask for it and the answers."""

    name: str
    answers: tuple[str, ...]
    asks: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """One training conversation: its bytes, and for every byte whether it belongs to an answer."""

    data: bytes
    answer: bytes = field(repr=False)


def load(folder: Path = HERE / "text") -> tuple[list[Topic], dict[str, Any]]:
    """The topics of all files, and the shared word lists (slots, families, openers)."""
    words: dict[str, Any] = tomllib.loads((folder / "words.toml").read_text("utf-8"))
    answers: dict[str, tuple[str, ...]] = {}
    asks: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.toml")):
        if path.name == "words.toml":
            continue
        for name, entry in tomllib.loads(path.read_text("utf-8")).items():
            if name == "lists":
                words["slots"] |= entry
                continue
            asks.setdefault(name, []).extend(filter(str.strip, entry["asks"].splitlines()))
            if "answers" in entry:
                answers[name] = tuple(entry["answers"])
    topics = [Topic(name, answers[name], tuple(lines)) for name, lines in asks.items()]
    return topics, words


def normalise(question: str) -> str:
    """Lower case, letters and digits only, single spaces: what two questions are compared by."""
    return " ".join(re.sub(r"[^a-z0-9 ]", "", question.lower().replace("-", " ")).split())


def expansions(pattern: str, slots: dict[str, list[str]], limit: int = 20000) -> Iterator[str]:
    """Every plain question a pattern stands for, at most `limit` of them."""
    parts = re.split(r"([(\[][^()\[\]]*[)\]])", pattern)
    choices = [part[1:-1].split("|") if part[:1] in tuple("([") else [part] for part in parts]
    count = 0
    for picked in itertools.product(*choices):
        pieces = re.split(r"\{(\w+)\}", "".join(picked))
        options = [slots[piece] if at % 2 else [piece] for at, piece in enumerate(pieces)]
        for filled in itertools.product(*(dict.fromkeys(option) for option in options)):
            yield " ".join("".join(filled).split())
            count += 1
            if count >= limit:
                return


class Writer:
    """Writes samples from the topics with one random generator; never a `barred` question.

    `ease` is the share of short questions without habits and typos: what a training begins with.
    """

    def __init__(self, seed: int, barred: frozenset[str] = frozenset()) -> None:
        self.topics, self.words = load()
        self.rng = random.Random(seed)
        self.barred = barred
        self.ease = 0.0

    @cached_property
    def weights(self) -> list[float]:
        """How often a topic is asked: the root of the number of its lines; the unknown most."""
        sizes = [len(topic.asks) ** 0.5 for topic in self.topics]
        return [
            sum(sizes) * 0.16 if topic.name == BEYOND else size
            for topic, size in zip(self.topics, sizes, strict=True)
        ]

    def question(self, topic: Topic) -> str:
        """One way to ask for the topic, as a person might type it."""
        for _ in range(100):
            text = self._plain(topic)
            if self.rng.random() < self.ease:
                text = min(text, self._plain(topic), self._plain(topic), key=len)
            else:
                text = self._habits(self._swapped(text), topic)
            if normalise(text) not in self.barred:
                return text
        raise ValueError(f"every question of {topic.name} is barred")

    def sample(self) -> Sample:
        """One conversation of one to three turns, now and then with a system prompt in front."""
        rng = self.rng
        turns = rng.choices((1, 2, 3), (70, 22, 8))[0]
        data, answer = bytearray(), bytearray()
        if rng.random() < 0.08:
            data += f"System: {rng.choice(SYSTEMS)}\n\n".encode()
        for turn in range(turns):
            topic = self._topic(first=turn == 0)
            data += f"User: {self.question(topic)}\n\nAssistant:".encode()
            answer += bytes(len(data) - len(answer))
            data += f" {rng.choice(topic.answers)}".encode()
            data += b"\n\n" if turn + 1 < turns else bytes([END])
            answer += bytes([1]) * (len(data) - len(answer))
        return Sample(bytes(data), bytes(answer))

    def _topic(self, *, first: bool) -> Topic:
        while True:
            topic = self.rng.choices(self.topics, self.weights)[0]
            if not (first and topic.name == FOLLOW_UPS):
                return topic

    def _plain(self, topic: Topic) -> str:
        text = self.rng.choice(topic.asks)
        while found := CHOICE.search(text):
            chosen = self.rng.choice(found[1].split("|"))
            text = text[: found.start()] + chosen + text[found.end() :]
        return " ".join(SLOT.sub(self._fill, text).split())

    def _fill(self, found: re.Match[str]) -> str:
        name = found[1]
        if name == "number":
            return str(self.rng.choice((self.rng.randint(2, 20), self.rng.randint(2, 999))))
        if name == "thing" and self.rng.random() < 0.25:
            return self._made_up()
        filling = self.rng.choice(self.words["slots"][name])
        return CHOICE.sub(lambda inner: self.rng.choice(inner[1].split("|")), filling)

    def _made_up(self) -> str:
        rng = self.rng
        count = rng.randint(1, 4)
        return "".join(rng.choice(ONSETS) + rng.choice(RIMES) for _ in range(count))

    def _swapped(self, text: str) -> str:
        """Some phrases replaced by others of their family."""
        for phrases in self.words["families"].values():
            if self.rng.random() < 0.5:
                continue
            for phrase in sorted(phrases, key=len, reverse=True):
                found = re.search(rf"(?<![\w']){re.escape(phrase)}(?![\w'])", text)
                if found:
                    other = self.rng.choice(phrases)
                    text = text[: found.start()] + other + text[found.end() :]
                    break
        return text

    def _thinned(self, text: str) -> str:
        """Now and then one little word missing, as in a question typed in haste."""
        words = text.split()
        small = [at for at, word in enumerate(words) if word in LITTLE]
        if len(words) < 5 or not small or self.rng.random() >= 0.12:
            return text
        del words[self.rng.choice(small)]
        return " ".join(words)

    def _dressed(self, text: str, topic: Topic) -> str:
        """An opener in front or a few words behind, as people do."""
        rng, openers = self.rng, self.words["openers"]
        if rng.random() < 0.3:
            text = rng.choice(openers["before"]) + text
        if rng.random() < 0.14 and topic.name != BEYOND:
            text = text.rstrip("?") + rng.choice(openers["after"])
        return text

    def _habits(self, text: str, topic: Topic) -> str:
        """Half of the questions come typed with care, half in haste."""
        hasty = self.rng.random() < 0.5
        if hasty:
            text = self._dressed(self._thinned(text), topic)
        return self._typed(text, hasty=hasty)

    def _typed(self, text: str, *, hasty: bool) -> str:
        """Case, question mark and, in haste, typos as they come from a keyboard."""
        rng = self.rng
        style = rng.random()
        if style < 0.45:
            text = self._proper(text)
        elif style < 0.49:
            text = text.upper()
        if hasty and rng.random() < 0.3:
            text = self._typo(text)
        if hasty and rng.random() < 0.06:
            text = self._typo(text)
        end = rng.choices(("?", "", ".", "!", "??", " ?", "..."), (45, 40, 8, 3, 1, 2, 1))[0]
        return text if text.endswith("?") else text + end

    def _proper(self, text: str) -> str:
        text = text[:1].upper() + text[1:]
        text = re.sub(r"([.!?] )([a-z])", lambda m: m[1] + m[2].upper(), text)
        for word in (
            "rwkv",
            "gpu",
            "cpu",
            "ram",
            "gguf",
            "gb",
            "llm",
            "rnn",
            "nvidia",
            "cli",
            "api",
        ):
            text = re.sub(rf"\b{word}\b", word.upper(), text)
        text = re.sub(r"\bi\b", "I", text)
        text = re.sub(r"(\d)gb\b", r"\1GB", text)
        for word in ("rookery", "hugging face", "windows", "linux", "python", "g1", "raven"):
            text = re.sub(rf"\b{word}\b", word.title(), text)
        return text

    def _typo(self, text: str) -> str:
        rng = self.rng
        if len(text) < 8:
            return text
        at = rng.randrange(1, len(text) - 1)
        kind = rng.randrange(4)
        if kind == 0:
            return text[:at] + text[at + 1 :]
        if kind == 1:
            return text[:at] + text[at] + text[at:]
        if kind == 2:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        near = NEIGHBOURS.get(text[at].lower(), text[at])
        return text[:at] + rng.choice(near) + text[at + 1 :]


def held_out(*names: str) -> frozenset[str]:
    """The normalised questions of the given .jsonl files beside this one."""
    lines = [line for name in names for line in (HERE / name).read_text("utf-8").splitlines()]
    return frozenset(normalise(json.loads(line)["question"]) for line in lines)


if __name__ == "__main__":
    import sys

    writer = Writer(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    for _ in range(20):
        sys.stdout.buffer.write(writer.sample().data.replace(b"\0", b"\n---\n"))

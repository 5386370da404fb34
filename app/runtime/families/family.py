"""Turns to the text a model was trained on: families, templates, stops, recommended sampling.

It knows no tokens.  A family is found from the model's name and tokenizer; a template is a row
of TEMPLATES.  The formats are those of BlinkDL's demos and of the G1 model cards.
"""

import re
from collections.abc import Callable

import msgspec

from app.runtime.families.templates import Think
from app.runtime.protocol.prompts import Sampling

_G1 = re.compile(r"(?<![a-z0-9])g1([a-z]?)\d*(?![a-z0-9])")


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """What suits one kind of model: its templates, the usual one first, and its sampling."""

    name: str
    templates: tuple[str, ...]
    sampling: Sampling
    thinks: bool = False
    thinking: Sampling | None = None
    faking: Sampling | None = None

    def recommended(self, think: Think = "off") -> Sampling:
        """The sampling its makers recommend for a think mode."""
        chosen = {"on": self.thinking, "fake": self.faking}.get(think)
        return chosen or self.sampling


_CHAT = Sampling(temperature=1.2, top_p=0.5, presence=0.4, frequency=0.4)
_G1_CHAT = Sampling(temperature=1.0, top_p=0.3, presence=0.5, frequency=0.5)
_G1_THINK = Sampling(
    temperature=0.96, top_p=0.76, top_k=32, presence=1.0, frequency=0.1, decay=0.988
)
_G1_FAKE = Sampling(temperature=1.0, top_p=0.28, top_k=32)
_NOVEL = Sampling(temperature=1.2, top_p=0.5, presence=0.4, frequency=0.2)
_PLAIN = Sampling(temperature=1.0, top_p=0.85, presence=0.2, frequency=0.2)
_GUIDE = Sampling(temperature=1.0, top_p=0.2)
_ABC = Sampling(temperature=1.0, top_p=0.8, top_k=8)
_MIDI = Sampling(temperature=1.0, top_p=0.8, top_k=8, frequency=0.5, decay=0.997)

_WORLD_TEMPLATES = ("world", "instruction", "qa", "text")


def family_of(name: str, tokenizer: str) -> Family:
    """The family of the model in a file of this name (any spelling) with this tokenizer.

    ``tokenizer`` is a word of ``spec.tokenizer_for``; a model that has none gets no template.
    """
    return _FAMILIES.get(tokenizer, _unknown)(name.lower())


def _unknown(name: str) -> Family:
    return Family(name="unknown", templates=(), sampling=Sampling())


def _world(name: str) -> Family:
    found = _G1.search(name)
    if found:
        bot = ("bot",) if found.group(1) >= "h" else ()
        return Family(
            name="g1",
            templates=("g1", *bot, *_WORLD_TEMPLATES[1:]),
            sampling=_G1_CHAT,
            thinks=True,
            thinking=_G1_THINK,
            faking=_G1_FAKE,
        )
    if "novel" in name:
        return Family(name="novel", templates=("text", "world"), sampling=_NOVEL)
    return Family(name="world", templates=_WORLD_TEMPLATES, sampling=_CHAT)


def _neox(name: str) -> Family:
    if "raven" in name:
        return Family(name="raven", templates=("raven", "alpaca", "text"), sampling=_CHAT)
    if "novel" in name:
        return Family(name="novel", templates=("text",), sampling=_NOVEL)
    return Family(name="pile", templates=("text", "raven", "qa"), sampling=_PLAIN)


def _guide(name: str) -> Family:
    return Family(name="bytes", templates=("world", "text"), sampling=_GUIDE)


def _abc(name: str) -> Family:
    return Family(name="abc", templates=("abc",), sampling=_ABC)


def _midi(name: str) -> Family:
    return Family(name="midi", templates=("midi",), sampling=_MIDI)


_FAMILIES: dict[str, Callable[[str], Family]] = {
    "world": _world,
    "neox20b": _neox,
    "bytes": _guide,
    "abc": _abc,
    "midi": _midi,
    "midi-piano": _midi,
}

"""Which family a model belongs to, with its templates and the sampling its makers recommend.

A family is found from what a model is called and its tokenizer.  The sampling is that of BlinkDL's
demos and of the G1 model cards.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from app.runtime.families.name_patterns import G_SERIES, NOVEL, PILE, RAVEN, WORLD
from app.runtime.families.templates import Think, thinks
from app.runtime.protocol.prompts import Sampling


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """What suits one kind of model: its templates, the usual one first, and its sampling.

    Every model with the World vocabulary can be asked with any of that vocabulary's templates.
    """

    name: str
    templates: tuple[str, ...]
    sampling: Sampling
    thinks: bool = False
    thinking: Sampling | None = None
    faking: Sampling | None = None

    def recommended(self, think: Think = "off", template: str = "") -> Sampling:
        """The sampling its makers recommend for a think mode, and for a template if one is chosen.

        With a template that can think, another family is asked as the G series is.
        """
        series = _G_SERIES if template and thinks(template) else self
        chosen = {"on": series.thinking, "fake": series.faking}.get(think)
        return chosen or series.sampling


class Found(NamedTuple):
    """A family, and the name that told it: "" where it is only what its tokenizer suggests."""

    family: Family
    told_by: str


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

_G_SERIES = Family(
    name="g1",
    templates=("g1", "bot", "instruction", "qa", "text", "world"),
    sampling=_G1_CHAT,
    thinks=True,
    thinking=_G1_THINK,
    faking=_G1_FAKE,
)
_WORLD = Family(
    name="world", templates=("world", "instruction", "qa", "text", "g1", "bot"), sampling=_CHAT
)
_WORLD_NOVEL = Family(
    name="novel", templates=("text", "world", "instruction", "qa", "g1", "bot"), sampling=_NOVEL
)
_RAVEN = Family(name="raven", templates=("raven", "alpaca", "text"), sampling=_CHAT)
_NOVEL_ONLY = Family(name="novel", templates=("text",), sampling=_NOVEL)
_PILE = Family(name="pile", templates=("text", "raven", "qa"), sampling=_PLAIN)
_BYTES = Family(name="bytes", templates=("world", "text"), sampling=_GUIDE)
_ABC_MUSIC = Family(name="abc", templates=("abc",), sampling=_ABC)
_MIDI_MUSIC = Family(name="midi", templates=("midi",), sampling=_MIDI)
_UNKNOWN = Family(name="unknown", templates=(), sampling=Sampling())

# By the word for a tokenizer: what tells each family; the last one is what nothing has told.
_FAMILIES: dict[str, tuple[tuple[re.Pattern[str] | None, Family], ...]] = {
    "world": ((G_SERIES, _G_SERIES), (NOVEL, _WORLD_NOVEL), (WORLD, _WORLD), (None, _WORLD)),
    "neox20b": ((RAVEN, _RAVEN), (NOVEL, _NOVEL_ONLY), (PILE, _PILE), (None, _PILE)),
    "bytes": ((None, _BYTES),),
    "abc": ((None, _ABC_MUSIC),),
    "midi": ((None, _MIDI_MUSIC),),
    "midi-piano": ((None, _MIDI_MUSIC),),
}
_NOT_TOLD = ((None, _UNKNOWN),)


def family_of(name: str, tokenizer: str) -> Family:
    """The family of the model in a file of this name (any spelling) with this tokenizer.

    ``tokenizer`` is a word of ``spec.tokenizer_for``; a model that has none gets no template.
    """
    return find_family((name,), tokenizer).family


def find_family(names: Iterable[str], tokenizer: str) -> Found:
    """The family that the first of ``names`` tells that tells one."""
    rows = _FAMILIES.get(tokenizer, _NOT_TOLD)
    for name in names:
        lower = name.casefold()
        for pattern, family in rows:
            if pattern is not None and pattern.search(lower):
                return Found(family, name)
    return Found(rows[-1][1], "")


def family_named(name: str, tokenizer: str) -> Family:
    """The family that is called ``name``; what the tokenizer suggests where there is none."""
    rows = _FAMILIES.get(tokenizer, _NOT_TOLD)
    return next((family for _, family in rows if family.name == name), rows[-1][1])

"""Makes a readable title from the name of a model's file: ``G1k 1.5B, reasoning, Sep 2026``."""

import re

from app.runtime.families.name_patterns import series_of, sizes_in, spaced

_OFFICIAL = re.compile(
    r"^(rwkv-?(x0[4-8]0|v?[4-8])|rwkv7[ab]|rwkv-4[ab])-(?!7b|1b5|12b|claude|code|novel)"
)
_TRAITS = (
    (re.compile(r"onlyfortest_(\d+)%"), r"\1 % trained"),
    (re.compile(r"chntuned"), "Chinese"),
    (re.compile(r"jpntuned"), "Japanese"),
    (re.compile(r"chneng"), "Chinese and English"),
    (re.compile(r"(?<=-)chn(?=-|novel)"), "Chinese"),
    (re.compile(r"eng\d+%-chn"), "English and Chinese"),
    (re.compile(r"(?<=-)chn(?=_)"), "Chinese"),
    (re.compile(r"(?<=-)eng(?=_)"), "English"),
    (re.compile(r"rwkv(7[ab])-"), r"\1"),
    (re.compile(r"fixed"), "fixed"),
    (re.compile(r"chnpro"), "professional"),
    (re.compile(r"-(v\d+(?:\.\d+)?x?)(?=-)"), r"\1"),
    (re.compile(r"lonely-neko"), "Lonely Neko"),
    (re.compile(r"better_quantization"), "better quantised"),
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLAIN = ("bf16", "")


def title_of(stem: str, kind: str, parameters: int, released: str, dtype: str) -> str:
    """Series and size, purpose, version or language, quantisation, and month.

    A name that is not official stays as it is, with spaces for hyphens.
    """
    lower = stem.casefold()
    row = series_of(lower)
    if row is None or not _OFFICIAL.search(lower):
        return spaced(stem)
    series = row.called(lower)
    purpose = "research" if kind == "research" else row.purpose
    parts = [f"{series} {_size(lower, parameters)}".strip(), purpose, *_traits(lower)]
    parts += [dtype.upper()] if dtype not in _PLAIN else []
    return ", ".join([*parts, *_month(released)])


def _traits(lower: str) -> list[str]:
    found = ((pattern.search(lower), text) for pattern, text in _TRAITS)
    return list(dict.fromkeys(match.expand(text) for match, text in found if match))


def _size(lower: str, parameters: int) -> str:
    stated = sizes_in(lower)
    if stated:
        return stated[0].text
    return f"{parameters / 1e9:.1f}B" if parameters else ""


def _month(released: str) -> list[str]:
    return [f"{_MONTHS[int(released[5:7]) - 1]} {released[:4]}"] if released else []

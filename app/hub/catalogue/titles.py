"""A plain title for a model from its file's name: ``G1k 1.5B, reasoning, Sep 2026``."""

import re

# A word to begin with ("" is what was found), and what it is for.
_FAMILIES = (
    (re.compile(r"single_round_qa"), "Questions and answers", "tuned state"),
    (re.compile(r"(?<![a-z0-9])(g[01][a-z]?\d?)(?![a-z0-9])"), "", "reasoning"),
    (re.compile(r"raven"), "Raven", "instructions"),
    (re.compile(r"chnnovel|novel"), "Novel", "fiction"),
    (re.compile(r"pileplus"), "PilePlus", "raw text"),
    (re.compile(r"pile"), "Pile", "raw text"),
    (re.compile(r"midi"), "MIDI", "music"),
    (re.compile(r"(?<![a-z])abc(?![a-z])"), "ABC", "music"),
    (re.compile(r"x060-jpn"), "Japanese", "chat"),
    (re.compile(r"world"), "World", "chat"),
)
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
_SIZE = re.compile(
    r"(?<![a-z0-9.])(?<!rwkv-)(?:(\d{1,3})b(\d)|(\d{1,4}(?:\.\d{1,3})?)([bm]))(?![a-z0-9])"
)
_BETWEEN = re.compile(r"[-_]+(?<!q\d_)(?<!q\d_k_)", re.IGNORECASE)  # q4_0, q4_k_m stay whole
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLAIN = ("bf16", "")


def title_of(stem: str, kind: str, parameters: int, released: str, dtype: str) -> str:
    """Series and size, what for, its version or language, its quantisation, the month.

    A name that is not official stays as it is, with spaces.
    """
    lower = stem.casefold()
    row = next((row for row in _FAMILIES if row[0].search(lower)), None)
    if row is None or not _OFFICIAL.search(lower):
        return spaced(stem)
    found = row[0].search(lower)
    series = row[1] or (found[1].capitalize() if found else "")
    purpose = "research" if kind == "research" else row[2]
    parts = [f"{series} {_size(lower, parameters)}".strip(), purpose, *_traits(lower)]
    parts += [dtype.upper()] if dtype not in _PLAIN else []
    return ", ".join([*parts, *_month(released)])


def _traits(lower: str) -> list[str]:
    found = ((pattern.search(lower), text) for pattern, text in _TRAITS)
    return list(dict.fromkeys(match.expand(text) for match, text in found if match))


def _size(lower: str, parameters: int) -> str:
    found = _SIZE.search(lower)
    if found:
        count = f"{found[1]}.{found[2]}" if found[1] else found[3]
        return f"{float(count):g}{(found[4] or 'b').upper()}"
    return f"{parameters / 1e9:.1f}B" if parameters else ""


def _month(released: str) -> list[str]:
    return [f"{_MONTHS[int(released[5:7]) - 1]} {released[:4]}"] if released else []


def spaced(stem: str) -> str:
    """A name with spaces for its dashes."""
    words = _BETWEEN.sub(" ", stem).strip() or stem
    return words[:1].upper() + words[1:]

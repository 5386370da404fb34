"""What the name of a file on a hub tells about the model in it. Reads no file, asks no hub.

Names are hints: a downloaded file is opened by its content.  The rules are those of the official
releases, ``{arch}-{series}-{size}-{yyyymmdd}-ctx{N}.pth``, and of the usual converters.
"""

import re
from typing import Any

import msgspec

from app.runtime.checkpoint.file_names import INDEX_ENDING, whole_of
from app.runtime.families import name_patterns as names
from app.runtime.families.family import family_of
from app.runtime.families.name_patterns import spaced
from app.runtime.spec import tokenizer_for

from .shapes import Clue, generation_of, shape_of
from .titles import title_of


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of an ``Entry`` that a name tells; "" or 0 for those that it does not."""

    title: str = ""
    format: str = ""
    generation: str = ""
    parameters: int = 0
    layers: int = 0
    width: int = 0
    vocabulary: int = 0
    dtype: str = ""
    released: str = ""
    context: int = 0
    kind: str = ""
    languages: tuple[str, ...] = ()
    family: str = ""
    why_not: str = ""
    found: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """The facts as keyword arguments of ``Entry``."""
        return msgspec.structs.asdict(self)


FORMATS = {
    ".pth": "pth",
    ".safetensors": "safetensors",
    ".st": "safetensors",
    ".gguf": "gguf",
}
"""Endings of the files that are listed, and the format each stands for."""

_READ = FORMATS | {".bin": "pth"}

_NOT_READ = {
    ".rwkvq": "rwkv-lightning-file",
    ".prefab": "web-rwkv-prefab",
    ".rmpack": "rwkv-mobile-package",
    ".mnn": "mnn-model",
    ".onnx": "onnx-model",
    ".mlmodel": "core-ml-model",
}
_WORDLESS = ("model", "pytorch_model", "consolidated", "adapter_model")

# The first row that is found in the name tells the kind; tried from top to bottom.
_KINDS = (
    ("lora", re.compile(r"(?<![a-z])(lora|disha|bone|pissa|adapter)(?![a-z])")),
    (
        "state",
        re.compile(
            r"single_round_qa|time_state|state[-_]?tun|(?<!one[-_])(?<![a-z])state(?![a-z])"
        ),
    ),
    ("music", re.compile(r"(?<![a-z])(midi|abc)(?![a-z])")),
    ("raven", names.RAVEN),
    ("novel", names.NOVEL),
    ("pile", names.PILE),
    ("reasoning", names.G_SERIES),
    ("chat", re.compile(r"world|chat|mobius|claude|wizard|role[-_]?play|one[-_]state|jpn")),
)
# Variants that are not run, as in ``checkpoint.identify``.
_VARIANTS = (
    (re.compile(r"rosa"), "rwkv-8-rosa"),
    (re.compile(r"rwkv-?v?8"), "rwkv-8"),
    (re.compile(r"rwkv7b-"), "rwkv-7b"),
    (re.compile(r"rwkv7a-"), "rwkv-7a"),
    (re.compile(r"rwkv-4[ab]-pile"), "rwkv-4a"),
    (re.compile(r"x060[a-c]"), "rwkv-6-research"),
    (re.compile(r"qrwkv|arwkv|rwkv6qwen2"), "rwkv-in-transformer"),
)
_ARCH = r"rwkv[-_]?v?"
_NO_SIZE = r"(?!\.?\d*b(?![a-z]))"  # rwkv-7b has seven billion parameters
_GENERATIONS = (
    (re.compile(rf"x070|{_ARCH}7{_NO_SIZE}|{names.G_SERIES.pattern}|goose"), "7"),
    (re.compile(rf"x060|{_ARCH}6{_NO_SIZE}|(?<![a-z0-9])r6(?![0-9])|finch"), "6"),
    (re.compile(rf"x05[0-2]|{_ARCH}5{_NO_SIZE}|(?<![a-z0-9])r5(?![0-9])|eagle"), "5"),
    (re.compile(rf"x04|{_ARCH}4{_NO_SIZE}|(?<![a-z0-9])4[-_]world|raven"), "4"),
)
_FIRST_WORLD = re.compile(r"world-.*v1(?![0-9])")
_CONTEXT = re.compile(r"(?<![a-z0-9])(?:ctx(\d{3,7}|\d{1,4}k)|(\d{1,4}k))(?![a-z0-9])", re.ASCII)
_QUANTISED = re.compile(
    r"(?<![a-z0-9])(i?q\d(?:_[a-z0-9]+)*|bf16|fp16|f16|fp32|f32)(?![a-z0-9])", re.ASCII
)
_DTYPES = {"f16": "fp16", "f32": "fp32"}
_LANGUAGES = (
    ("en", re.compile(r"eng(?![a-z])|eng\d|chneng")),
    ("zh", re.compile(r"chn|chinese|(?<![a-z])zh(?![a-z])")),
    ("ja", re.compile(r"jpn|japanese|(?<![a-z])ja(?![a-z])")),
)
_TUNED_BYTES = 700_000_000
"""No state and no LoRA is larger than this; some whole models have such words in their names."""


def named(repo: str, file: str, size: int = 0, released: str = "") -> Named:
    """What repository, path and bytes (0 if not known) tell; raises nothing.

    ``released`` is the date from another source; a date in the name wins over it.
    """
    ending = _ending(file)
    own, lower = stem_of(repo, file), ""
    lower = own.casefold()
    digit = _digit(lower) or _digit(_below(repo))
    kind = _kind(lower, repo, size)
    vocabulary, stated = _vocabulary(digit, kind, lower), _stated(lower)
    clue = Clue(
        digit=digit,
        billions=stated / 1e9,
        vocabulary=vocabulary,
        bytes=0 if ending == ".gguf" else size,
        first=bool(_FIRST_WORLD.search(lower)),
        pile=kind == "pile",
    )
    shape = None if kind in ("lora", "state") else shape_of(clue)
    found = _variant(lower, repo) or _NOT_READ.get(ending, "")
    tuned = {"state": "tuned-state", "lora": "lora"}.get(kind, "")
    why_not = "unsupported-variant" if found and ending in _READ else ""
    why_not = why_not or ("unsupported-format" if found or tuned else "")
    released, dtype = names.date_in(lower) or released, _dtype(lower, ending)
    parameters = shape.parameters if shape and not found else stated
    facts = Named(
        format=kind if tuned else _READ.get(ending, ""),
        generation=shape.generation if shape else generation_of(digit),
        parameters=0 if tuned else parameters,
        layers=shape.layers if shape else 0,
        width=shape.width if shape else 0,
        vocabulary=vocabulary if shape else 0,
        dtype=dtype,
        released=released,
        context=_context(lower),
        kind="research" if found and not tuned else kind,
        languages=_languages(lower, kind),
        family=family_of(own, tokenizer_for(vocabulary)).name,
        why_not=why_not,
        found=found or tuned,
    )
    return msgspec.structs.replace(
        facts, title=title_of(own, facts.kind, parameters, released, dtype)
    )


def unfamiliar(name: Named, repo: str, file: str) -> Named:
    """``name`` without the facts that only a file's maker can know, for unknown makers.

    Sizes stay, as an estimate of the memory it takes; purpose and languages are told by its page,
    the template by the file itself.
    """
    tuned = name.format in ("state", "lora")
    return msgspec.structs.replace(
        name,
        title=spaced(stem_of(repo, file)),
        kind=name.kind if tuned else "",
        languages=(),
        context=0,
        released="",
        family="",
    )


def stem_of(repo: str, file: str) -> str:
    """What a model is called: its file without endings; where that says nothing, its folder."""
    parts = [part for part in file.split("/") if part] or [""]
    name = whole_of(parts[-1])
    stem = name[: -len(ending)] if (ending := _ending(name)) else name
    if stem.casefold() not in _WORDLESS and stem:
        return stem
    return parts[-2] if len(parts) > 1 else _last(repo)


def _ending(file: str) -> str:
    name = file.casefold().removesuffix(INDEX_ENDING)
    _, dot, ending = name.rpartition(".")
    return f".{ending}" if dot and f".{ending}" in _READ | _NOT_READ else ""


def _last(repo: str) -> str:
    return repo.rsplit("/", 1)[-1]


def _below(repo: str) -> str:
    return _last(repo).casefold()


def _digit(lower: str) -> str:
    return next((digit for pattern, digit in _GENERATIONS if pattern.search(lower)), "")


def _variant(lower: str, repo: str) -> str:
    names = f"{lower}-", f"{_below(repo)}-"
    return next((what for form, what in _VARIANTS if any(map(form.search, names))), "")


def _kind(lower: str, repo: str, size: int) -> str:
    for text in (lower, _below(repo)):
        for kind, pattern in _KINDS:
            if pattern.search(text) and not (kind in ("lora", "state") and size > _TUNED_BYTES):
                return kind
    return "chat"


def _vocabulary(digit: str, kind: str, lower: str) -> int:
    if kind == "music":
        return 128 if "abc" in lower else 2176 if "piano" in lower else 20096
    if digit == "4" and (kind in ("raven", "pile") or (kind == "novel" and "world" not in lower)):
        return 50277
    return 50304 if kind == "pile" else 65536


def _stated(lower: str) -> int:
    """The size that the name states, in parameters."""
    stated = names.sizes_in(lower)
    return stated[0].parameters if stated else 0


def _context(lower: str) -> int:
    found = _CONTEXT.search(lower)
    text = (found[1] or found[2]) if found else "0"
    if not text.endswith("k"):
        return int(text)
    return 1024 * (64 if text == "65k" else int(text[:-1]))  # 65k is 65536


def _dtype(lower: str, ending: str) -> str:
    found = _QUANTISED.search(lower)
    if found:
        return _DTYPES.get(found[1], found[1])
    return {".pth": "bf16", ".st": "fp16"}.get(ending, "")


def _languages(lower: str, kind: str) -> tuple[str, ...]:
    if kind == "music":
        return ()
    found = tuple(code for code, pattern in _LANGUAGES if pattern.search(lower))
    if found:
        return found
    return {"pile": ("en",), "raven": ("en",), "novel": ()}.get(kind, ("multi",))

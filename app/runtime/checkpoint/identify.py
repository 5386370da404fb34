"""Finds generation and sizes from official tensor names and shapes; never from a file's name.

Names and shapes: the training code of each generation at github.com/BlinkDL/RWKV-LM.
"""

import re
from collections.abc import Mapping, Sequence, Set
from math import prod

from app.errors import ForeignCheckpoint, UnfitCheckpoint, UnsupportedVariant
from app.runtime.spec import Spec

from .stored import patterns_of, shown

Shapes = Mapping[str, tuple[int, ...]]

# Shapes are letters: V vocabulary, C width, A attention width, F ffn width, H heads, N head size;
# small letters are the ranks of one block's low-rank pairs, D is five ranks in a row.
_OUTER = {
    "emb.weight": "VC",
    "blocks.0.ln0.weight": "C",
    "blocks.0.ln0.bias": "C",
    "ln_out.weight": "C",
    "ln_out.bias": "C",
    "head.weight": "VC",
}
_NORMS = {"ln1.weight": "C", "ln1.bias": "C", "ln2.weight": "C", "ln2.bias": "C"}
_PROJECTIONS = {
    "att.receptance.weight": "AC",
    "att.key.weight": "AC",
    "att.value.weight": "AC",
    "att.output.weight": "CA",
}
_LN_X = {"att.ln_x.weight": "A", "att.ln_x.bias": "A"}
_GATE = {"att.gate.weight": "AC"}
_FEED = {"ffn.key.weight": "FC", "ffn.value.weight": "CF"}
_GATED_FEED = _FEED | {"ffn.receptance.weight": "CC"}


def _vectors(prefix: str, names: str) -> dict[str, str]:
    return {prefix + name: "C" for name in names}


_MIX4 = _vectors("att.time_mix_", "kvr") | _vectors("ffn.time_mix_", "kr")
_MIX51 = _MIX4 | _vectors("att.time_mix_", "g")
_RWKV4 = _NORMS | _PROJECTIONS | _GATED_FEED | _MIX4
_RWKV5 = _RWKV4 | _LN_X
_PER_HEAD = {"att.time_decay": "H", "att.time_first": "H"}

_BLOCK: dict[str, dict[str, str]] = {
    "4": _RWKV4 | {"att.time_decay": "A", "att.time_first": "A"},
    "5.0": _RWKV5 | _PER_HEAD,
    "5.1": _RWKV5 | _MIX51 | _GATE | _PER_HEAD,
    "5.2": _RWKV5 | _MIX51 | _GATE | {"att.time_decay": "HN", "att.time_first": "HN"},
    "6.0": _NORMS
    | _PROJECTIONS
    | _GATED_FEED
    | _LN_X
    | _GATE
    | _vectors("att.time_maa_", "xwkvrg")
    | _vectors("ffn.time_maa_", "kr")
    | {
        "att.time_maa_w1": "CD",
        "att.time_maa_w2": "5dC",
        "att.time_decay": "A",
        "att.time_decay_w1": "Ce",
        "att.time_decay_w2": "eA",
        "att.time_faaaa": "HN",
    },
    "7.0": _NORMS
    | _PROJECTIONS
    | _FEED
    | _LN_X
    | _vectors("att.x_", "rwkvag")
    | _vectors("ffn.x_", "k")
    | {f"att.{name}": "A" for name in ("w0", "a0", "v0", "k_k", "k_a")}
    | {
        "att.w1": "Cw",
        "att.w2": "wA",
        "att.a1": "Ca",
        "att.a2": "aA",
        "att.v1": "Cv",
        "att.v2": "vA",
        "att.g1": "Cg",
        "att.g2": "gA",
        "att.r_k": "HN",
    },
}
_UNUSED_IN_FIRST_BLOCK = {"7.0": {"att.v0", "att.v1", "att.v2"}}
# A start state that was merged into the file: wkv matrices, and what is shifted in.
_START = {"att.time_state": "HNN", "att.ts_state": "C", "ffn.ts_state": "C"}

# The first row of which a name is found says what is not run; tried from top to bottom.
_VARIANTS = (
    (r"rosa", "rwkv-8-rosa"),
    (r"\bqkv\.(kkup|emm)\.", "rwkv-8-hybrid"),
    (r"\bqkv\.(k_emb|qq)\.", "rwkv-7b"),
    (r"\bffn\.s_emb\.", "rwkv-7a"),
    (r"\bffn\.enn\.", "rwkv-8-rc00"),
    (r"\batt\.time_maa_rkvw_w1", "rwkv-6b"),
    (r"\batt\.gate_w1", "rwkv-6a"),
    (r"tiny_(q|ln)", "rwkv-4a"),
    (r"ffnPre", "rwkv-ffnpre"),
    (r"^head_[qk]\.", "rwkv-head-qk"),
    (r"^pos_emb_", "rwkv-position"),
    (r"\bffn\.(aa|bb)\b", "rwkv-mishglu"),
    (r"\batt\.qq\b", "rwkv-qk-test"),
)
_BLOCK_NAME = re.compile(r"blocks\.(\d{1,4})\.(.+)", re.ASCII)


def identify(shapes: Shapes) -> Spec:
    """The generation and sizes of the model whose official tensors have these shapes.

    Raises UnsupportedVariant for research variants (facts: found), ForeignCheckpoint where
    nothing of an RWKV is there, UnfitCheckpoint where a tensor is missing or does not fit.
    """
    _refuse_variants(shapes)
    generation = _generation(shapes)
    layers = _layers(shapes)
    found = _Sizes(shapes)
    for name, letters in _OUTER.items():
        found.fit(name, letters)
    for layer in range(layers):
        found.begin_block()
        for name, letters in _expected(shapes, generation, layer):
            found.fit(name, letters)
        found.end_block(layer)
    _refuse_unknown(shapes, found.fitted, generation)
    return _spec(shapes, generation, layers, found.sizes)


def _refuse_variants(shapes: Shapes) -> None:
    names = patterns_of(shapes)
    for pattern, variant in _VARIANTS:
        if re.search(pattern, names, re.IGNORECASE | re.MULTILINE):
            raise UnsupportedVariant(found=variant)


def _generation(shapes: Shapes) -> str:
    """From the first block that has anything: the fact every name table begins with."""
    tails = {match[2] for name in shapes if (match := _BLOCK_NAME.fullmatch(name))}
    if tails & {"att.r_k", "att.k_k", "att.x_r"}:
        return "7.0"
    if any("time_maa" in tail for tail in tails):
        return "6.0"
    if tails & {"att.ln_x.weight", "att.ln_x.bias"}:
        if "att.gate.weight" not in tails:
            return "5.0"
        decays = [shape for name, shape in shapes.items() if name.endswith(".att.time_decay")]
        return "5.2" if any(len(s) > 1 and prod(s[1:]) > 1 for s in decays) else "5.1"
    if tails & {"att.time_mix_k", "att.time_first", "att.time_decay"}:
        return "4"
    raise ForeignCheckpoint(found="other-tensors", name=shown(next(iter(shapes), "none")))


def _layers(shapes: Shapes) -> int:
    numbers = (match[1] for name in shapes if (match := _BLOCK_NAME.fullmatch(name)))
    return 1 + max(map(int, numbers))


def _expected(shapes: Shapes, generation: str, layer: int) -> Sequence[tuple[str, str]]:
    """Full names and letters of what this block must have."""
    optional = _UNUSED_IN_FIRST_BLOCK.get(generation, set()) if layer == 0 else set()
    block, wanted = f"blocks.{layer}.", []
    for tail, letters in _BLOCK[generation].items():
        name = block + tail
        if name not in shapes and tail == "att.time_first" and generation != "4":
            name = block + "att.time_faaaa"
        if name in shapes or tail not in optional:
            wanted.append((name, letters))
    if generation != "4":
        wanted += [
            (block + tail, sizes) for tail, sizes in _START.items() if block + tail in shapes
        ]
    return wanted


class _Sizes:
    """What the letters stand for, as learned from the tensors seen so far."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.sizes: dict[str, int] = {}
        self.fitted: set[str] = set()

    def begin_block(self) -> None:
        """Ranks may differ from block to block."""
        for letter in [letter for letter in self.sizes if letter.islower() or letter == "D"]:
            del self.sizes[letter]

    def end_block(self, layer: int) -> None:
        """Raises UnfitCheckpoint where the five token-shift ranks are no five ranks."""
        if "D" in self.sizes and self.sizes["D"] != 5 * self.sizes["d"]:
            raise self._odd(f"blocks.{layer}.att.time_maa_w1")

    def fit(self, name: str, letters: str) -> None:
        """Raises UnfitCheckpoint where ``name`` is missing or contradicts what is known."""
        if name not in self.shapes:
            raise UnfitCheckpoint(why="tensor-missing", missing=name)
        shape = self.shapes[name]
        if len(letters) == 1:
            shape = (prod(shape),) if max(shape, default=1) == prod(shape) else shape
        if len(shape) != len(letters) or 0 in shape:
            raise self._odd(name)
        for letter, size in zip(letters, shape, strict=True):
            if self.sizes.setdefault(letter, int(letter) if letter.isdigit() else size) != size:
                raise self._odd(name)
        self.fitted.add(name)

    def _odd(self, name: str) -> UnfitCheckpoint:
        shape = "x".join(map(str, self.shapes[name]))
        return UnfitCheckpoint(why="odd-shape", name=name, shape=shape)


def _refuse_unknown(shapes: Shapes, fitted: Set[str], generation: str) -> None:
    """A tensor that the mathematics does not know would be left out silently: refuse it."""
    odd = next((name for name in shapes if name not in fitted), None)
    if odd is not None:
        raise UnsupportedVariant(found="rwkv-unknown-part", generation=generation, name=shown(odd))


def _spec(shapes: Shapes, generation: str, layers: int, sizes: Mapping[str, int]) -> Spec:
    attention = sizes["A"]
    heads = sizes.get("H", 0)
    head_size = sizes.get("N", attention // heads if heads else 0)
    if heads * head_size != (attention if heads else 0):
        raise UnfitCheckpoint(why="heads-unfit", heads=heads, head_size=head_size, width=attention)
    return Spec(
        generation=generation,
        layers=layers,
        width=sizes["C"],
        heads=heads,
        head_size=head_size,
        attention_width=attention,
        ffn_width=sizes["F"],
        vocabulary=sizes["V"],
        parameters=sum(prod(s) for name, s in shapes.items() if not name.endswith(tuple(_START))),
    )

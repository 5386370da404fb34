"""Tensor names without what wrappers put around a model: compilers, parallel trainers, classes.

``torch.compile``, FSDP and the like put a word of theirs between any two words of a name; a class
that holds the model puts one in front of all of its names.
"""

import re
from collections.abc import Collection, Mapping

from app.errors import UnfitCheckpoint

from .stored import Stored, shown

_BETWEEN = re.compile(
    r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\."
)
_BLOCK = re.compile(
    r"(.*?)\b(?:blocks|layers)\.\d{1,4}\."
    r"(att|ffn|attention|feed_forward|attn|linear_attn)\."
)
# What stands before the blocks in the dialects themselves, by the word behind their number.
_OWN = {"attention": "rwkv.", "feed_forward": "rwkv.", "attn": "model.", "linear_attn": "model."}
_MODEL = "model."


def unwrapped(tensors: Mapping[str, Stored]) -> Mapping[str, Stored]:
    """The same tensors under the names that the model alone gives them.

    Raises UnfitCheckpoint where two get the same one.
    """
    bare = {name: _BETWEEN.sub("", name) for name in tensors}
    front = _front(set(bare.values()))
    if not front and all(name == found for name, found in bare.items()):
        return tensors
    made: dict[str, Stored] = {}
    for name, stored in tensors.items():
        if made.setdefault(bare[name].removeprefix(front), stored) is not stored:
            raise UnfitCheckpoint(why="two-for-one", name=shown(name))
    return made


def _front(names: Collection[str]) -> str:
    """What a wrapper has put before the names of all blocks; "" where they do not agree."""
    found = {(match[1], match[2]) for name in names if (match := _BLOCK.match(name))}
    fronts = {before for before, _ in found}
    if len(fronts) != 1:
        return ""
    front = fronts.pop()
    own = next((_OWN[word] for _, word in found if word in _OWN), "")
    if not own and f"{front.removesuffix(_MODEL)}head.weight" in names:
        own = _MODEL if front.endswith(_MODEL) else ""  # a dialect whose head stands outside
    return front.removesuffix(own) if front.endswith(own) else ""

"""What the tensors of adapters are called, by the tool that trained them; knows no numbers.

Names: RWKV-PEFT and its merge scripts, the package peft (``base_model.model.…``), web-rwkv's
converter, and the MiSS packages of rwkv_lightning.
"""

import re
from typing import NamedTuple

from app.runtime.states.state_header import TUNED_PARTS

_BEGIN = re.compile(r"(?:^|\.)((?:blocks|layers)\.\d{1,4}\.|(?:emb|head|ln_out)\.)", re.ASCII)
_PART = re.compile(
    r"(?P<module>.+?)(?:\.weight)?"
    r"\.(?P<role>init_lora_[AB]|lora_[AB]|lora\.[01]|disha|bone|miss_block|bone_block|D)"
    r"(?:\.default)?(?:\.weight)?",
    re.ASCII,
)
_ROLES = {
    "lora_A": "down",
    "lora_B": "up",
    "init_lora_A": "first down",
    "init_lora_B": "first up",
    "lora.0": "down, transposed",
    "lora.1": "up",
    "disha": "shard",
    "bone": "shard",
    "miss_block": "shard",
    "bone_block": "shard",
    "D": "shard, transposed",
}
_WORDS = {
    "layers": "blocks",
    "attn": "att",
    "r_proj": "receptance",
    "k_proj": "key",
    "v_proj": "value",
    "o_proj": "output",
}


class AdapterName(NamedTuple):
    """Which official tensor it is about, and what it is of it: a role, "whole" or "start"."""

    target: str
    role: str


def read_name(name: str) -> AdapterName | None:
    """What a tensor of this name is; None for a name that is none of a model's part."""
    begin = _BEGIN.search(name)
    if begin is None:
        return None
    own = ".".join(_WORDS.get(word, word) for word in name[begin.start(1) :].split("."))
    if own.endswith(TUNED_PARTS):
        return AdapterName(own, "start")
    if part := _PART.fullmatch(own):
        return AdapterName(f"{part['module']}.weight", _ROLES[part["role"]])
    return AdapterName(own, "whole")

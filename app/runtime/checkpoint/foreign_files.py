"""Recognises files whose tensors are no RWKV model, by the tensors' names, and refuses them."""

import re
from collections.abc import Iterable

from app.errors import (
    CheckpointError,
    ForeignCheckpoint,
    HostileCheckpoint,
    UnsupportedFormat,
    UnsupportedVariant,
)

from .stored import Container, patterns_of

_TENSOR_LIMIT = 20_000
_NAME_LIMIT = 500
_LETTERS_LIMIT = 1_000_000
_STATE = re.compile(r"time_state|\bstate\b|^\d+$", re.IGNORECASE)
_ADAPTER = re.compile(
    r"\.(init_)?lora_[AB]\b|(?<!_lora)\.lora\.[01]$|\.(disha|bone)\b",
    re.IGNORECASE | re.MULTILINE,
)
_PACKED = re.compile(
    r"\.(qweight|qzeros|weight_scale|weight_format|absmax|SCB)$|\.quant_state\b",
    re.MULTILINE,
)
_RWKV = re.compile(r"\.(time_maa_\w+|time_mix_\w+|x_r|r_k|time_decay)\b")

# The first row of which a name is found says what it is; tried from top to bottom.
_FOREIGN = (
    (re.compile(r"\bself_attn\.|\.q_proj\."), "llama-or-qwen"),
    (re.compile(r"\bfeed_forward\.w1\.|\battention\.wq\."), "llama"),
    (re.compile(r"\.c_attn\.|\bwte\."), "gpt-2"),
    (re.compile(r"\bquery_key_value\."), "gpt-neox"),
    (re.compile(r"\battention\.self\.query\."), "bert"),
    (re.compile(r"\bmixer\.(A_log|conv1d)\b|\.A_log$", re.MULTILINE), "mamba"),
    (re.compile(r"diffusion_model\.|\bdown_blocks\."), "picture-model"),
)


def refuse_foreign(container: Container) -> None:
    """Raises a CheckpointError that says what it is, if the file is known to be no RWKV model.

    UnsupportedFormat for states, LoRAs and quantised models, UnsupportedVariant for RWKV inside a
    transformer, ForeignCheckpoint for other models, HostileCheckpoint for absurd numbers of
    tensors or lengths of names.
    """
    if not container.tensors:
        raise ForeignCheckpoint(found="no-tensors")
    if len(container.tensors) > _TENSOR_LIMIT:
        raise HostileCheckpoint(why="too-many-tensors", count=len(container.tensors))
    lengths = [len(name) for name in container.tensors]
    if max(lengths) > _NAME_LIMIT or sum(lengths) > _LETTERS_LIMIT:
        raise HostileCheckpoint(why="endless-names")
    if "_strategy" in container.metadata:
        raise UnsupportedFormat(
            found="converted-for-strategy",
            wanted="original-pth",
        )
    failure = _by_names(container.tensors)
    if failure:
        raise failure


def _by_names(names: Iterable[str]) -> CheckpointError | None:
    listed = list(names)
    if all(_STATE.search(name) for name in listed):
        return UnsupportedFormat(found="tuned-state", wanted="its-model")
    text = patterns_of(listed)
    what = next((what for pattern, what in _FOREIGN if pattern.search(text)), None)
    if _ADAPTER.search(text) and what:
        return ForeignCheckpoint(found=f"lora-for-{what}")
    if _ADAPTER.search(text):
        return UnsupportedFormat(found="lora", wanted="merged-model")
    if _PACKED.search(text):
        return UnsupportedFormat(found="quantised", wanted="original-or-gguf")
    if what and _RWKV.search(text):
        return UnsupportedVariant(found="rwkv-in-transformer")
    return ForeignCheckpoint(found=what) if what else None

"""RWKV-7 in the official names written as a GGUF that llama.cpp runs, without quantising.

The file is what llama.cpp's own converter makes of the same numbers (architecture "rwkv7"), but
for the vocabulary: texts are given as token ids here.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import gguf
import torch
from torch import Tensor

_ARCHITECTURE = "rwkv7"
_CONTEXT = 1 << 20
_OUTER = {
    "emb.weight": "token_embd.weight",
    "blocks.0.ln0.weight": "token_embd_norm.weight",
    "blocks.0.ln0.bias": "token_embd_norm.bias",
    "ln_out.weight": "output_norm.weight",
    "ln_out.bias": "output_norm.bias",
    "head.weight": "output.weight",
}
_INNER = {
    "ln1": "attn_norm",
    "ln2": "attn_norm_2",
    "att.ln_x": "time_mix_ln",
    "ffn.x_k": "channel_mix_lerp_k",
    "ffn.key": "channel_mix_key",
    "ffn.value": "channel_mix_value",
}
_BLENDS = "rwkvag"
_CHAIN = re.compile(r"att\.[wavg][12]")
_ALWAYS_FULL = re.compile(r"time_mix_(w[12]|lerp_fused)\.")  # float32, as the converter has them
_TYPES = {
    torch.float32: gguf.GGMLQuantizationType.F32,
    torch.float16: gguf.GGMLQuantizationType.F16,
    torch.bfloat16: gguf.GGMLQuantizationType.BF16,
}
_FILE_TYPES = {torch.float32: 0, torch.float16: 1, torch.bfloat16: 32}


def write_gguf(path: Path, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> None:
    """Write the file, its matrices as float32, float16 or bfloat16, all else as float32."""
    writer = gguf.GGUFWriter(path, _ARCHITECTURE)
    _facts(writer, tensors)
    writer.add_file_type(_FILE_TYPES[dtype])
    for name, tensor in _renamed(tensors):
        small = tensor.dim() != 2 or _ALWAYS_FULL.search(name)
        kept = tensor.to(torch.float32 if small else dtype).contiguous()
        if kept.dtype == torch.bfloat16:
            raw = kept.view(torch.uint8).numpy()
            writer.add_tensor(name, raw, raw_dtype=gguf.GGMLQuantizationType.BF16)
        else:
            writer.add_tensor(name, kept.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_bytes(path: Path) -> int:
    """What llama.cpp reads of a GGUF for one token: all but the embedding table and layer 0's
    value chain, which is there for show.
    """
    unread = re.compile(r"token_embd\.|blk\.0\.time_mix_v[012]\.")
    tensors = gguf.GGUFReader(path).tensors
    return sum(int(one.n_bytes) for one in tensors if not unread.match(one.name))


def _facts(writer: gguf.GGUFWriter, tensors: Mapping[str, Tensor]) -> None:
    vocabulary, width = tensors["emb.weight"].shape
    ranks = {name: tensors[f"blocks.1.att.{name}1"].shape[1] for name in "wavg"}
    layers = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks."))
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(tensors["blocks.0.ffn.key.weight"].shape[0])
    writer.add_layer_norm_eps(1e-5)
    writer.add_wkv_head_size(tensors["blocks.0.att.r_k"].shape[1])
    writer.add_decay_lora_rank(ranks["w"])
    writer.add_iclr_lora_rank(ranks["a"])
    writer.add_value_residual_mix_lora_rank(ranks["v"])
    writer.add_gate_lora_rank(ranks["g"])
    writer.add_head_count(0)
    writer.add_vocab_size(vocabulary)
    writer.add_tokenizer_model("no_vocab")


def _renamed(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors.items():
        if name in _OUTER:
            yield _OUTER[name], tensor.squeeze()
            continue
        _, layer, tail = name.split(".", 2)
        if re.fullmatch(r"att\.v[012]", tail) and layer == "0":
            continue
        if re.fullmatch(f"att\\.x_[{_BLENDS}]", tail):
            if tail.endswith(_BLENDS[0]):
                rows = [tensors[f"blocks.{layer}.att.x_{one}"].reshape(1, 1, -1) for one in _BLENDS]
                yield f"blk.{layer}.time_mix_lerp_fused.weight", torch.stack(rows)
            continue
        renamed = f"blk.{layer}.{_inner(tail)}"
        yield renamed, _turned(tail, tensor)
        if layer == "0" and re.fullmatch(r"att\.a[012]", tail):
            yield renamed.replace("time_mix_a", "time_mix_v"), _turned(tail, tensor)


def _inner(tail: str) -> str:
    stem, _, ending = tail.rpartition(".")
    if ending not in ("weight", "bias"):
        stem, ending = tail, "weight"
    return f"{_INNER.get(stem, stem.replace('att.', 'time_mix_'))}.{ending}"


def _turned(tail: str, tensor: Tensor) -> Tensor:
    if _CHAIN.fullmatch(tail):
        return tensor.squeeze().T
    return tensor.flatten() if tail == "att.r_k" else tensor.squeeze()

"""Official tensors written in the names and layouts of every other dialect, for the readers."""

import re

import torch

_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")


def squeezed(tensor):
    """[1, 1, C] as [C]; all else as it is."""
    return tensor.reshape(-1) if tensor.shape[:2] == (1, 1) else tensor


def transposed(tensor):
    return tensor.transpose(-2, -1).contiguous()


def without_unused(tensors):
    """What converters leave of an RWKV-7: the first block's value residual has no use."""
    return {k: v for k, v in tensors.items() if not re.match(r"blocks\.0\.att\.v[012]$", k)}


def _renamed(tensors, outer, block, inner, change=lambda name, tensor: tensor):
    """``block`` with the layer's number, then ``inner`` applied to the rest of the name."""
    made = {}
    for name, tensor in tensors.items():
        match = _BLOCK.fullmatch(name)
        new = outer.get(name) or block.format(match[1]) + inner(match[2])
        made[new] = change(name, tensor).contiguous()
    return made


def wrapped(prefix):
    """Official names below the prefix that a trainer puts before them."""
    return lambda tensors: {prefix + name: tensor for name, tensor in tensors.items()}


def web_rwkv(tensors):
    low_rank = re.compile(r"\.(time_maa_w|time_decay_w|[wavg])[12]$")
    made = {}
    for name, tensor in tensors.items():
        new = name.lower().replace("time_faaaa", "time_first").replace("time_maa", "time_mix")
        made[new] = transposed(tensor) if low_rank.search(name) else tensor
    return made


def hf_4_to_6(tensors):
    outer = {
        "emb.weight": "rwkv.embeddings.weight",
        "ln_out.weight": "rwkv.ln_out.weight",
        "ln_out.bias": "rwkv.ln_out.bias",
        "head.weight": "head.weight",
    }
    words = {"k": "key", "v": "value", "r": "receptance", "g": "gate"}

    def inner(tail):
        tail = re.sub(r"time_mix_([kvrg])$", lambda m: "time_mix_" + words[m[1]], tail)
        tail = re.sub(r"^att\.", "attention.", tail)
        return re.sub(r"^ffn\.", "feed_forward.", tail).replace("ln0.", "pre_ln.")

    return _renamed(tensors, outer, "rwkv.blocks.{}.", inner)


_FLA_OUTER = {
    "emb.weight": "model.embeddings.weight",
    "ln_out.weight": "model.norm.weight",
    "ln_out.bias": "model.norm.bias",
    "head.weight": "lm_head.weight",
}
_FLA_NAMES = {
    "ln0": "pre_norm",
    "ln1": "attn_norm",
    "ln2": "ffn_norm",
    "att.ln_x": "attn.g_norm",
    "att.receptance": "attn.r_proj",
    "att.key": "attn.k_proj",
    "att.value": "attn.v_proj",
    "att.gate": "attn.g_proj",
    "att.output": "attn.o_proj",
    "ffn.key": "ffn.key",
    "ffn.value": "ffn.value",
    "ffn.receptance": "ffn.receptance",
}


def fla_7(tensors):
    ends = {"0": "2.bias", "1": "0.weight", "2": "2.weight"}

    def inner(tail):
        if match := re.fullmatch(r"att\.([wavg])([012])", tail):
            return f"attn.{match[1]}_lora.lora.{ends[match[2]]}"
        stem, _, part = tail.rpartition(".")
        return f"{_FLA_NAMES[stem]}.{part}" if stem in _FLA_NAMES else tail.replace("att.", "attn.")

    def change(name, tensor):
        if re.search(r"\.att\.[wavg][12]$", name):
            return transposed(tensor)
        return tensor if re.search(r"\.att\.x_.$", name) else squeezed(tensor)

    return _renamed(without_unused(tensors), _FLA_OUTER, "model.layers.{}.", inner, change)


def fla_7_fused(tensors):
    """As before 2025-04: the six mixes of a layer in one tensor."""
    made = fla_7(tensors)
    for name in [name for name in made if name.endswith(".attn.x_r")]:
        parts = [made.pop(name[:-1] + x).reshape(-1) for x in "rwkvag"]
        made[name[:-1] + "x"] = torch.stack(parts)
    return made


def fla_6(tensors):
    linear = ("att.receptance", "att.key", "att.value", "att.gate", "ffn.key", "ffn.receptance")
    others = {
        "att.time_maa_x": "attn.x_proj.0.mu",
        "att.time_decay": "attn.w_proj.linear.lora.2.bias",
        "att.time_decay_w1": "attn.w_proj.linear.lora.0.weight",
        "att.time_decay_w2": "attn.w_proj.linear.lora.2.weight",
        "att.time_faaaa": "attn.bonus",
        "ffn.time_maa_k": "ffn.key.mu",
        "ffn.time_maa_r": "ffn.receptance.mu",
    }

    def inner(tail):
        stem, _, part = tail.rpartition(".")
        if stem in _FLA_NAMES:
            return _FLA_NAMES[stem] + (".linear." if stem in linear else ".") + part
        return others[tail]

    def change(name, tensor):
        return transposed(tensor) if re.search(r"decay_w[12]$", name) else squeezed(tensor)

    mixing = re.compile(r"\.att\.time_maa_([wkvrg]|w1|w2)$")
    kept = {name: tensor for name, tensor in tensors.items() if not mixing.search(name)}
    made = _renamed(kept, _FLA_OUTER, "model.layers.{}.", inner, change)
    for name in [name for name in tensors if name.endswith(".att.time_maa_w1")]:
        layer = name.split(".")[1]
        made.update(_fla_6_mixing(tensors, f"blocks.{layer}.att.", f"model.layers.{layer}.attn."))
    return made


def _fla_6_mixing(tensors, official, fla):
    first = dict(zip("wkvrg", tensors[official + "time_maa_w1"].chunk(5, dim=1), strict=True))
    second = dict(zip("wkvrg", tensors[official + "time_maa_w2"].unbind(0), strict=True))
    mixes = [tensors[f"{official}time_maa_{x}"].reshape(-1) for x in "rwkvg"]
    return {
        fla + "x_proj.0.linear.weight": transposed(torch.cat([first[x] for x in "rwkvg"], 1)),
        fla + "x_proj.2.weight": transposed(torch.cat([second[x] for x in "rwkvg"], 0)),
        fla + "x_bias": torch.stack(mixes),
    }


def rwkv_rs_a(tensors):
    kept = without_unused(tensors).items()
    return {(n if n == "head.weight" else "model." + n): squeezed(t) for n, t in kept}


def rwkv_rs_b(tensors):
    outer = {
        "emb.weight": "model.embed_tokens.weight",
        "blocks.0.ln0.weight": "model.embedding_norm.weight",
        "blocks.0.ln0.bias": "model.embedding_norm.bias",
        "ln_out.weight": "model.norm.weight",
        "ln_out.bias": "model.norm.bias",
        "head.weight": "lm_head.weight",
    }
    names = {"ln1": "input_layernorm", "ln2": "post_attention_layernorm", "ffn.key": "mlp.key"}
    names |= {"ffn.value": "mlp.value"}

    def inner(tail):
        stem, _, part = tail.rpartition(".")
        if stem in names:
            return f"{names[stem]}.{part}"
        new = _FLA_NAMES[stem].replace("attn.", "linear_attn.") if stem in _FLA_NAMES else ""
        return (
            f"{new}.{part}" if new else tail.replace("att.", "linear_attn.").replace("ffn", "mlp")
        )

    change = lambda name, tensor: squeezed(tensor)  # noqa: E731 - one of the table's columns
    return _renamed(without_unused(tensors), outer, "model.layers.{}.", inner, change)


# Name told by the reader, generations it is made for, writer.
DIALECTS = (
    ("official", ("4", "5.0", "5.1", "5.2", "6.0", "7.0"), wrapped("_forward_module.")),
    ("official", ("4", "5.0", "5.1", "5.2", "6.0", "7.0"), wrapped("model._orig_mod.")),
    ("web-rwkv", ("5.2", "6.0", "7.0"), web_rwkv),
    ("hf-v4", ("4",), hf_4_to_6),
    ("hf-v5", ("5.0", "5.1", "5.2"), hf_4_to_6),
    ("hf-v6", ("6.0",), hf_4_to_6),
    ("fla-v6", ("6.0",), fla_6),
    ("fla-v7", ("7.0",), fla_7),
    ("fla-v7", ("7.0",), fla_7_fused),
    ("rwkv-rs-a", ("7.0",), rwkv_rs_a),
    ("rwkv-rs-b", ("7.0",), rwkv_rs_b),
)

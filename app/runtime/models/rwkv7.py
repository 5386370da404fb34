"""RWKV-7 "Goose": a delta rule.  Each token rewrites what its key recalls."""

import torch

from app.kernels import Array
from app.runtime.spec import Spec

from .layers import LayerState
from .scope import Scope
from .sublayers import Rwkv

_VALUE = ("v", "", "v0")
_CHAINS = (("w", "tanh", "w0"), ("a", "", "a0"), ("g", "sigmoid", ""))


class TimeMix:
    """Linear attention that unlearns along one key before it learns along another.

    RWKV-7 paper, eq. 3-22.  Blends in the order r, k, v, w, a, g; the value chain takes v's.
    """

    def __init__(self, block: Scope, spec: Spec) -> None:
        at = block / "att"
        self.ops = at.ops
        self.norm, self.ln_x = block.pair("ln1"), at.pair("ln_x")
        self.mixes = at.mixes(*(f"x_{m}" for m in "rkvwag"))
        self.project, self.output = at.stack("receptance", "key", "value"), at.matrix("output")
        self.is_first = block.prefix == "blocks.0."
        self.chains = at.loras(*_CHAINS) if self.is_first else at.loras(_VALUE, *_CHAINS)
        k_k, k_a = at.host("k_k").flatten(), at.host("k_a").flatten()
        self.keys = at.ops.upload(torch.stack((k_k, k_a, 1 - k_a))[:, None, None], "fp32")
        self.bonus = at.ops.upload(at.host("r_k").reshape(spec.heads, -1), "fp32")

    def __call__(self, x: Array, layer: LayerState) -> None:
        """See Sublayer."""
        ops = self.ops
        blends = ops.mix(x, self.norm, layer.att_shift, self.mixes)
        r, k, v = self.project.each(blends[:3])
        low = blends[3 if self.is_first else 2 :]
        first = None if self.is_first else layer.first[0]
        if self.is_first:
            layer.first.append(v)
        others = (self.chains, first, self.keys, self.bonus, self.ln_x, layer.wkv)
        y = ops.chains7((r, k, v), low, *others)
        self.output.onto(x, y)


class ChannelMix:
    """Square-ReLU, ungated."""

    def __init__(self, block: Scope, spec: Spec) -> None:
        at = block / "ffn"
        self.ops, self.norm, self.mixes = at.ops, block.pair("ln2"), at.mixes("x_k")
        self.key, self.value = at.matrix("key"), at.value("value")

    def __call__(self, x: Array, layer: LayerState) -> None:
        """See Sublayer."""
        blends = self.ops.mix(x, self.norm, layer.ffn_shift, self.mixes)
        self.value.onto(x, self.key(blends[0], "relu2"))


class Rwkv7(Rwkv):
    """Goose."""

    time_mix, channel_mix = TimeMix, ChannelMix

"""RWKV-5 "Eagle": heads with a matrix state and a constant decay.

5.0 has no gate; 5.0 and 5.1 have one decay and one bonus a head, 5.2 one a key channel.
"""

import torch

from app.kernels import Array
from app.runtime.spec import Spec

from .layers import LayerState
from .scope import Scope
from .sublayers import GatedChannelMix, Rwkv


class TimeMix:
    """Linear attention whose memory fades at a fixed rate (Eagle and Finch paper, sec. 4)."""

    def __init__(self, block: Scope, spec: Spec) -> None:
        at = block / "att"
        self.ops, self.heads = at.ops, spec.heads
        self.norm, self.ln_x = block.pair("ln1"), at.pair("ln_x")
        gated = "gate.weight" in at
        self.mixes = at.kept(*(f"time_mix_{m}" for m in ("rkvg" if gated else "rkv")))
        self.project = at.stack("receptance", "key", "value", *["gate"] * gated)
        self.output = at.matrix("output")
        self.decay = at.ops.upload(_by_channel(at, "time_decay", spec).exp().neg(), "fp32")
        self.bonus = at.ops.upload(_bonus(at, spec), "fp32")

    def __call__(self, x: Array, layer: LayerState) -> None:
        """See Sublayer."""
        ops = self.ops
        rkvg = self.project.each(ops.mix(x, self.norm, layer.att_shift, self.mixes))
        y = ops.wkv6(rkvg[:3], self.decay, self.bonus, layer.wkv)
        gate = rkvg[3] if len(rkvg) > 3 else None
        self.output.onto(x, ops.gate6(y, gate, self.ln_x, self.heads))


def _by_channel(at: Scope, name: str, spec: Spec) -> torch.Tensor:
    """(H, N), from one number a head or one a channel."""
    values = at.host(name).reshape(spec.heads, -1)
    return values.expand(spec.heads, spec.head_size).contiguous()


def _bonus(at: Scope, spec: Spec) -> torch.Tensor:
    """The older name holds its logarithm."""
    if "time_faaaa" in at:
        return _by_channel(at, "time_faaaa", spec)
    return _by_channel(at, "time_first", spec).exp()


class Rwkv5(Rwkv):
    """Eagle."""

    time_mix, channel_mix = TimeMix, GatedChannelMix

"""RWKV-4 "Dove": one decay a channel, no heads, a running softmax over the past."""

from app.kernels import Array
from app.runtime.spec import Spec

from .layers import LayerState
from .scope import Scope
from .sublayers import GatedChannelMix, Rwkv


class TimeMix:
    """A weighted mean of the past's values, by key and distance (RWKV-4 paper, eq. 14-18)."""

    def __init__(self, block: Scope, spec: Spec) -> None:
        at = block / "att"
        self.ops, self.norm = at.ops, block.pair("ln1")
        self.mixes = at.kept("time_mix_r", "time_mix_k", "time_mix_v")
        self.project, self.output = at.stack("receptance", "key", "value"), at.matrix("output")
        self.decay = at.ops.upload(at.host("time_decay").flatten().exp().neg(), "fp32")
        self.bonus = at.vector("time_first")

    def __call__(self, x: Array, layer: LayerState) -> None:
        """See Sublayer."""
        rkv = self.project.each(self.ops.mix(x, self.norm, layer.att_shift, self.mixes))
        self.output.onto(x, self.ops.wkv4(rkv, self.decay, self.bonus, layer.wkv))


class Rwkv4(Rwkv):
    """Dove."""

    time_mix, channel_mix = TimeMix, GatedChannelMix

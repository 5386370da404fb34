"""RWKV-6 "Finch": generation 5, with mixes and a decay that depend on the token."""

from torch import Tensor

from app.kernels import Array
from app.runtime.spec import Spec

from .layers import LayerState
from .scope import Scope
from .sublayers import GatedChannelMix, Rwkv

_ORDER = [0, 3, 1, 2, 4]  # files have w, k, v, r, g; here w comes first, then r, k, v, g


class TimeMix:
    """Linear attention that decides at each token what to blend and to keep (Finch, eq. 14-20)."""

    def __init__(self, block: Scope, spec: Spec) -> None:
        at = block / "att"
        kind = at.small
        self.ops, self.heads = at.ops, spec.heads
        self.norm, self.ln_x = block.pair("ln1"), at.pair("ln_x")
        self.base = at.mixes("time_maa_x")
        self.mixes = at.mixes(*(f"time_maa_{m}" for m in "wrkvg"))
        self.down = at.pack(_reordered(at.host("time_maa_w1")).T)
        self.up = at.ops.upload(at.host("time_maa_w2")[_ORDER].mT.contiguous(), kind)
        self.decay = at.loras(("time_decay_w", "tanh", "time_decay"))
        self.bonus = at.ops.upload(at.host("time_faaaa").reshape(spec.heads, -1), "fp32")
        self.project = at.stack("receptance", "key", "value", "gate")
        self.output = at.matrix("output")

    def __call__(self, x: Array, layer: LayerState) -> None:
        """See Sublayer."""
        ops = self.ops
        blend, shifted = ops.shift6(x, self.norm, layer.att_shift, self.base)
        blends = ops.mix6(shifted, self.down(blend[0], "tanh"), self.up, self.mixes)
        rkvg = self.project.each(blends[1:])
        decay = ops.decay6(ops.loras(blends[:1], self.decay))
        y = ops.wkv6(rkvg[:3], decay[0], self.bonus, layer.wkv)
        self.output.onto(x, ops.gate6(y, rkvg[3], self.ln_x, self.heads))


def _reordered(down: Tensor) -> Tensor:
    """(C, 5 D) in our order of blends."""
    return down.view(len(down), len(_ORDER), -1)[:, _ORDER].flatten(1)


class ChannelMix(GatedChannelMix):
    """Generation 6 stores its mixes the other way round."""

    @staticmethod
    def read_mixes(at: Scope) -> Array:
        """The two blends (k, r)."""
        return at.mixes("time_maa_k", "time_maa_r")


class Rwkv6(Rwkv):
    """Finch."""

    time_mix, channel_mix = TimeMix, ChannelMix

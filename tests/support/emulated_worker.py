"""A worker that has a card: its kernels run on the emulation, and no model is too small for it."""

import sys

from app.kernels import open_ops
from app.kernels.cuda.ops import CudaOps
from app.runtime.loading import backends, preflight
from app.runtime.loading.backends import Backends
from app.runtime.loading.verdicts import Verdicts
from app.runtime.planning import plan
from app.runtime.worker.worker import main
from app.system.gpus import Gpu
from tests.support.emulation.device import EmulatedDevice

_GIB = 1 << 30
GPU = Gpu(index=0, name="Emulated", capability=75, total_bytes=8 * _GIB, free_bytes=7 * _GIB)


def ops_on(device):
    """Operations on the emulation, or the processor's own."""
    return open_ops("cpu") if device == "cpu" else CudaOps(EmulatedDevice())


class Emulated(Backends):
    """Those of a machine with a card that is emulated."""

    def __init__(self, **given):
        more = {"open_ops": ops_on, "gpus": lambda: [GPU], "extra": True}
        super().__init__(**more, verdicts=Verdicts(None), **given)


if __name__ == "__main__":
    plan._SMALL_BYTES = 0
    preflight.gpu_of = lambda *_: GPU
    backends.Backends = Emulated
    sys.exit(main())

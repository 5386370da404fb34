"""A worker that runs out of memory in some formats, at the place that its arguments name.

``python -m tests.support.starved_worker WHERE STRATEGY,STRATEGY [AFTER]``: "loading", or "writing"
in the forward that follows AFTER others.  A limit on the addresses of the process makes torch fail
to allocate.
"""

import sys

import torch

from app.runtime.loading import backends
from app.runtime.worker.worker import main

_FEW_BYTES, _MANY_BYTES = 32 << 20, 256 << 20


def starve():
    """Ask for more than a limit leaves.  Raises what torch raises then."""
    import resource

    import psutil

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used + _FEW_BYTES, hard))
    try:
        torch.empty(_MANY_BYTES, dtype=torch.uint8)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


class Starving:
    """``build`` of the worker, for models in some strategies."""

    def __init__(self, where, strategies, after="0"):
        self.where, self.strategies, self.after = where, strategies.split(","), int(after)
        self.build = backends.build
        self.forwards = 0

    def __call__(self, checkpoint, ops, strategy, progress=None, free_bytes=None):
        hungry = strategy.text in self.strategies

        def report(done, total):
            progress(done, total)
            if hungry and self.where == "loading" and done:
                starve()

        model = self.build(checkpoint, ops, strategy, report, free_bytes)
        if hungry:
            self.spoil(model)
        return model

    def spoil(self, model):
        forward = model.forward

        def forward_or_starve(*args, **options):
            self.forwards += 1
            if self.where == "writing" and self.forwards > self.after:
                self.forwards = 0
                starve()
            return forward(*args, **options)

        model.forward = forward_or_starve


if __name__ == "__main__":
    backends.build = Starving(*sys.argv[1:])
    sys.exit(main())

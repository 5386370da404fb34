"""What can go wrong with a model that is opened or asked: strategy, words, device, worker."""

from .failure import Failure, codes_of
from .reasons import (
    GpuReason,
    KernelReason,
    RequestReason,
    StrategyReason,
    WorkerReason,
)


class StrategyError(Failure):
    """A strategy text that means nothing, or asks for what is not here.

    Of the text ``found`` the ``part`` that begins at ``position`` is wrong; ``wanted`` are what
    could stand there.
    """

    code = "strategy"
    retryable = False


class StrategyUnsupported(StrategyError):
    """A strategy that is understood, but cannot be run: ``why`` is a code.

    "streamed" is a way that no version so far has, in "unpacked" weights would have to be packed
    each time they are read.
    """

    code = "strategy-unsupported"
    reasons = codes_of(StrategyReason)


class TokenizerError(Failure):
    """Text cannot become tokens."""

    code = "tokenizer"
    retryable = False


class TokenizerMissing(TokenizerError):
    """The vocabulary file this model needs is not beside it."""

    code = "tokenizer-missing"


class TokenizerDamaged(TokenizerError):
    """The vocabulary file beside the model is broken, or is another model's."""

    code = "tokenizer-damaged"


class TextRefused(TokenizerError):
    """The model has no known tokenizer: it runs on token ids only."""

    code = "text-refused"


class RequestRefused(Failure):
    """A request that cannot be run as asked."""

    code = "request-refused"
    reasons = codes_of(RequestReason)


class NumbersBroken(Failure):
    """The model's logits hold NaN or infinity: nothing can be chosen from them."""

    code = "numbers-broken"
    retryable = False


class DeviceError(Failure):
    """The device cannot do it."""

    code = "device"


class OutOfMemory(DeviceError):
    """More memory is needed than is free."""

    code = "out-of-memory"


class OverLimit(DeviceError):
    """A way to run the model, or ``every`` one, takes more than the person allows.

    Facts needed_bytes, limit_bytes, device, every.
    """

    code = "over-limit"
    retryable = False


class NoGpu(DeviceError):
    """There is no NVIDIA card, or something that a card needs is missing.

    ``why`` is "extra", "driver", "card", "old", "compiler" or "products".
    """

    code = "no-card"
    reasons = codes_of(GpuReason)
    retryable = False


class KernelError(DeviceError):
    """A kernel does not compile for the card, or failed on it."""

    code = "kernel"
    reasons = codes_of(KernelReason)
    worded = ("why",)
    retryable = False


class ResultsWrong(DeviceError):
    """The card computes other numbers than the processor, by more than rounding explains."""

    code = "results-wrong"
    retryable = False


class EngineUnusable(DeviceError):
    """PyTorch, on which every model runs, cannot be loaded."""

    code = "engine-unusable"
    retryable = False


class WorkerError(Failure):
    """The worker process cannot serve."""

    code = "worker"


class WorkerDied(WorkerError):
    """The worker process ended by itself, by a signal, or for lack of memory.

    Fact ``task`` is "benchmark" where it only measured a model.
    """

    code = "worker-died"
    reasons = codes_of(WorkerReason)


class WorkerOutOfMemory(WorkerDied, OutOfMemory):
    """The system ended the worker process because memory ran out."""

    code = "worker-out-of-memory"


class NoModel(WorkerError):
    """A text was asked for before a model was opened."""

    code = "no-model"
    retryable = False

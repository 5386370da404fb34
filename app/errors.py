"""What can go wrong that is not a bug, as types with a code and facts; sentences live in words.

Failure
├── CheckpointError            the file cannot be used as a model (facts: path, and why)
│   ├── NotFound               no such file or folder
│   │   └── MovedCheckpoint    the model that was open is not where it was (facts: path)
│   ├── Unreadable             the system refuses to read it
│   ├── ChangedCheckpoint      written to while its model was open
│   ├── DamagedCheckpoint      truncated, bit-flipped, inconsistent
│   │   └── UnfitCheckpoint    whole, but its tensors do not make a model (facts: why, missing)
│   ├── HostileCheckpoint      asks for code to be run, or for absurd sizes
│   ├── MisreadCheckpoint      a mistake of this program while reading it (facts: said)
│   ├── ForeignCheckpoint      a model, but not an RWKV (facts: found)
│   ├── UnsupportedFormat      a known container that is not read (facts: found, wanted)
│   │   ├── NotWeights         what a trainer keeps beside a model, or other data (facts: found)
│   │   └── AnswerSaved        a page, refusal or pointer instead of the file (facts: found, why)
│   └── UnsupportedVariant     an RWKV of a kind that is not run (facts: found)
├── StrategyError              a strategy text that means nothing or asks for what is not here
├── TokenizerError
│   ├── TokenizerMissing       the vocabulary file is not beside the model (facts: wanted, folder)
│   ├── TokenizerDamaged       the vocabulary file beside the model cannot be used (facts: path)
│   └── TextRefused            the model has no tokenizer: token ids only
├── RequestRefused             a request that cannot be run as asked (facts: why)
├── NumbersBroken              the model's logits hold NaN or infinity (facts: found)
├── DeviceError
│   ├── OutOfMemory            needed_bytes, free_bytes
│   ├── NoCard                 no NVIDIA card can be used (facts: why, name, found, wanted, said)
│   ├── KernelError            the card's kernels do not compile or run (facts: program, why)
│   ├── ResultsWrong           the card computes other numbers than the processor (facts: error)
│   └── EngineUnusable         PyTorch cannot be loaded (facts: why)
├── WorkerError
│   ├── WorkerDied             exit_code, stderr: the end of what it said
│   └── NoModel                a text was asked for before a model was opened
├── HubError                   the hub cannot serve (facts: host, repo, why)
│   ├── HubUnreachable         no network, no such host, no answer in time (facts: why)
│   │   ├── NetworkSettingRefused  a proxy or variable that means nothing (facts: variable, given)
│   │   └── ClockWrong          certificates fail by this computer's clock (facts: here, there)
│   ├── HubRefused             a token is wanted, or the one there does not do (facts: status)
│   ├── HubMissing             no such repository or file there (facts: file)
│   ├── HubBusy                too many requests (facts: wait_s)
│   ├── KeyringMissing         the system keeps no secrets, or not now
│   │   └── KeyringLocked      it does not let one be changed
│   └── HubGarbled             a failure of its own, or an answer that makes no sense
│       └── PageInstead        a page where a file was asked for (facts: host, found, file)
├── DownloadError              a file cannot be brought here (facts: path, file, why)
│   ├── WrongHash              its bytes are not those that were promised (facts: wanted, found)
│   ├── ChangedOnHub           the hub has another file than the list tells
│   ├── AlreadyThere           something else stands at its place
│   ├── UnsafeName             its name would lead outside the folder chosen
│   ├── DownloadBusy           another window or program is fetching the same file
│   ├── VocabularyMissing      the model has come, its vocabulary has not (facts: file, why)
│   └── QueueElsewhere         another window has the queue of downloads
├── LibraryError               a model on the disk cannot be changed as asked (facts: path, why)
│   ├── NameRefused            no file can have that name (facts: name)
│   └── NoTrash                there is no trash for its disk (facts: said)
└── StoreError                 the database or settings file cannot be used (facts: path, why)
    ├── StoreTooNew            written by a newer program
    └── DiskFull               no room left where it must write
        └── NoRoom             less than a download needs (facts: needed_bytes, free_bytes)
"""

Fact = str | int | float


class Failure(Exception):
    """The world's fault: ``code`` picks the sentence shown, ``facts`` fill it in.

    ``retryable``: the same thing, asked once more, may go well.  Where it is False something else
    has to be chosen first, and nobody is offered to try again.
    """

    code = "failure"
    retryable = True

    def __init__(self, detail: str = "", /, **facts: Fact) -> None:
        super().__init__(detail or self.code)
        self.detail = detail
        self.facts = facts


class CheckpointError(Failure):
    """The file cannot be used as a model."""

    code = "checkpoint"


class NotFound(CheckpointError):
    """There is no such file or folder."""

    code = "not-found"
    retryable = False


class MovedCheckpoint(NotFound):
    """The file of a model that was open is no longer there; fact: path."""

    code = "moved-checkpoint"
    retryable = True  # once it lies there again


class Unreadable(CheckpointError):
    """The operating system refuses to read it."""

    code = "unreadable"


class ChangedCheckpoint(CheckpointError):
    """Written to while its model was open, whose weights lie in it."""

    code = "changed-checkpoint"


class DamagedCheckpoint(CheckpointError):
    """Truncated, bit-flipped or inconsistent."""

    code = "damaged-checkpoint"
    retryable = False


class UnfitCheckpoint(DamagedCheckpoint):
    """No byte is missing, but its tensors do not make a model: facts why, missing."""

    code = "unfit-checkpoint"


class HostileCheckpoint(CheckpointError):
    """Asks for code to be run or for absurd sizes."""

    code = "hostile-checkpoint"
    retryable = False


class MisreadCheckpoint(CheckpointError):
    """This program made a mistake while reading it, so nothing is known of the file; fact: said."""

    code = "misread-checkpoint"


class ForeignCheckpoint(CheckpointError):
    """A model, but not an RWKV."""

    code = "foreign-checkpoint"
    retryable = False


class UnsupportedFormat(CheckpointError):
    """A known container that is not read."""

    code = "unsupported-format"
    retryable = False


class NotWeights(UnsupportedFormat):
    """What a trainer keeps beside a model, or other data: no weights are in it."""

    code = "not-weights"


class AnswerSaved(UnsupportedFormat):
    """A web page, a hub's refusal or a Git LFS pointer, saved under a model's name.

    ``why`` is "pointer" or "page".
    """

    code = "answer-saved"


class UnsupportedVariant(CheckpointError):
    """An RWKV of a kind that is not run."""

    code = "unsupported-variant"
    retryable = False


class StrategyError(Failure):
    """A strategy text that means nothing, or asks for what is not here."""

    code = "strategy"
    retryable = False


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


class NoGpu(DeviceError):
    """There is no NVIDIA card, or something that a card needs is missing.

    ``why`` is "extra", "driver", "card", "old", "compiler" or "products".
    """

    code = "no-card"
    retryable = False


class KernelError(DeviceError):
    """A kernel does not compile for the card, or failed on it."""

    code = "kernel"
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
    """The worker process ended by itself, by a signal, or for lack of memory."""

    code = "worker-died"


class NoModel(WorkerError):
    """A text was asked for before a model was opened."""

    code = "no-model"
    retryable = False


class HubError(Failure):
    """The hub cannot serve."""

    code = "hub"


class HubUnreachable(HubError):
    """No network, no such host, or no answer in time."""

    code = "hub-unreachable"


class NetworkSettingRefused(HubUnreachable):
    """A proxy, or a variable of the environment, that means nothing or points to nothing.

    ``variable`` is its name, "" for a proxy that was typed; ``given`` its value without a password.
    """

    code = "network-setting"


class ClockWrong(HubUnreachable):
    """By this computer's clock, ``here``, a certificate has no validity; ``there``: the hub's."""

    code = "clock-wrong"


class HubRefused(HubError):
    """A token is wanted, or the one that is there does not do."""

    code = "hub-refused"
    retryable = False


class HubMissing(HubError):
    """There is no such repository or file."""

    code = "hub-missing"
    retryable = False


class HubWithdrawn(HubMissing):
    """The makers have taken the file away, and nobody else who was asked has it."""

    code = "hub-withdrawn"


class HubBusy(HubError):
    """It was asked too often, and wants to be left alone for a while."""

    code = "hub-busy"


class KeyringMissing(HubError):
    """The system has no keyring for tokens, or it is locked."""

    code = "keyring-missing"


class KeyringLocked(KeyringMissing):
    """The keyring keeps a proxy's password and does not let it be changed."""

    code = "keyring-locked"


class HubGarbled(HubError):
    """It failed by itself, or answered what makes no sense."""

    code = "hub-garbled"


class PageInstead(HubGarbled):
    """Who answered is no hub, or what came is no such file; facts: host, found, file."""

    code = "page-instead"


class DownloadError(Failure):
    """A file cannot be brought here."""

    code = "download"


class WrongHash(DownloadError):
    """Its bytes are not those that were promised."""

    code = "wrong-hash"


class ChangedOnHub(DownloadError):
    """The hub has another file under this name than the list tells."""

    code = "changed-on-hub"
    retryable = False


class AlreadyThere(DownloadError):
    """Something else stands at its place, and is left alone."""

    code = "already-there"


class UnsafeName(DownloadError):
    """Its name would lead outside the folder chosen, or is none that a file can have."""

    code = "unsafe-name"
    retryable = False


class DownloadBusy(DownloadError):
    """Another window or program is fetching the same file."""

    code = "download-busy"


class VocabularyMissing(DownloadError):
    """The model has come, but not the vocabulary that it needs and its repository does not have."""

    code = "vocabulary-missing"


class QueueElsewhere(DownloadError):
    """Another window of the program has the queue of downloads."""

    code = "queue-elsewhere"


class LibraryError(Failure):
    """A model on the disk cannot be changed as asked."""

    code = "library"


class NameRefused(LibraryError):
    """No file can have that name."""

    code = "name-refused"
    retryable = False


class NoTrash(LibraryError):
    """There is no trash for the disk it lies on."""

    code = "no-trash"
    retryable = False


class StoreError(Failure):
    """The database or settings file cannot be used."""

    code = "store"


class StoreTooNew(StoreError):
    """It was written by a newer version of the program."""

    code = "store-too-new"
    retryable = False


class DiskFull(StoreError):
    """There is no room left where the program must write."""

    code = "disk-full"


class NoRoom(DiskFull):
    """There is less room than a download needs."""

    code = "no-room"


def _tree(family: type[Failure]) -> list[type[Failure]]:
    return [family, *(member for child in family.__subclasses__() for member in _tree(child))]


BY_CODE: dict[str, type[Failure]] = {member.code: member for member in _tree(Failure)}

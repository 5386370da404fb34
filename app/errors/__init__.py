"""What can go wrong that is not a bug, as types with a code and facts; sentences live in messages.

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
├── StrategyError              a strategy text that means nothing (facts: found, part, position)
│   └── StrategyUnsupported    it is understood, but not run yet (facts: found, why)
├── TokenizerError
│   ├── TokenizerMissing       the vocabulary file is not beside the model (facts: wanted, folder)
│   ├── TokenizerDamaged       the vocabulary file beside the model cannot be used (facts: path)
│   └── TextRefused            the model has no tokenizer: token ids only
├── RequestRefused             a request that cannot be run as asked (facts: why)
├── NumbersBroken              the model's logits hold NaN or infinity (facts: found)
├── DeviceError
│   ├── OutOfMemory            needed_bytes, free_bytes
│   ├── OverLimit              more than the person allows (facts: needed_bytes, limit_bytes)
│   ├── NoGpu                  no NVIDIA card can be used (facts: why, name, found, wanted, said)
│   ├── KernelError            the card's kernels do not compile or run (facts: program, why)
│   ├── ResultsWrong           the card computes other numbers than the processor (facts: error)
│   └── EngineUnusable         PyTorch cannot be loaded (facts: why)
├── WorkerError
│   ├── WorkerDied             exit_code, stderr: the end of what it said
│   │   └── WorkerOutOfMemory  the system ended it, as memory ran out; an OutOfMemory as well
│   └── NoModel                a text was asked for before a model was opened
├── ServerRefused              what the local server does not take (facts: why, name, value)
├── HubError                   the hub cannot serve (facts: host, repo, why)
│   ├── HubUnreachable         no network, no such host, no answer in time (facts: why)
│   │   ├── NetworkSettingRefused  a proxy or variable that means nothing (facts: variable, given)
│   │   └── ClockWrong          certificates fail by this computer's clock (facts: here, there)
│   ├── HubRefused             a token is wanted, or the one there does not do (facts: status)
│   ├── HubMissing             no such repository or file there (facts: file)
│   │   └── HubWithdrawn       its makers took it back, and nobody else has it (facts: file)
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
├── DocumentError              a document's text cannot be taken out (facts: path, why)
└── StoreError                 the database or settings file cannot be used (facts: path, why)
    ├── StoreTooNew            written by a newer program
    ├── StatesUnkept           what models remember cannot be kept on the disk (facts: path)
    └── DiskFull               no room left where it must write
        └── NoRoom             less than a download needs (facts: needed_bytes, free_bytes)
"""

from .checkpoint_errors import (
    AnswerSaved,
    ChangedCheckpoint,
    CheckpointError,
    DamagedCheckpoint,
    DamagedState,
    ForeignCheckpoint,
    HostileCheckpoint,
    MisreadCheckpoint,
    MovedCheckpoint,
    NotFound,
    NotWeights,
    UnfitCheckpoint,
    Unreadable,
    UnsupportedFormat,
    UnsupportedVariant,
)
from .data_errors import (
    DiskFull,
    DocumentError,
    LibraryError,
    NameRefused,
    NoRoom,
    NoTrash,
    StatesUnkept,
    StoreError,
    StoreTooNew,
)
from .engine_errors import (
    DeviceError,
    EngineUnusable,
    KernelError,
    NoGpu,
    NoModel,
    NumbersBroken,
    OutOfMemory,
    OverLimit,
    RequestRefused,
    ResultsWrong,
    StrategyError,
    StrategyUnsupported,
    TextRefused,
    TokenizerDamaged,
    TokenizerError,
    TokenizerMissing,
    WorkerDied,
    WorkerError,
    WorkerOutOfMemory,
)
from .failure import (
    Fact,
    Failure,
)
from .hub_errors import (
    AlreadyThere,
    ChangedOnHub,
    ClockWrong,
    DownloadBusy,
    DownloadError,
    HubBusy,
    HubError,
    HubGarbled,
    HubMissing,
    HubRefused,
    HubUnreachable,
    HubWithdrawn,
    KeyringLocked,
    KeyringMissing,
    NetworkSettingRefused,
    PageInstead,
    QueueElsewhere,
    UnsafeName,
    VocabularyMissing,
    WrongHash,
)
from .server_errors import ServerRefused

__all__ = [
    "BY_CODE",
    "AlreadyThere",
    "AnswerSaved",
    "ChangedCheckpoint",
    "ChangedOnHub",
    "CheckpointError",
    "ClockWrong",
    "DamagedCheckpoint",
    "DamagedState",
    "DeviceError",
    "DiskFull",
    "DocumentError",
    "DownloadBusy",
    "DownloadError",
    "EngineUnusable",
    "Fact",
    "Failure",
    "ForeignCheckpoint",
    "HostileCheckpoint",
    "HubBusy",
    "HubError",
    "HubGarbled",
    "HubMissing",
    "HubRefused",
    "HubUnreachable",
    "HubWithdrawn",
    "KernelError",
    "KeyringLocked",
    "KeyringMissing",
    "LibraryError",
    "MisreadCheckpoint",
    "MovedCheckpoint",
    "NameRefused",
    "NetworkSettingRefused",
    "NoGpu",
    "NoModel",
    "NoRoom",
    "NoTrash",
    "NotFound",
    "NotWeights",
    "NumbersBroken",
    "OutOfMemory",
    "OverLimit",
    "PageInstead",
    "QueueElsewhere",
    "RequestRefused",
    "ResultsWrong",
    "ServerRefused",
    "StatesUnkept",
    "StoreError",
    "StoreTooNew",
    "StrategyError",
    "StrategyUnsupported",
    "TextRefused",
    "TokenizerDamaged",
    "TokenizerError",
    "TokenizerMissing",
    "UnfitCheckpoint",
    "Unreadable",
    "UnsafeName",
    "UnsupportedFormat",
    "UnsupportedVariant",
    "VocabularyMissing",
    "WorkerDied",
    "WorkerError",
    "WorkerOutOfMemory",
    "WrongHash",
]


def _tree(family: type[Failure]) -> list[type[Failure]]:
    return [family, *(member for child in family.__subclasses__() for member in _tree(child))]


BY_CODE: dict[str, type[Failure]] = {member.code: member for member in _tree(Failure)}

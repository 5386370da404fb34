"""What can go wrong with a hub, and with bringing a file from it."""

from typing import ClassVar

from .failure import Failure, codes_of
from .reasons import DownloadReason, FileThing, HubReason, NetworkThing


class HubError(Failure):
    """The hub cannot serve."""

    code = "hub"
    reasons = codes_of(HubReason)
    worded: ClassVar[tuple[str, ...]] = ("why",)


class HubUnreachable(HubError):
    """No network, no such host, or no answer in time."""

    code = "hub-unreachable"


class NetworkSettingRefused(HubUnreachable):
    """A proxy, or a variable of the environment, that means nothing or points to nothing.

    ``variable`` is its name, "" for a proxy that was typed; ``given`` its value without a password.
    """

    code = "network-setting"
    things = codes_of(NetworkThing)
    worded = ("why", "variable", "given")


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
    things = codes_of(FileThing, NetworkThing)
    worded = ("why", "found")


class DownloadError(Failure):
    """A file cannot be brought here."""

    code = "download"
    reasons = codes_of(DownloadReason)
    worded = ("why",)


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

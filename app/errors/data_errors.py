"""What can go wrong with the models and the data on this disk."""

from .failure import Failure, codes_of
from .reasons import DocumentReason, LibraryReason, StoreReason


class LibraryError(Failure):
    """A model on the disk cannot be changed as asked."""

    code = "library"
    reasons = codes_of(LibraryReason)
    worded = ("why",)


class NameRefused(LibraryError):
    """No file can have that name."""

    code = "name-refused"
    retryable = False


class NoTrash(LibraryError):
    """There is no trash for the disk it lies on."""

    code = "no-trash"
    retryable = False


class DocumentError(Failure):
    """The text of a document cannot be taken out of it."""

    code = "document"
    retryable = False
    reasons = codes_of(DocumentReason)


class StoreError(Failure):
    """The database or settings file cannot be used."""

    code = "store"
    reasons = codes_of(StoreReason)


class StoreTooNew(StoreError):
    """It was written by a newer version of the program."""

    code = "store-too-new"
    retryable = False


class DiskFull(StoreError):
    """There is no room left where the program must write."""

    code = "disk-full"


class StatesUnkept(StoreError):
    """What models remember cannot be kept on the disk; everything goes on without."""

    code = "states-unkept"


class NoRoom(DiskFull):
    """There is less room than a download needs."""

    code = "no-room"

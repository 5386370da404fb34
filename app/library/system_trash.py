"""Moves models to the system's trash, from which they can be restored."""

import contextlib

from app.errors import NotFound, NoTrash

from .file_groups import FileGroup
from .file_operations import refuse_links


def discard(group: FileGroup) -> None:
    """Move the group's files to the trash.

    Raises NoTrash (facts path, said) if there is none, as on many network folders; then nothing is
    deleted.  Raises NotFound if the model does not exist any more, LibraryError for a link.
    """
    from send2trash import send2trash  # asks the system where its trash is when imported

    refuse_links(group)
    things = (group.folder,) if group.folder else group.all
    if not group.files[0].exists():
        raise NotFound(path=str(group.files[0]))
    for thing in things:
        try:
            if thing.exists():
                send2trash(thing)
        except OSError as error:
            said = error.strerror or str(error)
            raise NoTrash(path=str(thing), said=said) from error
    if group.home is not None:
        with contextlib.suppress(OSError):  # what is not of the group stays, and so does the folder
            group.home.rmdir()

"""What can be asked for by name or by key about the conversation that is open, or those chosen."""

from collections.abc import Callable

from app.messages.translate import tr
from app.ui.state.commands import Command

from .conversation_menu import (
    ARCHIVE_KEYS,
    DELETE_KEYS,
    DUPLICATE_KEYS,
    MOVE_KEYS,
    PIN_KEYS,
    RENAME_KEYS,
)
from .conversation_verbs import Ones
from .conversations_pane import ConversationsPane


def conversation_commands(
    pane: ConversationsPane, begun: Callable[[], bool], group: str
) -> tuple[Command, ...]:
    """``begun`` tells whether the conversation that is open has a message, and is in the list."""

    def on(act: Callable[[Ones], None]) -> Callable[[], None]:
        def verb() -> None:
            if begun() or pane.list.hasFocus():
                pane.on_open(act)

        return verb

    def rename() -> None:
        if begun() or pane.list.hasFocus():
            pane.show()
            pane.rename_current()

    verbs = pane.menu_verbs
    return (
        Command(tr("Rename the conversation"), rename, RENAME_KEYS, "edit", group),
        Command(tr("Pin or unpin the conversation"), on(verbs.pin), PIN_KEYS, "pin", group),
        Command(tr("Move to a folder"), on(verbs.move), MOVE_KEYS, "folder", group),
        Command(tr("Archive the conversation"), on(verbs.archive), ARCHIVE_KEYS, "archive", group),
        Command(
            *(tr("Duplicate the conversation"), on(verbs.duplicate), DUPLICATE_KEYS),
            *("copy", group),
        ),
        Command(tr("Delete the conversation"), on(verbs.delete), DELETE_KEYS, "trash", group),
    )

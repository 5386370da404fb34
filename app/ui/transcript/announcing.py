"""Tells who listens to the screen that a reply has ended: once, with its words, not each token."""

from collections.abc import Iterable

from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

from app.messages.translate import tr
from app.store.records import Message
from app.ui.state.chat.message_facts import failure_of

from .rows import BlockRow

_LONGEST = 4000  # more is read in the transcript itself


def announce_reply(widget: QWidget, message: Message, rows: Iterable[BlockRow]) -> None:
    """Have a reply spoken that has just ended in ``rows``; nothing where nobody listens."""
    if QAccessible.isActive():
        event = QAccessibleAnnouncementEvent(widget, spoken(message, rows))
        QAccessible.updateAccessibility(event)


def spoken(message: Message, rows: Iterable[BlockRow]) -> str:
    """The words of a reply as they are on the screen, and how it ended if that was not as usual."""
    parts: list[str] = []
    length = 0
    for row in rows:
        if length >= _LONGEST:
            break
        parts.append(row.document().toPlainText().strip())
        length += len(parts[-1])
    words = "\n".join(filter(None, parts))
    if len(words) > _LONGEST:
        words = words[:_LONGEST] + "…"
    failure = failure_of(message)
    if failure is not None:
        from app.messages.failures import say  # the sentences are read only when one is needed

        return "\n".join(filter(None, (words, say(failure).sentences)))
    if message.status == "stopped":
        return "\n".join(filter(None, (words, tr("Stopped"))))
    return words or tr("The model wrote nothing")

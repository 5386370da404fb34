"""What one page hands over to another: a text to the playground, a conversation to the chat."""

from PySide6.QtCore import QObject, Signal


class HandOver(QObject):
    """``text`` carries an OpenDocument to be shown; ``conversation`` the id of a stored one.

    ``draft`` carries words that a new conversation may begin with, ``start`` the ConversationStart
    of one.
    """

    text = Signal(object)
    conversation = Signal(str)
    draft = Signal(str)
    start = Signal(object)

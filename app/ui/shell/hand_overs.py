"""Brings what a page hands over to the page that it is for."""

from app.store.drafts import Draft
from app.store.states.conversation_starts import ConversationStart
from app.ui.state.playground.open_document import OpenDocument
from app.ui.state.services import Services

from .window import Window


def take_hand_overs(services: Services, window: Window) -> None:
    """From now on a text goes to the playground, and a conversation to the chat."""

    def show_text(shown: OpenDocument) -> None:
        from app.ui.playground.playground_page import PlaygroundPage  # read at its first visit

        page = window.go("playground")
        if isinstance(page, PlaygroundPage):
            page.take(shown)

    def show_conversation(conversation: str) -> None:
        from app.ui.chat.chat_page import ChatPage

        page = window.go("chat")
        if isinstance(page, ChatPage):
            page.open(conversation)

    def begin(words: str) -> None:
        from app.ui.chat.chat_page import ChatPage

        page = window.go("chat")
        if isinstance(page, ChatPage):
            page.begin()
            page.composer.show_draft(Draft(text=words))

    def begin_from(start: ConversationStart) -> None:
        from app.ui.chat.chat_page import ChatPage

        page = window.go("chat")
        if isinstance(page, ChatPage):
            page.begin()
            page.start.choose(start)

    services.handed.text.connect(show_text)
    services.handed.conversation.connect(show_conversation)
    services.handed.draft.connect(begin)
    services.handed.start.connect(begin_from)

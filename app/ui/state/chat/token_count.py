"""How much the model has read of a conversation, and how long the texts of its training were."""

from pathlib import Path

from app.runtime.protocol.messages import Loaded

from .conversation import ConversationController


def tokens_read(controller: ConversationController) -> int:
    """The tokens of the branch that is shown, to its last reply; 0 where none was counted."""
    stream = controller.writing
    if stream is not None and stream.so_far:
        return stream.so_far
    for message in reversed(controller.tree.path()):
        reply = message.reply
        if message.role == "assistant" and reply.prompt_tokens:
            return reply.prompt_tokens + reply.tokens
    return 0


def trained_length(loaded: Loaded | None) -> int:
    """In tokens, by the name that the model was published under; 0 where that does not tell."""
    if loaded is None:
        return 0
    from app.hub.catalogue.published_names import named  # when a model is open: not at the start

    return named("", Path(loaded.path).name).context

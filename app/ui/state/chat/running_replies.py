"""The replies that are being written, by conversation: one or several in each."""

from .message_tree import Tree
from .reply_stream import ReplyStream


class RunningReplies:
    """Those of one conversation are siblings, written at once."""

    def __init__(self) -> None:
        self._streams: dict[str, list[ReplyStream]] = {}

    def add(self, stream: ReplyStream) -> None:
        """One has begun."""
        self._streams.setdefault(stream.message.conversation, []).append(stream)

    def remove(self, stream: ReplyStream) -> None:
        """One has ended."""
        streams = self._streams.get(stream.message.conversation, [])
        if stream in streams:
            streams.remove(stream)
        if not streams:
            self._streams.pop(stream.message.conversation, None)

    def of(self, conversation: str) -> list[ReplyStream]:
        """Those of a conversation."""
        return list(self._streams.get(conversation, ()))

    def all(self) -> list[ReplyStream]:
        """Every one."""
        return [stream for streams in self._streams.values() for stream in streams]

    def shown(self, tree: Tree) -> ReplyStream | None:
        """That of the branch which is shown, or else any of the conversation."""
        streams = self._streams.get(tree.conversation.id, [])
        on_way = (stream for stream in streams if stream.message.id == tree.leaf)
        return next(on_way, streams[0] if streams else None)

    def stream_of(self, message: str) -> ReplyStream | None:
        """That which writes a message."""
        return next((stream for stream in self.all() if stream.message.id == message), None)

"""The tree of one conversation's messages and the branch of it that is shown; stores nothing."""

from collections.abc import Iterable

from app.runtime.protocol.token_spans import TokenSpan
from app.store.records import Conversation, Message


class Tree:
    """Messages by id, and who answers whom; ``leaf`` is the end of the branch that is shown.

    ``tokens`` has those of replies that were written here, by message; the store has more.
    ``stored``: the conversation was handed to the store, with its first message.
    """

    def __init__(
        self,
        conversation: Conversation,
        messages: Iterable[Message] = (),
        *,
        stored: bool = False,
    ) -> None:
        self.conversation, self.stored = conversation, stored
        self._messages: dict[str, Message] = {}
        self._answers: dict[str | None, list[str]] = {}
        self.tokens: dict[str, TokenSpan] = {}
        for message in messages:
            self.add(message)
        self.leaf = conversation.leaf if conversation.leaf in self._messages else self._newest()

    def add(self, message: Message) -> None:
        """Take a new message, and show the branch that it ends."""
        self._messages[message.id] = message
        self._answers.setdefault(message.parent, []).append(message.id)
        self.leaf = message.id

    def replace(self, message: Message) -> None:
        """Take a message that has changed."""
        self._messages[message.id] = message

    def note_tokens(self, ident: str, tokens: TokenSpan | None) -> None:
        """As which tokens a reply was written here; None where nothing new is known of it."""
        if tokens is not None:
            self.tokens[ident] = tokens

    @property
    def messages(self) -> tuple[Message, ...]:
        """All of them, of every branch."""
        return tuple(self._messages.values())

    def __getitem__(self, ident: str) -> Message:
        return self._messages[ident]

    def __contains__(self, ident: str) -> bool:
        return ident in self._messages

    def __len__(self) -> int:
        return len(self._messages)

    def path(self, leaf: str | None = None) -> list[Message]:
        """The messages from the first to ``leaf`` (or to the end of what is shown)."""
        found: list[Message] = []
        at = leaf or self.leaf
        seen: set[str] = set()
        while at is not None and at in self._messages and at not in seen:
            seen.add(at)
            found.append(self._messages[at])
            at = found[-1].parent
        return found[::-1]

    def branch(self, ident: str) -> tuple[int, int]:
        """Which of how many branches a message begins, counted from 1."""
        beside = self._answers[self._messages[ident].parent]
        return beside.index(ident) + 1, len(beside)

    def step(self, ident: str, by: int) -> str:
        """Show the branch before or after the one that ``ident`` begins; the new leaf."""
        beside = self._answers[self._messages[ident].parent]
        at = max(0, min(beside.index(ident) + by, len(beside) - 1))
        self.leaf = self._end_below(beside[at])
        return self.leaf

    def reveal(self, ident: str) -> None:
        """Show the branch that a message stands on, if another one is shown."""
        if ident in self._messages and all(one.id != ident for one in self.path()):
            self.leaf = self._end_below(ident)

    def siblings(self, ident: str) -> list[str]:
        """Itself and the messages that answer the same one, the oldest first."""
        return list(self._answers[self._messages[ident].parent])

    def answers(self, ident: str | None) -> list[str]:
        """The messages that answer one (None: begin the conversation), the oldest first."""
        return list(self._answers.get(ident, ()))

    def show(self, ident: str) -> str:
        """Show the branch that goes through a message, to its newest end; the new leaf."""
        self.leaf = self._end_below(ident)
        return self.leaf

    def end_of(self, ident: str) -> str:
        """The newest end of what follows a message."""
        return self._end_below(ident)

    def below(self, idents: Iterable[str]) -> list[str]:
        """These messages and all that follows them."""
        found: list[str] = []
        waiting = [one for one in idents if one in self._messages]
        seen = set(waiting)
        while waiting:
            at = waiting.pop()
            found.append(at)
            fresh = [one for one in self._answers.get(at, ()) if one not in seen]
            seen.update(fresh)
            waiting += fresh
        return found

    def remove(self, idents: Iterable[str]) -> list[Message]:
        """Take messages away with all that follows them; what they were.

        Where the end of what is shown goes with them, the newest branch beside it is shown.
        """
        gone = [self._messages[one] for one in self.below(idents)]
        names = {one.id for one in gone}
        above = next((one.id for one in reversed(self.path()) if one.id not in names), None)
        for message in gone:
            del self._messages[message.id]
            self._answers.pop(message.id, None)
            beside = self._answers.get(message.parent)
            if beside is not None:
                beside.remove(message.id)
                if not beside:
                    del self._answers[message.parent]
        if self.leaf in names:
            above = above or next(reversed(self.answers(None)), None)
            self.leaf = self._end_below(above) if above else None
        return gone

    def _end_below(self, ident: str) -> str:
        """The newest end of what answers a message."""
        leaf, seen = ident, {ident}
        while leaf in self._answers:
            leaf = self._answers[leaf][-1]
            if leaf in seen:
                break
            seen.add(leaf)
        return leaf

    def _newest(self) -> str | None:
        return next(reversed(self._messages), None)

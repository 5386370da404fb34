"""Messages that wait until the reply before them has ended, by conversation; stores nothing."""


class MessageQueue:
    """First in, first out."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[str, ...]] = {}

    def of(self, conversation: str) -> tuple[str, ...]:
        """What waits there."""
        return self._texts.get(conversation, ())

    def put(self, conversation: str, texts: tuple[str, ...]) -> None:
        """This is what waits there from now on."""
        self._texts[conversation] = texts
        if not texts:
            del self._texts[conversation]

    def add(self, conversation: str, text: str) -> None:
        """One more waits."""
        self.put(conversation, (*self.of(conversation), text))

    def take(self, conversation: str, number: int = 0) -> str | None:
        """The one with this number, which waits no longer; None where there is none."""
        texts = self.of(conversation)
        if not 0 <= number < len(texts):
            return None
        self.put(conversation, texts[:number] + texts[number + 1 :])
        return texts[number]

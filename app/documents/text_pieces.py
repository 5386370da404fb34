"""Collects the text of a document up to a limit; knows no kind of document."""

from app.errors import RequestRefused


class TextPieces:
    """The pieces of the document at ``path``, of at most ``most`` characters together."""

    def __init__(self, path: str, most: int) -> None:
        self.path = path
        self._most, self._length = most, 0
        self._pieces: list[str] = []

    def add(self, text: str) -> None:
        """One more piece.  Raises RequestRefused (why "source-large")."""
        self._length += len(text)
        if self._length > self._most:
            raise RequestRefused(why="source-large", path=self.path, most_bytes=self._most)
        self._pieces.append(text)

    def text(self) -> str:
        """All of it, without NUL and halves of surrogate pairs."""
        whole = "".join(self._pieces).replace("\0", "")
        return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

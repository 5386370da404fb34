"""The words of a message as its rows show them, folded for a search; shows nothing."""

import re

from app.runtime.families.thinking import split_thinking
from app.store.folding import fold
from app.store.records import Message
from app.ui.look.text_style import TextStyle
from app.ui.markdown.blocks import Block, BlockStream
from app.ui.markdown.document import document_of
from app.ui.markdown.tables import is_long

from .found_marks import plain, spaced
from .long_table import text_of_table
from .message_rows import parts_of

_MARKS = re.compile(r"[*_`~]")
_REWRITTEN = re.compile(r"[&$\\]")  # entities and formulas are shown in other letters
_WORD = re.compile(r"[^\W_]+")


class MessageWords:
    """Part by part, in the order of the rows; those of a reply that grows are read on."""

    def __init__(self, text_style: TextStyle) -> None:
        self.text = ""
        self._text_style = text_style
        self._thought, self._answer = _Growing(text_style), _Growing(text_style)
        self._said: list[str] = []

    def take(self, message: Message) -> None:
        """The message as it is now."""
        self.text = message.text
        if message.role == "user":
            self._said = [fold(spaced(one)) for one in parts_of(message.text)]
            return
        final = message.status != "writing"
        thought, answer = split_thinking(message.text)
        self._thought.take(thought, final=final)
        self._answer.take(answer, final=final)
        if final:
            self._thought.rest()
            self._answer.rest()

    def count(self, term: str) -> tuple[int, int]:
        """How often the folded ``term`` stands in the thought, and in all of the message."""
        thought = sum(words.count(term) for words in self._thought.words)
        rest = sum(words.count(term) for words in (*self._said, *self._answer.words))
        return thought, thought + rest


class RawWords:
    """A message as it was written, to tell quickly that a term is not in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._rewritten = bool(_REWRITTEN.search(text))
        self._folded = "" if self._rewritten else _MARKS.sub("", fold(text))

    def may_have(self, term: str) -> bool:
        """False where the folded ``term`` is not in it, however it is shown."""
        words = [one for one in _WORD.findall(term) if not one.isdigit()]  # lists are numbered anew
        return self._rewritten or all(one in self._folded for one in words)


class _Growing:
    """A text of Markdown block by block."""

    def __init__(self, text_style: TextStyle) -> None:
        self.words: list[str] = []
        self._text_style, self._seen = text_style, ""
        self._stream: BlockStream | None = None

    def take(self, text: str, *, final: bool) -> None:
        if self._stream is None or not text.startswith(self._seen):
            self._stream, self.words = BlockStream(), []
        self._seen = text
        first = self._stream.grow(text, final=final)
        self.words[first:] = [self._read(block) for block in self._stream.blocks[first:]]

    def rest(self) -> None:
        """Nothing will come: only the words are kept."""
        self._stream = None

    def _read(self, block: Block) -> str:
        if block.kind == "code":
            return fold(spaced(block.source.removesuffix("\n")))
        if block.kind == "table" and is_long(block.source):
            return fold(spaced(text_of_table(block)))
        return "" if block.kind == "rule" else fold(plain(document_of(block, self._text_style)))

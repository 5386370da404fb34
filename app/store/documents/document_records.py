"""Documents of the playground, their versions and pieces as values; they know no table.

The text of a document is made of slices of pieces.  A piece is never changed: an edit makes new
ones, so a version is a list of slices, and what several versions share is kept once.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal, NamedTuple

import msgspec

from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.grammars import Grammar
from app.runtime.protocol.prompts import Sampling
from app.store.records import Reply, Status

Kind = Literal["typed", "written"]


class Bias(msgspec.Struct, frozen=True):
    """So much is added to the logit of one token, which is given by its ``words`` or as #id."""

    words: str
    value: float


class WritingSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a document is gone on with; ``sampling`` None is what the model recommends.

    ``bans`` and ``biases`` are tokens as a person writes them, and become ids when a model is
    asked; ``limit`` is the most tokens of one piece, which ``grammar`` holds to a form.
    """

    sampling: Sampling | None = None
    limit: int = 256
    stops: tuple[str, ...] = ()
    bans: tuple[str, ...] = ()
    biases: tuple[Bias, ...] = ()
    grammar: Grammar | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document without its text; times are seconds since 1970.

    ``version`` is the one that is shown.  ``damaged``: not all of it can be read.
    """

    id: str
    title: str = ""
    created: float = 0.0
    updated: float = 0.0
    version: str | None = None
    settings: WritingSettings = WritingSettings()
    damaged: bool = False


class Made(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a model wrote a piece: what came of it, and what it was asked for.

    Its tokens from the first to the second place of ``chosen`` were chosen by a person.
    """

    reply: Reply = Reply()
    options: GenerateOptions | None = None
    chosen: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class TextPiece:
    """A piece of text, and the ids of its tokens in a ``vocabulary`` as far as they are known.

    ``lengths`` are how many characters each token ends, 0 where that comes with a later one.  What
    the tokens do not give stands at the end of the text.  ``made`` is None for what was typed.
    """

    id: str
    text: str = ""
    vocabulary: str = ""
    ids: tuple[int, ...] = ()
    lengths: tuple[int, ...] = ()
    made: Made | None = None

    @cached_property
    def borders(self) -> tuple[list[int], list[int]]:
        """Where tokens end: after so many characters, in order, and after so many tokens."""
        places, counts = [0], [0]
        for count, (at, length) in enumerate(
            zip(accumulate(self.lengths), self.lengths, strict=True), 1
        ):
            if length and at <= len(self.text):
                places.append(at)
                counts.append(count)
        return places, counts


class Slice(NamedTuple):
    """The characters ``start`` to ``end`` of a piece."""

    piece: TextPiece
    start: int
    end: int

    @property
    def text(self) -> str:
        """Its characters."""
        return self.piece.text[self.start : self.end]


@dataclass(frozen=True, kw_only=True)
class Version:
    """The text at one time; those with one ``parent`` (None: the beginning) are branches.

    A "written" one has a piece of a model at ``place``, in characters; a "typed" one is what a
    person made of its parent.
    """

    id: str
    document: str
    parent: str | None
    kind: Kind = "typed"
    status: Status = "done"
    place: int = 0
    created: float = 0.0
    content: tuple[Slice, ...] = ()

    @cached_property
    def text(self) -> str:
        """All of it."""
        return "".join(one.text for one in self.content)


class FoundDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document in which words were found, and the words around the first place."""

    document: Document
    excerpt: str = ""


class TrashedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document in the trash: since when (seconds since 1970), and how long it stays."""

    document: Document
    since: float
    left_s: float


@dataclass(frozen=True)
class OpenedDocument:
    """A document and all its versions, the oldest first."""

    document: Document
    versions: tuple[Version, ...]
    trashed: bool = False

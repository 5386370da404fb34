"""One document under the hands of a person and a model: text, versions, undo; shows nothing.

What a model wrote is never changed in its version: the first edit behind it begins another one,
and what is typed there stays in that one until a model goes on from it.
"""

import dataclasses
import time
from collections.abc import Iterable

import msgspec

from app.store.documents.document_records import Document, Slice, Version
from app.store.records import Status, new_id

from .document_keeper import Changed
from .document_text import DocumentText
from .undo_history import Moment, UndoHistory
from .version_tree import VersionTree

_LARGE = 200  # characters: who takes so many away begins another version
_TITLE = 60


class OpenDocument:
    """``text`` is what is shown, ``version`` the one that it belongs to (None before the first).

    ``caret`` is where the person's caret stands; ``changes`` is what is to be stored.
    """

    def __init__(self, document: Document, versions: Iterable[Version] = ()) -> None:
        self.document, self.tree = document, VersionTree(versions)
        last = document.version if document.version in self.tree else self.tree.newest
        self.version = last
        self.text = DocumentText(self.tree[last].content if last else ())
        self.history = UndoHistory()
        self.caret = len(self.text)
        self.changes = Changed(self._to_store)
        for version in self.tree:
            self.changes.note_stored(version)
        self._derived = document.title in ("", title_of(self.text.text))

    @property
    def can_undo(self) -> bool:
        """Whether there is something to go back to."""
        return self.history.can_undo or self._above is not None

    @property
    def last_written(self) -> Version | None:
        """The last version on the way to this one that a model has written."""
        return self.tree.last_written(self.version) if self.version else None

    def piece_here(self) -> tuple[int, int] | None:
        """From where to where the last written piece stands in the text, if it still does."""
        last = self.last_written
        piece = written_slice(last) if last else None
        return self.text.place_of(piece.piece.id) if piece else None

    def configure(self, **values: object) -> None:
        """Change fields of its settings."""
        settings = msgspec.structs.replace(self.document.settings, **values)
        self.document = msgspec.structs.replace(self.document, settings=settings)

    def rename(self, title: str) -> None:
        """It has the title that a person gave it."""
        self.document = msgspec.structs.replace(self.document, title=title)
        self._derived = False

    # by a person's hand

    def edit(self, start: int, end: int, words: str, caret: int) -> None:
        """Words are put in place of the characters ``start`` to ``end``."""
        self.history.note_typing(self._moment, start, end - start, words)
        self._take(self.text.typed(start, end, words), large=end - start >= _LARGE)
        self.caret = caret

    def replace(self, start: int, end: int, by: Iterable[Slice]) -> None:
        """The same with pieces whose tokens may be known; always another version."""
        self.history.note(self._moment)
        before = len(self.text)
        self._take(self.text.replaced(start, end, by), large=True)
        self.caret = end + len(self.text) - before

    def know_tokens(self, text: DocumentText) -> None:
        """The same text, of which more tokens are known."""
        self.text = text
        if self._is_open(self.version):
            self._put_content()

    def undo(self) -> bool:
        """Back to before the last change, at last to the version above; False at the beginning."""
        above = self.tree[self._above] if self._above else None
        whole = Moment(DocumentText(above.content), above.id, len(above.text)) if above else None
        before = self.history.undo(self._moment, whole)
        if before is not None:
            self._restore(before)
        return before is not None

    def redo(self) -> bool:
        """The way that ``undo`` went, back; False where nothing was undone."""
        after = self.history.redo(self._moment)
        if after is not None:
            self._restore(after)
        return after is not None

    def go_to(self, version: str) -> bool:
        """Show a version; False where it is shown already."""
        if version not in self.tree:
            return False
        one = self.tree[version]
        if version == self.version and self.text.text == one.text:
            return False
        self.history.note(self._moment)
        self.version, self.text = one.id, DocumentText(one.content)
        piece = written_slice(one)
        self.caret = one.place + piece.end - piece.start if piece else len(self.text)
        return True

    # by a model

    def begin_piece(self, place: int, *, again: bool = False) -> Version:
        """A version for a piece that comes at ``place``; ``again``: beside the last one.

        Its content is that of the version that it comes from, as yet.
        """
        self.history.note(self._moment)
        last = self.last_written
        if again and last is not None:
            self.version, place = self.tree.parent(last.id), last.place
            self.text = DocumentText(self.tree[self.version].content if self.version else ())
        elif self.version is None or self.text.text != self.tree[self.version].text:
            self._branch(self.text)
        made = Version(
            id=new_id(),
            document=self.document.id,
            parent=self.version,
            kind="written",
            status="writing",
            place=place,
            created=time.time(),
            content=self.text.slices,
        )
        self.version = made.id
        self.tree.put(made)
        return made

    def put_piece(self, version: Version, content: tuple[Slice, ...], status: Status) -> None:
        """What is written so far, to be stored."""
        now = dataclasses.replace(version, content=content, status=status)
        self.tree.put(now)
        self.changes.put(now)
        if self.version == version.id:
            self.text = DocumentText(content)
        self._note_title()

    def drop_piece(self, version: Version) -> None:
        """Not one word came: it is as if it had not been asked for."""
        self.tree.drop(version.id)
        self.changes.drop(version.id)
        before = self.history.take_back()
        if self.version == version.id and before is not None:
            self.version, self.text, self.caret = before.version, before.text, before.caret
            if self.version is None:
                self.version = version.parent

    # inside

    @property
    def _moment(self) -> Moment:
        return Moment(self.text, self.version, self.caret)

    @property
    def _above(self) -> str | None:
        """Where undo goes on when this window has seen no change: versions that differ."""
        at = self.version
        while at is not None and self.tree[at].text == self.text.text:
            at = self.tree.parent(at)
        return at

    def _to_store(self) -> tuple[Document, str]:
        now = msgspec.structs.replace(self.document, version=self.version, updated=time.time())
        return now, self.text.text

    def _is_open(self, ident: str | None) -> bool:
        """Whether what is typed belongs to this version: a person's, and none came of it."""
        if ident is None or self.tree[ident].kind == "written":
            return False
        return not self.tree.children(ident)

    def _take(self, text: DocumentText, *, large: bool) -> None:
        self.text = text
        if self._is_open(self.version) and not large:
            self._put_content()
        else:
            self._branch(text)
        self._note_title()

    def _branch(self, text: DocumentText) -> None:
        """A new version of the person's, which comes from the one that was shown."""
        made = Version(
            id=new_id(),
            document=self.document.id,
            parent=self.version,
            created=time.time(),
            content=text.slices,
        )
        self.tree.put(made)
        self.changes.put(made)
        self.version = made.id

    def _put_content(self) -> None:
        """The open version that is shown has the text that is shown."""
        assert self.version is not None
        before = self.tree[self.version]
        now = dataclasses.replace(before, content=self.text.slices)
        self.tree.put(now)
        self.changes.put(now, before)

    def _restore(self, moment: Moment) -> None:
        """Show a moment of before; where its version has another text by now, another one has."""
        here, version = self.version, moment.version
        self.text, self.caret = moment.text, moment.caret
        if version is None or version not in self.tree:
            self.version = None
        elif self._is_open(version):
            self.version = version
            self._put_content()
        elif self.tree[version].text == moment.text.text:
            self.version = version
        elif here and self._is_open(here) and self.tree[here].parent == version:
            self._put_content()
        else:
            self.version = version
            self._branch(moment.text)

    def _note_title(self) -> None:
        """It is called by its first words, until a person calls it something else."""
        title = title_of(self.text.text)
        if self._derived and title:
            self.document = msgspec.structs.replace(self.document, title=title)


def title_of(text: str) -> str:
    """The first words of a text, for a list."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    words = " ".join(line.split())
    return words if len(words) <= _TITLE else words[:_TITLE].rstrip() + "…"


def written_slice(version: Version) -> Slice | None:
    """The piece that a written version has brought, as far as it is there."""
    at = 0
    for one in version.content:
        if version.kind == "written" and at == version.place and one.piece.made is not None:
            return one
        at += one.end - one.start
    return None

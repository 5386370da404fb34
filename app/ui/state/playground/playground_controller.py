"""The document open in the playground, and the model that writes into it: state and verbs."""

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.prompts import Sampling
from app.store.documents.document_records import Document, Slice, Version, WritingSettings
from app.store.records import Reply, new_id
from app.ui.state.services import Services

from .document_keeper import DocumentKeeper
from .document_text import DocumentText
from .open_document import OpenDocument, written_slice
from .token_stretches import ids_of
from .writing_configuration import WritingConfiguration
from .writing_pause import WritingPause
from .writing_stream import Asked, Lead, WritingStream, encoded_up_to, lead_in

_NO_LEAD = Lead()
_ENCODE_MS = 500  # after the last change the tokens of a text are looked up


class PlaygroundController(WritingConfiguration):
    """``opened``: another document is shown. ``changed``: its text or version is another one.

    ``typed``: the person has edited the text. ``grew``: the model has written more, before
    ``writing.end``.  ``writing_changed`` when it begins or ends, ``versions_changed`` when there
    are others or another one is shown, ``configured`` for the title and the settings, ``encoded``
    when all tokens of the text are known.  ``typed_wanted`` asks for settings that are typed and
    not handed in; ``taken_away`` carries a document that was shown and is deleted elsewhere.
    ``heard`` carries all that the model tells of a piece, of whose tokens it is asked ``outputs``.
    """

    opened = Signal()
    changed = Signal()
    typed = Signal()
    grew = Signal()
    writing_changed = Signal()
    versions_changed = Signal()
    encoded = Signal()
    taken_away = Signal(object)
    heard = Signal(object)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._store = services.conversations.documents
        self.keeper = DocumentKeeper(services, self)
        self.open_document = OpenDocument(_blank())
        self.writing: WritingStream | None = None
        self.failure: Failure | None = None
        self.reply: Reply | None = None
        self.outputs: Callable[[], Outputs] = Outputs
        self._once_more: Callable[[], None] = self.write
        self._encode = QTimer(self, singleShot=True, interval=_ENCODE_MS)
        self._encode.timeout.connect(self._look_up_tokens)
        self._looking: asyncio.Task[None] | None = None
        self._refused: DocumentText | None = None
        self._ids: tuple[object, tuple[int, ...] | None] = None, None
        services.session.changed.connect(self._encode.start)
        WritingPause(services.session, self._stop_to_go_on, self._shown, self)

    # what is

    @property
    def document(self) -> Document:
        """The one that is shown; not stored before its first letter."""
        return self.open_document.document

    @property
    def text(self) -> DocumentText:
        """Its text, with what is written just now."""
        return self.open_document.text

    @property
    def settings(self) -> WritingSettings:
        """How it is gone on with."""
        return self.document.settings

    @property
    def sampling(self) -> Sampling:
        """How the next token is chosen: as the person or else as the model's makers say."""
        loaded = self._services.session.loaded
        return self.settings.sampling or (loaded.sampling if loaded else Sampling())

    @property
    def vocabulary(self) -> str:
        """That of the open model; "" where none is open."""
        loaded = self._services.session.loaded
        return loaded.vocabulary if loaded else ""

    @property
    def can_write(self) -> bool:
        """Whether there is a model that could go on."""
        session = self._services.session
        able = session.loaded is None or session.loaded.has_tokenizer
        return able and (session.loaded is not None or session.opening is not None)

    def ids(self, end: int | None = None) -> tuple[int, ...] | None:
        """The token ids of the first ``end`` characters (None: all); None if not yet known."""
        if end is not None:
            return ids_of(self.text, end, self.vocabulary)
        asked = self.text, self.vocabulary
        if asked != self._ids[0]:
            self._ids = asked, ids_of(self.text, len(self.text), self.vocabulary)
        return self._ids[1]

    # documents

    def begin(self, text: str = "", settings: WritingSettings | None = None) -> None:
        """A new document, which is stored with its first letter."""
        self._leave()
        self._show(OpenDocument(_blank(settings)))
        if text:
            self.open_document.edit(0, 0, text, len(text))
            self._note_change()
            self.changed.emit()

    def take(self, shown: OpenDocument) -> None:
        """Show a new document that another page has made."""
        self._leave()
        self._show(shown)
        self._note_change()

    async def open(self, document: str) -> None:
        """Show a stored document as it was left."""
        self.keeper.now()
        found = await asyncio.wrap_future(self._store.open(document))
        if found is not None and document != self.document.id:
            self._leave()
            self._show(OpenDocument(found.document, found.versions))

    async def look_again(self) -> None:
        """Show what another window has made of the document, unless something is written here."""
        shown, text = self.open_document, self.text
        if shown.version is None or self.writing is not None or shown.changes.versions:
            return
        found = await asyncio.wrap_future(self._store.open(self.document.id))
        if self.open_document is not shown or self.text is not text or self.writing is not None:
            return
        if found is None or found.trashed:
            gone = self.document
            self.begin()
            self.taken_away.emit(gone)
        elif len(found.versions) != len(shown.tree) or found.document.title != shown.document.title:
            self._show(OpenDocument(found.document, found.versions))

    def configure(self, **values: object) -> None:
        """Change fields of the document's settings."""
        self.open_document.configure(**values)
        if self.open_document.version is not None:
            self._store.configure(self.document, "settings")
        self.configured.emit()

    def rename(self, document: str, title: str) -> None:
        """A person gives a document another title."""
        if document == self.document.id:
            self.open_document.rename(title)
            self.configured.emit()
        self.keeper.now()
        self._store.configure(Document(id=document, title=title), "title")

    def drop(self, document: str) -> None:
        """A document was deleted: write no more in it, and show another if it was shown."""
        if document == self.document.id:
            self.begin()

    # the text

    def edit(self, start: int, end: int, words: str, caret: int) -> None:
        """A person has put ``words`` in place of the characters ``start`` to ``end``.

        Who types while the model writes stops it.
        """
        shown, version = len(self.text), self.open_document.version
        place = self.writing.end if self.writing else 0
        self.stop()
        unseen = len(self.text) - shown  # words that came since the text was shown last
        if unseen and end >= place:
            start, end = start + unseen * (start >= place), end + unseen
            caret += unseen * (start >= place)
        self.open_document.edit(start, end, words, caret)
        self.failure = None
        self._note_change()
        self.typed.emit()
        if self.open_document.version != version:
            self.versions_changed.emit()

    def replace(self, start: int, end: int, by: Iterable[Slice] = ()) -> None:
        """As ``edit``, with pieces whose tokens may be known, as that of an alternative."""
        self.stop()
        self.open_document.replace(start, end, by)
        self._note_change()
        self._tell()

    def keep_up_to(self, place: int) -> None:
        """Keep of the last written piece what stands before ``place``; all of it is in its version.

        What follows the piece stays.
        """
        found = self.open_document.piece_here()
        if found is not None and found[0] < place < found[1]:
            self.replace(place, found[1])

    def undo(self) -> None:
        """Back to the text and version before the last change; at last to the version above."""
        self.stop()
        if self.open_document.undo():
            self._note_change()
            self._tell()

    def redo(self) -> None:
        """The way that ``undo`` went, back."""
        self.stop()
        if self.open_document.redo():
            self._note_change()
            self._tell()

    def go_to(self, version: str) -> None:
        """Show a version."""
        self.stop()
        if self.open_document.go_to(version):
            self._note_change()
            self._tell()

    # writing

    def write(self, place: int | None = None) -> None:
        """Have the model go on behind the first ``place`` characters (None: behind all)."""
        if self.writing is None:
            self.typed_wanted.emit()
            self._write(len(self.text) if place is None else place)

    def write_from(self, place: int) -> None:
        """Have the model go on behind ``place`` instead of what stands there now."""
        if self.writing is None:
            if place < len(self.text):
                self.replace(place, len(self.text))
            self.write()

    def branch(self, place: int, lead: Lead) -> None:
        """The same with a piece that begins with tokens which were chosen."""
        if self.writing is None:
            if place < len(self.text):
                self.replace(place, len(self.text))
            self.typed_wanted.emit()
            self._write(len(self.text), lead=lead)

    def write_again(self) -> None:
        """Have the last piece of the model written anew, as another version beside it.

        Tokens that a person has chosen for its beginning stay.
        """
        last = self.open_document.last_written
        if self.writing is None and last is not None:
            self.typed_wanted.emit()
            self._write(0, again=True, lead=lead_in(written_slice(last)))

    def stop(self) -> None:
        """End what is being written, at once; its words stay."""
        if self.writing is not None:
            self.writing.stop()

    # inside

    def _show(self, shown: OpenDocument) -> None:
        self.open_document, self.failure, self.reply = shown, None, None
        self.opened.emit()
        self.configured.emit()
        self.versions_changed.emit()
        self._encode.start()

    def _leave(self) -> None:
        self.typed_wanted.emit()
        self.stop()
        self.keeper.now()

    def _tell(self) -> None:
        self.failure = None
        self.changed.emit()
        self.versions_changed.emit()

    def _note_change(self) -> None:
        """Something is to be stored, and tokens to be looked up."""
        if self.open_document.version is not None:
            self.keeper.soon(self.open_document.changes)
        self._encode.start()

    def _write(
        self, place: int, *, again: bool = False, lead: Lead = _NO_LEAD, limit: int | None = None
    ) -> None:
        """``limit`` is how many tokens may come; None is what the settings say."""
        shown, settings = self.open_document, self.settings
        if limit is not None:
            settings = msgspec.structs.replace(settings, limit=limit)
        self._once_more = partial(self._write, place, again=again, lead=lead, limit=limit)
        version = shown.begin_piece(place, again=again)
        asked = Asked(
            text=shown.text,
            place=version.place,
            settings=settings,
            sampling=self.sampling,
            lead=lead,
            outputs=self.outputs(),
        )
        stream = self.writing = WritingStream(self._services.session, asked)
        self.failure = self.reply = None
        stream.begun.connect(lambda: self._note_begun(stream, version))
        stream.grew.connect(lambda: self._note_growth(stream))
        stream.heard.connect(self.heard)
        stream.due.connect(lambda: self._store.grow(stream.piece, *stream.gained()))
        stream.ended.connect(lambda: self._end(stream, version))
        self.writing_changed.emit()
        self._tell()
        stream.started(self._services.tasks.start(stream.run()))

    def _note_begun(self, stream: WritingStream, version: Version) -> None:
        """What it is written behind has its tokens now; it is stored before the piece grows."""
        changes = self.open_document.changes
        changes.growing.add(stream.piece.id)
        self.open_document.put_piece(version, stream.content, "writing")
        self.keeper.now(changes)

    def _note_growth(self, stream: WritingStream) -> None:
        shown, before = self.open_document, self.text
        follows = shown.caret == stream.end - (len(stream.text) - len(before))
        shown.text = stream.text
        if follows:
            shown.caret = stream.end
        self.grew.emit()

    def _end(self, stream: WritingStream, version: Version) -> None:
        shown = self.open_document
        self.writing, self.failure = None, stream.failure
        made = stream.piece.made
        self.reply = made.reply if made else None
        if stream.piece.text or stream.gained_tokens:
            self._note_growth(stream)
            shown.put_piece(version, stream.content, stream.status)
        else:
            shown.drop_piece(version)
            self.changed.emit()
        self.keeper.now(shown.changes)
        self._encode.start()
        self.configured.emit()
        self.writing_changed.emit()
        self.versions_changed.emit()

    def _stop_to_go_on(self) -> Callable[[], None] | None:
        stream = self.writing
        self.stop()
        if stream is not None and (stream.piece.text or stream.gained_tokens):
            return partial(self._write, stream.end, limit=stream.left)
        return None if stream is None else self._once_more  # no word of it had come

    def _shown(self) -> tuple[str | None, str, bool]:
        return self.open_document.version, self.text.text, self.writing is None

    def _look_up_tokens(self) -> None:
        """Beside the window; a look that is overtaken by a change is made again after it."""
        tasks, session = self._services.tasks, self._services.session
        ready = session.loaded is not None and session.loaded.has_tokenizer and not session.waits
        if self.writing is not None or not ready or tasks.ended or self._refused is self.text:
            return
        if self.ids() is not None:
            self.encoded.emit()
        elif self._looking is None:
            self._looking = tasks.start(self._encode_all(), self._note_looked)

    async def _encode_all(self) -> None:
        shown, text = self.open_document, self.text
        try:
            known, _ = await encoded_up_to(self._services.session, text, len(text))
        except Failure:  # whoever asks the model to go on is told
            self._refused = text
            return
        if self.open_document is shown and self.text is text and self.writing is None:
            shown.know_tokens(known)
            if shown.changes.versions:
                self.keeper.soon(shown.changes)
            self.encoded.emit()

    def _note_looked(self) -> None:
        self._looking = None
        if not self._services.tasks.ended and self.ids() is None:
            self._encode.start()


def _blank(settings: WritingSettings | None = None) -> Document:
    return Document(id=new_id(), created=time.time(), settings=settings or WritingSettings())

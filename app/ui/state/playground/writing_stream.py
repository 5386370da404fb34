"""One piece that a model is writing into a text: its words, its tokens, and how it went."""

import asyncio
import contextlib
from array import array
from typing import NamedTuple

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure, WorkerDied
from app.runtime.protocol.generate_options import GenerateOptions, Outputs
from app.runtime.protocol.messages import Done, Piece, Prefilled
from app.runtime.protocol.prompts import Sampling, Text, Tokens
from app.runtime.protocol.token_spans import unpack
from app.store.documents.document_records import Made, Slice, TextPiece, WritingSettings
from app.store.records import Reply, Status, new_id
from app.ui.state.reply_clock import ReplyClock
from app.ui.state.session import Session

from .document_text import DocumentText
from .token_stretches import (
    Part,
    encoded_piece,
    held_start,
    ids_of,
    open_ids,
    stretches_of,
    with_encoded,
    written_ids,
)
from .token_words import options_of

_REPAINT_MS = 34  # at most 30 times a second
_KEEP_MS = 200  # what was on the screen longer than this survives the end of the program


class Lead(NamedTuple):
    """Tokens that a piece begins with, their text, and how many characters each of them ends."""

    ids: tuple[int, ...] = ()
    text: str = ""
    lengths: tuple[int, ...] = ()


def lead_in(one: Slice | None) -> Lead:
    """The tokens of a piece that a person has chosen; none where it had none."""
    if one is None or one.piece.made is None:
        return Lead()
    piece, (first, last) = one.piece, one.piece.made.chosen
    lengths = piece.lengths[first:last]
    before = sum(piece.lengths[:first])
    text = piece.text[before : before + sum(lengths)]
    return Lead(piece.ids[first:last], text, lengths)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """``text`` up to ``place`` is gone on with there; what follows it is not read.

    The piece begins with ``lead``.  ``outputs`` is what is told of its tokens, besides.
    """

    text: DocumentText
    place: int
    settings: WritingSettings
    sampling: Sampling
    lead: Lead = Lead()
    outputs: Outputs = Outputs()


class WritingStream(QObject):
    """``grew`` at most 30 times a second, ``due`` when there is more to be kept, ``ended`` once.

    ``text`` is the whole text as it stands, ``piece`` what is new in it; ``begun`` when that is
    there, and the text before it has all of its tokens.  ``read`` tells how far that was read,
    ``before`` are the tokens that it goes on from.  ``heard`` carries all that the model tells.
    """

    begun = Signal()
    grew = Signal()
    due = Signal()
    ended = Signal()
    heard = Signal(object)

    def __init__(self, session: Session, asked: Asked) -> None:
        super().__init__()
        self._session, self._asked = session, asked
        self.base, self.place = asked.text, asked.place
        self.piece = TextPiece(new_id(), made=Made())
        self.status: Status = "writing"
        self.failure: Failure | None = None
        self.read: tuple[int, int] | None = None
        self.before: tuple[int, ...] = ()
        self._options: GenerateOptions | None = None
        self._task: asyncio.Task[None] | None = None
        self._parts: list[str] = []
        self._ids, self._lengths = array("I"), array("I")
        self._told = self._carried = 0
        self._chosen = (0, 0)
        self._clock = ReplyClock()
        self._repaint = QTimer(self, singleShot=True, interval=_REPAINT_MS)
        self._repaint.timeout.connect(self._show)
        self._keep = QTimer(self, singleShot=True, interval=_KEEP_MS)
        self._keep.timeout.connect(self.due)

    @property
    def text(self) -> DocumentText:
        """The text with what is written so far."""
        return DocumentText(self.content)

    @property
    def content(self) -> tuple[Slice, ...]:
        """Its slices; the new one is there from the beginning, also while it is empty."""
        base, place = self.base, self.place
        new = Slice(self.piece, 0, len(self.piece.text))
        return (*base.cut(0, place), new, *base.cut(place, len(base)))

    @property
    def end(self) -> int:
        """Where the next word comes."""
        return self.place + len(self.piece.text)

    @property
    def gained_tokens(self) -> int:
        """How many tokens were written."""
        return len(self._ids) - self._carried

    @property
    def left(self) -> int:
        """How many tokens it may still have."""
        return max(0, self._asked.settings.limit - self.gained_tokens)

    def started(self, task: "asyncio.Task[None]") -> None:
        """The task that runs ``run``: it may be cancelled before its first step."""
        self._task = task
        task.add_done_callback(self._note_end)

    def stop(self) -> None:
        """End it at once: what is there stays, and nothing comes any more."""
        if self._task is not None and self.status == "writing":
            self._clock.reason = "stopped"
            self._finish("stopped")
            self._task.cancel()

    async def run(self) -> None:
        """Write until the model, the person or a failure ends it."""
        try:
            await self._write()
        except Failure as failure:
            self.failure = failure

    def gained(self) -> tuple[str, "array[int]", "array[int]"]:
        """Words, ids and lengths since this was asked last."""
        before, self._told = self._told, len(self._ids)
        words = "".join(self._parts)
        self._join()
        return words, self._ids[before:], self._lengths[before:]

    async def _write(self) -> None:
        session, asked = self._session, self._asked
        options = await options_of(asked.settings, asked.sampling, session.encode)
        base, vocabulary = await encoded_up_to(session, asked.text, asked.place)
        ids = ids_of(base, self.place, vocabulary)
        assert ids is not None
        lead, opened = asked.lead, open_ids(base, self.place, vocabulary)
        carried, lengths = (*opened, *lead.ids), (*(0,) * len(opened), *lead.lengths)
        self.base, self._options, self.before = base, options, (*ids, *lead.ids)
        self._ids, self._lengths = array("I", carried), array("I", lengths)
        self._told = self._carried = len(carried)
        self._chosen = (len(opened), len(carried)) if lead.ids else (0, 0)
        made = Made(options=options, chosen=self._chosen)
        self.piece = TextPiece(self.piece.id, lead.text, vocabulary, carried, lengths, made)
        self.begun.emit()
        told = msgspec.structs.replace(options, outputs=asked.outputs)
        events = session.generate(self._prompt(vocabulary), told)
        async with contextlib.aclosing(events):
            async for event in events:
                self._take(event)

    def _prompt(self, vocabulary: str) -> Tokens:
        """What is gone on from, with what of it counts as written as if it were one run."""
        base, lead, options = self.base, self._asked.lead.ids, self._options
        written = (*written_ids(base, self.place, vocabulary), *lead)
        held, grammar = 0, options.grammar if options is not None else None
        if grammar is not None:
            start = held_start(base, self.place, grammar)
            before = ids_of(base, start, vocabulary) or ()
            held = len(self.before) - len(before) if start < self.place else len(lead)
        return Tokens(self.before, document=True, written=written, held=held)

    def _take(self, event: object) -> None:
        self._clock.note(event)
        self.heard.emit(event)
        if isinstance(event, Prefilled):
            self.read = (event.done, event.total)
            self._wait(self._repaint)
        elif isinstance(event, Piece):
            self._parts.append(event.text)
            self._ids.extend(fact.token for fact in event.tokens)
            self._lengths.extend(event.lengths or [0] * len(event.tokens))
            self._wait(self._repaint)
            self._wait(self._keep)
        elif isinstance(event, Done) and event.tokens_taken_back:
            del self._ids[-event.tokens_taken_back :]
            del self._lengths[-event.tokens_taken_back :]

    def _wait(self, timer: QTimer) -> None:
        if not timer.isActive():
            timer.start()

    def _show(self) -> None:
        self._join()
        self.grew.emit()

    def _join(self) -> None:
        """The piece as it stands; what was not kept yet stays apart."""
        words = self.piece.text + "".join(self._parts)
        self._parts.clear()
        self.piece = TextPiece(
            self.piece.id,
            words,
            self.piece.vocabulary,
            tuple(self._ids),
            tuple(self._lengths),
            self.piece.made,
        )

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        """However the task has ended; nothing where it was stopped before."""
        if self.status != "writing":
            return
        if self.failure is not None:
            self._finish("failed")
        elif task.cancelled() or task.exception() is not None:
            self._clock.reason = "stopped"
            self._finish("stopped")
        else:
            self._finish("stopped" if self._clock.reason == "stopped" else "done")

    def _finish(self, status: Status) -> None:
        self.status = status
        self._repaint.stop()
        self._keep.stop()
        self._join()
        made = Made(reply=self._reply(), options=self._options, chosen=self._chosen)
        self.piece = TextPiece(
            self.piece.id,
            self.piece.text,
            self.piece.vocabulary,
            self.piece.ids,
            self.piece.lengths,
            made,
        )
        self.ended.emit()

    def _reply(self) -> Reply:
        seed = self._options.sampling.seed if self._options else None
        loaded, failure = self._session.loaded, self.failure
        facts = self._clock.facts(seed)
        if loaded is not None and not isinstance(failure, WorkerDied):
            facts = msgspec.structs.replace(facts, model=loaded.name, strategy=loaded.strategy)
        if failure is None:
            return facts
        return msgspec.structs.replace(
            facts, failure=failure.code, detail=failure.detail, failure_facts=failure.facts
        )


async def encoded_up_to(session: Session, text: DocumentText, end: int) -> tuple[DocumentText, str]:
    """The same text, of whose first ``end`` characters all tokens are known; the vocabulary.

    Raises as ``Session.encode``.
    """
    vocabulary = session.loaded.vocabulary if session.loaded else ""
    if not vocabulary or session.loaded is None:
        vocabulary = (await session.encode(Text(""))).vocabulary
    for part in stretches_of(text, end, vocabulary):
        text = with_encoded(text, part, await _encoded(session, text, part))
    return text, vocabulary


async def _encoded(session: Session, text: DocumentText, part: Part) -> TextPiece:
    words = text.text[part.start : part.end]
    reply = await session.encode(Text(words))
    return encoded_piece(part, words, unpack(reply.ids), unpack(reply.lengths), reply.vocabulary)

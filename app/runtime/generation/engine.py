"""Runs all texts of one model together: one forward a token for all; knows no pipe.

Prompts are read piece by piece, and a piece some layers at a time, between the tokens of the texts
that are being written, so that a long prompt delays no other text.  Texts that were asked for
together have a lane of their own: what they come to does not depend on what runs beside them, and
while other texts run they give way to these.
"""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from app.errors import Failure, KernelError, OutOfMemory
from app.kernels.allocation import allocations_named
from app.runtime.protocol.encodings import Encode
from app.runtime.protocol.messages import Generate, Reply, failed
from app.runtime.protocol.scores import Score
from app.runtime.protocol.states import (
    HandOver,
    LoadState,
    Park,
    Place,
    SaveState,
    TakeOver,
    TakeStates,
)
from app.runtime.protocol.vocabulary_messages import ReadVocabulary
from app.runtime.states.state import RecurrentState, have_ready
from app.runtime.states.state_disk import StateDisk
from app.runtime.states.state_store import StateStore

from .encoding import told_of_tokens
from .handing_over import handed_over
from .lane import Lane
from .prompt_cuts import prompt_cuts_of
from .prompt_pieces import PromptPiece, TextReading
from .prompt_reading import PromptReading
from .prompting import prepare, prompt_ids
from .remembered import Remembered, store_beside
from .scoring import ScoredText, Scoring
from .sequence import Sequence
from .start_states import StartStates
from .state_taking import StateTaking
from .straight_reads import StraightReads

if TYPE_CHECKING:
    from app.runtime.opened import Opened


_EVERY = 32  # tokens of a reply between two states of it that are kept
_AS_ONE = 8  # texts together cost about as much as one
_STATES_AHEAD = 3  # for which memory is at hand when a text is asked for

Reads = Generate | SaveState | TakeStates
"""Requests for which a text is read."""


class Engine:
    """``start`` takes a text in, ``step`` brings each running one forward; replies go to ``send``.

    Ids in ``cancelled`` (filled by another thread) end at the next step, with their Done.
    ``forwards`` and ``prefills`` count how often the model ran for tokens and for prompts.
    ``lost`` is set when the card no longer computes: nothing in this process will again.
    """

    def __init__(
        self,
        opened: "Opened",
        send: Callable[[Reply], None],
        cancelled: set[int] | None = None,
        store: StateStore | None = None,
        disk: StateDisk | None = None,
    ) -> None:
        self._opened, self._model, self._send = opened, opened.model, send
        self._cancelled = set() if cancelled is None else cancelled
        self._store = store_beside(opened) if store is None else store
        self._cuts = prompt_cuts_of(opened.model.spec, opened.model)
        straight = StraightReads(self._cuts, opened.computes)
        self.remembered = Remembered(opened, self._store, straight, disk)
        self._starts = StartStates(opened, self._store, straight.forget)
        self._scoring = Scoring(self._cuts, self._cancelled, self._fail)
        self._own = self._new_lane()
        self._together: list[Lane] = []
        self._steps = 0
        self.forwards = self.prefills = 0
        self.lost = False

    @property
    def idle(self) -> bool:
        """Whether no text is running."""
        return all(lane.idle for lane in self._lanes) and self._scoring.idle

    @property
    def _lanes(self) -> tuple[Lane, ...]:
        return (self._own, *self._together)

    def _new_lane(self) -> Lane:
        return Lane(self._opened, self.remembered, self._fail)

    def prepare(self) -> None:
        """Do, while nothing is asked for, what the next text would have to wait for.

        That is to take memory from the system for its states: the one that it runs in, the one
        after its prompt, and the one at its end.
        """
        if self._model.ops.device is not None:
            return
        with contextlib.suppress(OutOfMemory), allocations_named():
            have_ready(self._model.spec, _STATES_AHEAD)

    def begin_together(self) -> Lane:
        """A lane for texts that are asked for together; it goes once all of them have ended."""
        lane = self._new_lane()
        self._together.append(lane)
        return lane

    def start(self, request: Reads, lane: Lane | None = None) -> None:
        """Start a text; tokens of its prompt whose state is known are not read again.

        Raises RequestRefused, the tokenizer's failures, those of reading a state, and OutOfMemory;
        nothing has begun then.
        """
        reading = self.remembered.with_room(lambda: self._begun(request))
        (lane or self._own).reading.append(reading)

    def load_state(self, request: LoadState) -> None:
        """Read a state from a file and tell of it.  Raises as ``start`` does."""
        with allocations_named():
            self._send(self._starts.load(request.id, request.state))

    def hand_over(self, request: HandOver | TakeOver | Park) -> None:
        """Write what is remembered to files, remember what is in them, or let it go; tell of it.

        Raises DiskFull, StoreError, OutOfMemory and the failures of reading a state.
        """
        with allocations_named():
            self._send(handed_over(request, self._opened, self._store))

    def encode(self, request: Encode | ReadVocabulary) -> None:
        """Tell the ids of a prompt, or all tokens there are.

        Raises RequestRefused and the tokenizer's failures.
        """
        self._send(told_of_tokens(request, self._opened))

    def _begun(self, request: Reads) -> TextReading:
        text, looked = self._text_of(request), self._store.generation
        known = self.remembered.longest(text, text.trail)
        coming = self.remembered.coming(text, known.key.tokens if known else 0)
        if known is None:
            reading = TextReading(text, *self._starts.state(request.start), looked)
        else:
            reading = TextReading(text, known.state.clone(), known.logits, looked)
            self.remembered.go_on(text, known)
        reading.coming = coming
        self._reached(reading)
        return reading

    def _reached(self, reading: TextReading) -> None:
        """The text may want the state where it stands now, unless a better one is coming."""
        text = reading.text
        if reading.coming is None and (not text.unread or text.read in text.marks):
            self._show(text, lambda: reading.state, reading.logits)

    def _arrive(self, lane: Lane, reading: TextReading) -> None:
        """Go on from what came from the disk; where that was of no use, look for another one."""
        coming, text = reading.coming, reading.text
        if coming is None or not coming.due:
            return
        known = self.remembered.arrived(coming, text)
        reading.coming = None
        if known is not None and known.key.tokens > text.read:
            reading.state, reading.logits = known.state, known.logits
            self.remembered.go_on(text, known)
        elif coming.state.done():
            reading.coming = self.remembered.coming(text, text.read, coming)
        try:
            with allocations_named():
                self._reached(reading)
        except Failure as failure:
            lane.reading.remove(reading)
            self._fail(text, failure)

    def score(self, request: Score) -> None:
        """Start to score a text.  Raises RequestRefused and the tokenizer's failures."""
        self._scoring.add(ScoredText(request, self._opened, self._send))

    def _text_of(self, request: Reads) -> PromptReading:
        trail = self._starts.trail(request.start)
        if isinstance(request, Generate):
            trail.owner = request.options.owner
            prepared = prepare(request, self._opened, may_be_empty=trail.goes_on)
            return Sequence(request, prepared, self._opened, self._send, trail)
        ids = prompt_ids(request.prompt, self._opened, document=request.document)
        if isinstance(request, SaveState):
            request = TakeStates(
                id=request.id, prompt=request.prompt, places=(Place(len(ids), request.path),)
            )
        return StateTaking(request, ids, self._opened, self._send, trail)

    def step(self) -> None:
        """Run some layers of one prompt piece, and one token of every text in decode.

        A text that is scored goes some layers on as well.
        """
        for lane in self._lanes:
            self._stop_cancelled(lane)
        due = self._due()
        self._steps += 1
        busy = [self._step(lane) for lane in due]
        self._scoring.step()
        if not any(busy) and len(due) == len(self._lanes) and self._scoring.idle:
            for reading in [one for lane in due for one in lane.reading][:1]:
                reading.wait_a_moment()
        self._together = [lane for lane in self._together if not lane.idle]

    def _due(self) -> list[Lane]:
        """Texts asked for together go on seldom while others run: by their number, not by time."""
        if self._own.idle:
            return list(self._together)
        rest = [lane for lane in self._together if self._steps % _turns(lane) == 0]
        return [self._own, *rest]

    def _step(self, lane: Lane) -> bool:
        """False where all wait for the disk."""
        for reading in tuple(lane.reading):
            self._arrive(lane, reading)
        ready = [reading for reading in lane.reading if reading.coming is None]
        if ready:  # what is soonest read: a short question need not wait for a long text
            unread = min(ready, key=lambda r: r.text.unread // self._cuts.tokens)
            self._advance(lane, unread)
        if lane.writing:
            self.forwards += lane.write()
            return True
        return bool(ready)

    def _stop_cancelled(self, lane: Lane) -> None:
        for reading in [r for r in lane.reading if r.text.id in self._cancelled]:
            lane.reading.remove(reading)
            self._stop(reading.text)
            if reading.coming is None:
                self._keep_read(reading, lasting=reading.text.lasts)
        lane.leave(self._cancelled, self._stop)

    def _keep_read(self, reading: TextReading, *, lasting: bool = False) -> None:
        """Remember a copy of the state up to which a prompt was read."""
        state = reading.state
        self.remembered.keep(
            reading.text, state.clone, state.nbytes, reading.logits, lasting=lasting
        )

    def _stop(self, text: PromptReading) -> None:
        self._cancelled.discard(text.id)
        text.end("stopped")

    def _advance(self, lane: Lane, reading: TextReading) -> None:
        """Continue a prefill; at the end of the prompt the text goes on to decode."""
        text = reading.text
        try:
            with allocations_named():
                if text.unread and reading.piece is None:
                    self._look_again(reading)
                if text.unread:
                    self._read(reading)
                if not text.unread:
                    lane.join(reading)
        except Failure as failure:
            if self._may_try_again(lane, reading, failure):
                return
            if reading in lane.reading:
                lane.reading.remove(reading)
            self._fail(text, failure)

    def _may_try_again(self, lane: Lane, reading: TextReading, failure: Failure) -> bool:
        """Whether memory ran out within a piece, and there is more of it now."""
        if not isinstance(failure, OutOfMemory) or not self.remembered.give_back():
            return False
        if not self._model.reads_in_steps or reading.again_at == reading.text.read:
            return False
        reading.piece, reading.again_at = None, reading.text.read
        return reading in lane.reading

    def _read(self, reading: TextReading) -> None:
        """Run some layers of the prompt's next piece; a stop is checked between them."""
        piece = reading.piece = reading.piece or self._next_piece(reading)
        for _ in range(self._cuts.layers(piece.end - reading.text.read)):
            if reading.text.id in self._cancelled:
                return
            found = next(piece.steps)
            if found is not None:
                reading.hidden = None if found.hidden is None else found.hidden[0]
                self._have_read(reading, piece, found.logits[0])
                return

    def _next_piece(self, reading: TextReading) -> PromptPiece:
        """From where the prompt has been read to; the state there is remembered."""
        text, model, state = reading.text, self._model, reading.state
        end = text.next_mark(min(self._cuts.end_after(text.read), len(text.prompt)))
        few = text.one_by_one and text.read % _EVERY > 0
        if model.reads_in_steps:
            # what is left halfway has spoilt its state, so it gets one of its own
            if not few:
                self.remembered.keep(text, lambda: reading.state, state.nbytes, reading.logits)
            state = state.clone()
        elif not few:
            self._keep_read(reading)
        tokens = torch.tensor([text.prompt[text.read : end]])
        steps = model.reading(tokens, state, hidden=text.wants_hidden, exact=text.exact)
        return PromptPiece(end, state, steps)

    def _look_again(self, reading: TextReading) -> None:
        """Another text may have read the same beginning since this one was asked for."""
        text, store = reading.text, self._store
        if text.computed or reading.looked == store.generation:
            return
        reading.looked, trail = store.generation, text.come_up()
        known = self.remembered.longest(text, trail)
        if known and known.key.tokens > text.read:
            reading.state, reading.logits = known.state.clone(), known.logits
            self.remembered.go_on(text, known)
            self._reached(reading)

    def _have_read(self, reading: TextReading, piece: PromptPiece, logits: torch.Tensor) -> None:
        """What the conversation will come back to is remembered."""
        text = reading.text
        reading.piece, reading.state, reading.logits = None, piece.state, logits
        self.prefills += 1
        text.note_computed(piece.end - text.read)
        text.straight = text.straight and not text.one_by_one
        if piece.end in text.marks or not text.unread:
            self._keep_read(reading, lasting=text.lasts)
            self._show(text, lambda: piece.state, logits)

    def _show(
        self,
        text: PromptReading,
        state: Callable[[], RecurrentState],
        logits: torch.Tensor | None,
    ) -> None:
        """Have a state looked at: it stands there now, and never again."""
        self.remembered.with_room(lambda: text.reached(state(), logits))

    def _fail(self, text: PromptReading | ScoredText, failure: Failure) -> None:
        self._cancelled.discard(text.id)
        self.lost = self.lost or isinstance(failure, KernelError)
        self._send(failed(text.id, failure))


def _turns(lane: Lane) -> int:
    """Of so many steps a lane gets one while other texts run, so that these keep half of the time.

    A forward for many texts takes the longer the more they are.
    """
    return 1 + max(1, len(lane.writing) // _AS_ONE)

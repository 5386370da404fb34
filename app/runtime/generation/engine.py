"""Runs all texts of one model together: one forward a token for all; knows no pipe.

Prompts are read piece by piece, and a piece some layers at a time, between the tokens of the texts
that are being written, so that a long prompt delays no other text.  V is the vocabulary, B the
number of texts being written.
"""

import contextlib
from collections import deque
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
from app.runtime.states.state import RecurrentState, have_ready, stack
from app.runtime.states.state_disk import StateDisk
from app.runtime.states.state_store import StateStore

from .encoding import told_of_tokens
from .handing_over import handed_over
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
_FEW = 8  # texts at once; with more the states of replies are kept less often
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
        self._reading: deque[TextReading] = deque()
        self._writing: list[Sequence] = []
        self._state: RecurrentState | None = None
        self.forwards = self.prefills = 0
        self.lost = False

    @property
    def idle(self) -> bool:
        """Whether no text is running."""
        return not self._reading and not self._writing and self._scoring.idle

    def prepare(self) -> None:
        """Do, while nothing is asked for, what the next text would have to wait for.

        That is to take memory from the system for its states: the one that it runs in, the one
        after its prompt, and the one at its end.
        """
        if self._model.ops.device is not None:
            return
        with contextlib.suppress(OutOfMemory), allocations_named():
            have_ready(self._model.spec, _STATES_AHEAD)

    def start(self, request: Reads) -> None:
        """Start a text; tokens of its prompt whose state is known are not read again.

        Raises RequestRefused, the tokenizer's failures, those of reading a state, and OutOfMemory;
        nothing has begun then.
        """
        with allocations_named():
            try:
                reading = self._begun(request)
            except OutOfMemory:
                if not self.remembered.give_back():
                    raise
                reading = self._begun(request)
        self._reading.append(reading)

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
            text.reached(reading.state, reading.logits)

    def _arrive(self, reading: TextReading) -> None:
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
            self._reading.remove(reading)
            self._fail(text, failure)

    def score(self, request: Score) -> None:
        """Start to score a text.  Raises RequestRefused and the tokenizer's failures."""
        self._scoring.add(ScoredText(request, self._opened, self._send))

    def _text_of(self, request: Reads) -> PromptReading:
        trail = self._starts.trail(request.start)
        if isinstance(request, Generate):
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
        self._stop_cancelled()
        for reading in tuple(self._reading):
            self._arrive(reading)
        ready = [reading for reading in self._reading if reading.coming is None]
        if ready:  # what is soonest read: a short question need not wait for a long text
            self._advance(min(ready, key=lambda r: r.text.unread // self._cuts.tokens))
        self._scoring.step()
        if self._writing:
            self._write()
        elif not ready and self._reading and self._scoring.idle:
            self._reading[0].wait_a_moment()

    def _stop_cancelled(self) -> None:
        for reading in [r for r in self._reading if r.text.id in self._cancelled]:
            self._reading.remove(reading)
            self._stop(reading.text)
            if reading.coming is None:
                self._keep_read(reading, lasting=reading.text.lasts)
        going = [i for i, text in enumerate(self._writing) if text.id not in self._cancelled]
        for i in sorted(set(range(len(self._writing))) - set(going)):
            self._stop(self._writing[i])
            self._remember_row(i, None, lasting=self._writing[i].lasts)
        self._keep(going)

    def _keep_read(self, reading: TextReading, *, lasting: bool = False) -> None:
        """Remember a copy of the state up to which a prompt was read."""
        state = reading.state
        self.remembered.keep(
            reading.text, state.clone, state.nbytes, reading.logits, lasting=lasting
        )

    def _stop(self, text: PromptReading) -> None:
        self._cancelled.discard(text.id)
        text.end("stopped")

    def _advance(self, reading: TextReading) -> None:
        """Continue a prefill; at the end of the prompt the text goes on to decode."""
        text = reading.text
        try:
            with allocations_named():
                if text.unread and reading.piece is None:
                    self._look_again(reading)
                if text.unread:
                    self._read(reading)
                if text.unread:
                    return
                self._reading.remove(reading)
                if text.take(reading.logits, reading.hidden) and isinstance(text, Sequence):
                    states = (
                        [reading.state] if self._state is None else [self._state, reading.state]
                    )
                    self._state = stack(states) if self._writing else reading.state
                    self._writing.append(text)
        except Failure as failure:
            if self._may_try_again(reading, failure):
                return
            if reading in self._reading:
                self._reading.remove(reading)
            self._fail(text, failure)

    def _may_try_again(self, reading: TextReading, failure: Failure) -> bool:
        """Whether memory ran out within a piece, and there is more of it now."""
        if not isinstance(failure, OutOfMemory) or not self.remembered.give_back():
            return False
        if not self._model.reads_in_steps or reading.again_at == reading.text.read:
            return False
        reading.piece, reading.again_at = None, reading.text.read
        return reading in self._reading

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
            text.reached(piece.state, logits)

    def _write(self) -> None:
        """One token of every text, from one forward."""
        assert self._state is not None
        try:
            with allocations_named():
                tokens = torch.tensor([text.written[-1:] for text in self._writing])
                logits, hidden = self._forward(tokens, self._state)
        except Failure as failure:
            for text in self._writing:
                self._fail(text, failure)
            self._keep([])
            if isinstance(failure, OutOfMemory):
                self.remembered.give_back()
            return
        self.forwards += 1
        every = _EVERY * -(-len(self._writing) // _FEW)
        going = []
        for i, text in enumerate(self._writing):
            text.fed = len(text.written)
            try:
                if text.looks:
                    self._show_row(i, logits[i])
                if text.take(logits[i], None if hidden is None else hidden[i]):
                    going.append(i)
                    if (text.read + text.fed) % every == 0:
                        self._remember_row(i, logits[i])
                else:
                    self._remember_row(i, logits[i], lasting=text.lasts)
            except Failure as failure:
                self._fail(text, failure)
        self._keep(going)

    def _forward(
        self, tokens: torch.Tensor, state: RecurrentState
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits (B, V), and the vectors (B, C) that they are made of where a text wants them."""
        alike = any(text.repeats for text in self._writing)
        if not any(text.wants_hidden for text in self._writing):
            return self._model.forward(tokens, state, alike=alike), None
        hidden = self._model.hidden(tokens, state, alike=alike)
        return self._model.logits(hidden, alike=alike)[:, 0], hidden[:, 0]

    def _show_row(self, row: int, logits: torch.Tensor) -> None:
        assert self._state is not None
        with allocations_named():
            self._writing[row].reached(self._state.rows([row]), logits)

    def _keep(self, rows: list[int]) -> None:
        """Only these of the texts being written go on; none where there is no memory for it."""
        if len(rows) == len(self._writing):
            return
        kept = [self._writing[i] for i in rows]
        try:
            with allocations_named():
                self._state = self._state.rows(rows) if self._state and rows else None
        except Failure as failure:
            for text in kept:
                self._fail(text, failure)
            self._state, kept = None, []
        self._writing = kept

    def _fail(self, text: PromptReading | ScoredText, failure: Failure) -> None:
        self._cancelled.discard(text.id)
        self.lost = self.lost or isinstance(failure, KernelError)
        self._send(failed(text.id, failure))

    def _remember_row(
        self, row: int, logits: torch.Tensor | None, *, lasting: bool = False
    ) -> None:
        state = self._state
        assert state is not None
        nbytes = state.nbytes // state.batch
        text = self._writing[row]
        text.straight = False  # its last tokens were read one by one
        self.remembered.keep(text, lambda: state.rows([row]), nbytes, logits, lasting=lasting)

"""Runs all texts of one model together: one forward a token for all; knows no pipe.

Prompts are read piece by piece, and a piece some layers at a time, between the tokens of the texts
that are being written, so that a long prompt delays no other text.  V is the vocabulary, B the
number of texts being written.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from app.errors import Failure, KernelError, OutOfMemory
from app.kernels.allocation import allocations_named
from app.runtime.protocol.messages import Generate, Reply, failed
from app.runtime.protocol.scores import Score
from app.runtime.states.state import RecurrentState, stack
from app.runtime.states.state_cache import Known, StateCache

from .prompt_cuts import prompt_cuts_of
from .prompting import prepare
from .scoring import ScoredText, Scoring
from .sequence import Sequence
from .straight_reads import StraightReads

if TYPE_CHECKING:
    from app.runtime.opened import Opened


@dataclass
class _Reading:
    """A text in prefill; ``logits`` (V,) are those after the tokens read so far, if known.

    ``piece`` is what is being read on.
    """

    text: Sequence
    state: RecurrentState
    logits: torch.Tensor | None
    piece: "_Piece | None" = None


@dataclass
class _Piece:
    """A piece of a prompt, up to token ``end``, part way through the layers, with its own state."""

    end: int
    state: RecurrentState
    steps: Iterator[torch.Tensor | None]


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
        cache: StateCache | None = None,
    ) -> None:
        self._opened, self._model, self._send = opened, opened.model, send
        self._cancelled = set() if cancelled is None else cancelled
        self._cache = StateCache() if cache is None else cache
        self._cuts = prompt_cuts_of(opened.model.spec, opened.model.ops)
        self._straight = StraightReads(self._cuts)
        self._scoring = Scoring(self._cuts, self._cancelled, self._fail)
        self._reading: deque[_Reading] = deque()
        self._writing: list[Sequence] = []
        self._state: RecurrentState | None = None
        self.forwards = self.prefills = 0
        self.lost = False

    @property
    def idle(self) -> bool:
        """Whether no text is running."""
        return not self._reading and not self._writing and self._scoring.idle

    def start(self, request: Generate) -> None:
        """Start a text; tokens of its prompt whose state is cached are not read again.

        Raises RequestRefused, the tokenizer's failures and OutOfMemory; nothing has begun then.
        """
        text = Sequence(request, prepare(request, self._opened), self._opened, self._send)
        with allocations_named():
            known = self._known(text)
            state = known.state if known else self._model.blank()
        self._reading.append(_Reading(text, state, known.logits if known else None))
        if known:
            text.note_read(known.tokens)

    def _known(self, text: Sequence) -> Known | None:
        """What is remembered of the beginning of a text's prompt and may serve it."""
        known = self._cache.longest(text.prompt)
        while known:
            text.straight = self._straight.serves(text.prompt, text.mark, known.tokens)
            if text.straight or not text.repeats:
                return known
            known = self._cache.longest(text.prompt[: known.tokens - 1])
        text.straight = True
        return None

    def score(self, request: Score) -> None:
        """Start to score a text.  Raises RequestRefused and the tokenizer's failures."""
        self._scoring.add(ScoredText(request, self._opened, self._send))

    def step(self) -> None:
        """Run some layers of one prompt piece, and one token of every text in decode.

        A text that is scored goes some layers on as well.
        """
        self._stop_cancelled()
        if self._reading:  # what is soonest read: a short question need not wait for a long text
            self._advance(min(self._reading, key=lambda r: r.text.unread // self._cuts.tokens))
        self._scoring.step()
        if self._writing:
            self._write()

    def _stop_cancelled(self) -> None:
        for reading in [r for r in self._reading if r.text.id in self._cancelled]:
            self._reading.remove(reading)
            self._stop(reading.text)
            self._remember(reading.text, reading.state, reading.logits)
        going = [i for i, text in enumerate(self._writing) if text.id not in self._cancelled]
        for i in sorted(set(range(len(self._writing))) - set(going)):
            self._stop(self._writing[i])
            self._remember_row(i, None)
        self._keep(going)

    def _stop(self, text: Sequence) -> None:
        self._cancelled.discard(text.id)
        text.end("stopped")

    def _advance(self, reading: _Reading) -> None:
        """Continue a prefill; at the end of the prompt the text goes on to decode."""
        text = reading.text
        try:
            with allocations_named():
                if text.unread:
                    self._read(reading)
                if text.unread or reading.logits is None:
                    return
                self._reading.remove(reading)
                if text.take(reading.logits):
                    states = (
                        [reading.state] if self._state is None else [self._state, reading.state]
                    )
                    self._state = stack(states) if self._writing else reading.state
                    self._writing.append(text)
        except Failure as failure:
            if reading in self._reading:
                self._reading.remove(reading)
            self._fail(text, failure)

    def _read(self, reading: _Reading) -> None:
        """Run some layers of the prompt's next piece; a stop is checked between them."""
        piece = reading.piece = reading.piece or self._next_piece(reading)
        for _ in range(self._cuts.layers(piece.end - reading.text.read)):
            if reading.text.id in self._cancelled:
                return
            logits = next(piece.steps)
            if logits is not None:
                self._have_read(reading, piece, logits[0])
                return

    def _next_piece(self, reading: _Reading) -> _Piece:
        """From where the prompt has been read to."""
        text, model = reading.text, self._model
        end = min(self._cuts.end_after(text.read), len(text.prompt))
        if text.read < text.mark < end:
            end = text.mark
        # what is left halfway has spoilt its state; a card leaves nothing
        state = reading.state.clone() if model.ops.device is None else reading.state
        tokens = torch.tensor([text.prompt[text.read : end]])
        return _Piece(end, state, model.reading(tokens, state))

    def _have_read(self, reading: _Reading, piece: _Piece, logits: torch.Tensor) -> None:
        """What the conversation will come back to is remembered."""
        text = reading.text
        reading.piece, reading.state, reading.logits = None, piece.state, logits
        self.prefills += 1
        text.note_read(piece.end - text.read)
        places = [text.mark, len(text.prompt)]
        if text.repeats:  # little else that is remembered serves a text that repeats
            places.append(self._cuts.last_before(len(text.prompt)))
        if piece.end in places:
            self._remember(text, reading.state, reading.logits)

    def _write(self) -> None:
        """One token of every text, from one forward."""
        assert self._state is not None
        try:
            with allocations_named():
                tokens = torch.tensor([text.written[-1:] for text in self._writing])
                alike = any(text.repeats for text in self._writing)
                logits = self._model.forward(tokens, self._state, alike=alike)
        except Failure as failure:
            for text in self._writing:
                self._fail(text, failure)
            self._keep([])
            return
        self.forwards += 1
        going = []
        for i, text in enumerate(self._writing):
            text.fed = len(text.written)
            try:
                if text.take(logits[i]):
                    going.append(i)
                else:
                    self._remember_row(i, logits[i])
            except Failure as failure:
                self._fail(text, failure)
        self._keep(going)

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

    def _fail(self, text: Sequence | ScoredText, failure: Failure) -> None:
        self._cancelled.discard(text.id)
        self.lost = self.lost or isinstance(failure, KernelError)
        self._send(failed(text.id, failure))

    def _remember_row(self, row: int, logits: torch.Tensor | None) -> None:
        assert self._state is not None
        text = self._writing[row]
        self._straight.note(text.consumed, text.mark, straight=False)
        with contextlib.suppress(OutOfMemory), allocations_named():
            self._cache.keep(text.consumed, self._state.rows([row]), logits)

    def _remember(self, text: Sequence, state: RecurrentState, logits: torch.Tensor | None) -> None:
        self._straight.note(text.consumed, text.mark, straight=text.straight)
        with contextlib.suppress(OutOfMemory), allocations_named():
            self._cache.keep(text.consumed, state.clone(), logits)

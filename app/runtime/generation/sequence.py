"""One text in decode: turns logits into Piece messages and a Done; runs no model."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from app.runtime.generation.stops import StopScan
from app.runtime.protocol.messages import Done, Generate, Piece, Prefilled, Reply, TokenFacts

from .prompting import Prepared
from .sampling import GREEDY, Sampler, facts_of

if TYPE_CHECKING:
    import torch

    from app.runtime.opened import Opened

Reason = Literal["end", "stop", "limit", "stopped"]


class Sequence:
    """``read`` of ``prompt``'s tokens are in its state, and ``fed`` of those ``written``.

    ``repeats``: it is to come out the same whatever runs beside it and whatever is remembered;
    ``straight``: its prompt is read as if nothing were (straight_reads.py).
    """

    def __init__(
        self,
        request: Generate,
        prepared: Prepared,
        opened: "Opened",
        send: Callable[[Reply], None],
    ) -> None:
        """Raises RequestRefused for invalid sampling or stops."""
        tokenizer = opened.tokenizer
        self.id, self.prompt, self.mark = request.id, prepared.ids, prepared.mark
        self.read, self.fed, self.straight = 0, 0, True
        self.written: list[int] = []
        self._limit, self._top = request.limit, max(0, request.top_logprobs)
        self._ends = prepared.ends
        self._send = send
        self._decoder = tokenizer.decoder()
        self._scan = StopScan(prepared.stops, prepared.begun)
        self._whole_characters = prepared.whole_characters
        self._sampler = Sampler(
            request.sampling,
            opened.model.spec.vocabulary,
            never=tokenizer.never,
            uncounted=tokenizer.uncounted,
        )
        how = self._sampler.how
        self.repeats = how.seed is not None and how.temperature >= GREEDY
        self._sampler.note(prepared.ids[len(prepared.ids) - prepared.begun_tokens :])
        self._began = self._read = self._first = self._last = time.perf_counter()

    @property
    def consumed(self) -> tuple[int, ...]:
        """The tokens that its state has seen."""
        return (*self.prompt[: self.read], *self.written[: self.fed])

    @property
    def unread(self) -> int:
        """How many tokens of the prompt are still to be read."""
        return len(self.prompt) - self.read

    def note_read(self, tokens: int) -> None:
        """So many more tokens of the prompt are in the state."""
        self.read += tokens
        self._read = self._first = self._last = time.perf_counter()
        self._send(Prefilled(id=self.id, done=self.read, total=len(self.prompt)))

    def take(self, logits: "torch.Tensor") -> bool:
        """Choose the next token from ``logits`` (V,) and send it; False if the text has ended.

        Raises NumbersBroken, and RequestRefused where every token is banned.
        """
        if len(self.written) >= self._limit:
            return self.end("limit")
        token = self._sampler.pick(logits)
        if token in self._ends:
            return self.end("end")
        self._send(self._piece(token, logits))
        if self._scan.found is not None:
            return self.end("stop")
        return len(self.written) < self._limit or self.end("limit")

    def end(self, reason: Reason) -> Literal[False]:
        """Send what is held back, and Done."""
        cut = "" if self._whole_characters and reason != "end" else self._decoder.flush()
        rest = self._scan.feed(cut) + self._scan.flush()
        if rest:
            self._send(Piece(id=self.id, text=rest))
        self._send(
            Done(
                id=self.id,
                reason=reason,
                prompt_tokens=len(self.prompt),
                tokens=len(self.written),
                prefill_s=self._read - self._began,
                decode_s=self._last - self._first,
                first_token_s=self._first - self._began,
                seed=self._sampler.seed,
                taken_back=self._scan.taken_back,
            )
        )
        return False

    def _piece(self, token: int, logits: "torch.Tensor") -> Piece:
        facts = facts_of(logits, token, self._top) if self._top else TokenFacts(token)
        text = self._scan.feed(self._decoder.feed(token))
        self._last = time.perf_counter()
        if not self.written:
            self._first = self._last
        self.written.append(token)
        return Piece(id=self.id, text=text, tokens=(facts,))

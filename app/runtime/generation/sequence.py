"""One text in decode: turns logits into Piece messages and a Done; runs no model."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from app.runtime.generation.stops import StopScan
from app.runtime.protocol.messages import Done, Generate, Piece, Reply, TokenFacts
from app.runtime.states.state_store import Trail

from .prompt_reading import PromptReading, Reason
from .prompting import Prepared
from .sampling import Sampler, facts_of

if TYPE_CHECKING:
    import torch

    from app.runtime.opened import Opened


class Sequence(PromptReading):
    """``read`` of ``prompt``'s tokens are in its state, and ``fed`` of those ``written``."""

    def __init__(
        self,
        request: Generate,
        prepared: Prepared,
        opened: "Opened",
        send: Callable[[Reply], None],
        trail: Trail,
    ) -> None:
        """Raises RequestRefused for invalid sampling or stops."""
        tokenizer = opened.tokenizer
        super().__init__(request.id, prepared.ids, trail, send, (prepared.mark,))
        self.fed = 0
        self.written: list[int] = []
        self._limit, self._top = request.limit, max(0, request.top_logprobs)
        self._ends = prepared.ends
        self._decoder = tokenizer.decoder()
        self._scan = StopScan(prepared.stops, prepared.begun)
        self._whole_characters = prepared.whole_characters
        self._sampler = Sampler(
            request.sampling,
            opened.model.spec.vocabulary,
            never=tokenizer.never,
            uncounted=tokenizer.uncounted,
        )
        self._sampler.note(prepared.ids[len(prepared.ids) - prepared.begun_tokens :])
        self._first = self._last = self._began

    def come_up(self) -> Trail:
        """See PromptReading."""
        trail = super().come_up()
        done = trail.prefix.tokens - len(self.prompt)
        if 0 <= done < self.fed:
            trail.prefix.grow(self.written[done : self.fed])
        return trail

    def _note(self, tokens: int) -> None:
        super()._note(tokens)
        self._first = self._last = self._read

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
                computed_tokens=self.computed,
                approximate=self.trail.approximate,
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

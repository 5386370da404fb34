"""One text in decode: turns logits into Piece messages and a Done; runs no model."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from app.runtime.generation.stops import StopScan
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import Done, Generate, Piece, Prefilled, Reply, TokenFacts

from .option_checks import check_options
from .processors import processors_of
from .prompting import Prepared
from .sampling import Pick, Sampler
from .token_facts import facts_of

if TYPE_CHECKING:
    import torch

    from app.runtime.opened import Opened

Reason = Literal["end", "stop", "limit", "stopped"]


class Sequence:
    """``read`` of ``prompt``'s tokens are in its state, and ``fed`` of those ``written``."""

    def __init__(
        self,
        request: Generate,
        prepared: Prepared,
        opened: "Opened",
        send: Callable[[Reply], None],
    ) -> None:
        """Raises RequestRefused for options that mean nothing."""
        tokenizer, options = opened.tokenizer, request.options
        check_options(options, opened.model.spec.vocabulary)
        self.id, self.prompt, self.mark = request.id, prepared.ids, prepared.mark
        self.read, self.fed = 0, 0
        self.written: list[int] = []
        self._limit = options.limit
        self._outputs = options.outputs if options.outputs != Outputs() else None
        self._ends = prepared.ends
        self._send = send
        self._decoder = tokenizer.decoder()
        self._scan = StopScan(prepared.stops, prepared.begun)
        self._whole_characters = prepared.whole_characters
        processors = processors_of(
            options.sampling,
            prompt=prepared.ids,
            never=tokenizer.never,
            uncounted=tokenizer.uncounted,
        )
        self._sampler = Sampler(options.sampling, processors)
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
        pick = self._sampler.pick(logits)
        if pick.token in self._ends:
            return self.end("end")
        self._send(self._piece(pick, logits))
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

    def _piece(self, pick: Pick, logits: "torch.Tensor") -> Piece:
        facts = (
            facts_of(logits, pick.token, self._outputs, pick.chance)
            if self._outputs
            else TokenFacts(pick.token)
        )
        text = self._scan.feed(self._decoder.feed(pick.token))
        self._last = time.perf_counter()
        if not self.written:
            self._first = self._last
        self.written.append(pick.token)
        return Piece(id=self.id, text=text, tokens=(facts,))

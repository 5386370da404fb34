"""What is known of the speed of a text that is written; shows and stores nothing."""

import time

from app.runtime.protocol.messages import Done, Piece, Prefilled
from app.store.records import Reply


class ReplyClock:
    """The worker's own Done, or, without one, our own watch."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._first = self._last = 0.0
        self.tokens = self._prompt = 0
        self._done: Done | None = None
        self.reason = ""

    def note(self, event: object) -> None:
        """Take what an event tells."""
        now = time.monotonic()
        if isinstance(event, Done):
            self._done, self.reason = event, event.reason
        elif isinstance(event, Prefilled):
            self._prompt = event.total
        elif isinstance(event, Piece):
            self._first = self._first or now
            self._last = now
            self.tokens += len(event.tokens)

    def facts(self, seed: int | None) -> Reply:
        """How the text was made; ``seed`` is what was asked for."""
        done = self._done
        if done is None:
            return Reply(
                reason=self.reason,
                prompt_tokens=self._prompt,
                tokens=self.tokens,
                decode_s=self._last - self._first,
                first_token_s=max(self._first - self._began, 0.0),
                seed=seed,
            )
        return Reply(
            reason=done.reason,
            prompt_tokens=done.prompt_tokens,
            computed_tokens=done.computed_tokens,
            approximate=done.approximate,
            tokens=done.tokens,
            prefill_s=done.prefill_s,
            decode_s=done.decode_s,
            first_token_s=done.first_token_s,
            seed=done.seed,
        )

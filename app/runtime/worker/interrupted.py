"""A text that is interrupted: what came of it, and how the rest is asked of another worker."""

import secrets
import time

import msgspec

from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Event, Loaded, Piece
from app.runtime.protocol.states import StateSeen
from app.runtime.protocol.written_before import WrittenBefore


class Interruptible:
    """Listens to a text, so that after an interruption the same request is asked for again.

    ``options`` are what to ask with: without a seed each worker would draw one of its own, and the
    whole could not be repeated with either.  ``before`` goes with them, what has been told already.
    ``note`` every event, and pass on what it gives.
    """

    def __init__(self, options: GenerateOptions, loaded: Loaded | None) -> None:
        self.options = _seeded(options)
        self.fingerprint = loaded.fingerprint if loaded is not None else ""
        self.before: WrittenBefore | None = None
        self._ids: list[int] = []
        self._states_told = -1
        self._rest: tuple[Piece, ...] = ()
        self._began_s = time.perf_counter()
        self._first_s = self._last_s = self._decode_s = 0.0

    def note(self, event: Event | Done) -> tuple[Event | Done, ...]:
        """Take what an event tells; what the reader of the whole is told now.

        Words without a token are those that were held back until the end.  They wait for it: where
        the end is only that of a worker, the next one gives them.
        """
        if isinstance(event, Piece) and not event.tokens:
            self._rest = (*self._rest, event)
            return ()
        if isinstance(event, Piece):
            self._ids += [fact.token for fact in event.tokens]
            self._last_s = time.perf_counter()
            self._first_s = self._first_s or self._last_s
        elif isinstance(event, StateSeen):
            self._states_told = event.tokens
        elif isinstance(event, Done) and self.before is not None:
            event = self._whole(event, len(self.before.ids))
        rest, self._rest = self._rest, ()
        return (*rest, event)

    def interrupt(self) -> None:
        """The text goes on in another worker."""
        self._rest = ()
        self._decode_s += self._last_s - self._first_s
        self._last_s = self._first_s
        self.before = WrittenBefore(tuple(self._ids), self._states_told)

    def _whole(self, done: Done, before: int) -> Done:
        """What was written before counts as written, and not as a part of the prompt."""
        prompt = done.prompt_tokens - before
        return msgspec.structs.replace(
            done,
            prompt_tokens=prompt,
            computed_tokens=min(done.computed_tokens, prompt),
            tokens=before + done.tokens,
            decode_s=self._decode_s + done.decode_s,
            first_token_s=self._first_s - self._began_s,
        )


def _seeded(options: GenerateOptions) -> GenerateOptions:
    """With a seed, which alone makes no text one that repeats whatever runs beside it."""
    if options.sampling.seed is not None:
        return options
    sampling = msgspec.structs.replace(options.sampling, seed=secrets.randbelow(2**32))
    repeats = bool(options.reproducible)
    return msgspec.structs.replace(options, sampling=sampling, reproducible=repeats)

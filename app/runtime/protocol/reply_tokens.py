"""Collects the tokens of one reply from the events of its generation."""

from array import array

from app.runtime.protocol.messages import Done, Event, Piece, ReplyBegun
from app.runtime.protocol.token_spans import TokenSpan, pack, unpack


class ReplyTokens:
    """``note`` every event of a Chat; ``span`` is what is known so far.

    ``before`` is how many characters the reply has before the first event: a template's beginning
    of it, or what it goes on from.  The tokens as which the worker has read that, if it tells them,
    are the reply's own; until it has told anything those ``known`` of it are.
    """

    def __init__(self, before: int, known: TokenSpan | None = None) -> None:
        self._start, self._known = before, known
        self._vocabulary = ""
        self._ids = array("I")
        self._told = 0

    def note(self, event: Event | Done) -> None:
        """Take what an event tells."""
        if isinstance(event, ReplyBegun):
            begun = event.tokens
            self._vocabulary = begun.vocabulary
            if begun.ids:
                self._start, self._ids = begun.start, array("I", unpack(begun.ids))
            self._told = len(self._ids)
        elif isinstance(event, Piece):
            self._ids.extend(fact.token for fact in event.tokens)
        elif isinstance(event, Done) and event.tokens_taken_back:
            del self._ids[-event.tokens_taken_back :]

    @property
    def span(self) -> TokenSpan | None:
        """The tokens and where they begin in the reply's text; None where nothing is known."""
        if not self._vocabulary:
            return self._known
        return TokenSpan(self._vocabulary, self._start, pack(self._ids))

    def gained(self) -> bytes:
        """The tokens since this was asked last, packed; those that it began with do not count."""
        more = pack(self._ids[self._told :])
        self._told = len(self._ids)
        return more

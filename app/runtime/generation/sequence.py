"""One text in decode: turns logits into Piece messages and a Done; runs no model."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import msgspec

from app.errors import RequestRefused
from app.runtime.generation.stops import StopScan
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import Done, Generate, Piece, Reply, ReplyBegun, TokenFacts
from app.runtime.protocol.prompts import Sampling
from app.runtime.protocol.states import StatesWanted
from app.runtime.protocol.token_spans import TokenSpan
from app.runtime.states.state_spacing import close_places
from app.runtime.states.state_store import Trail

from .filters import GREEDY
from .grammars.grammar import GrammarMask
from .option_checks import check_options
from .processors import processors_of
from .prompt_reading import PromptReading, Reason
from .prompting import Prepared
from .sampling import Pick, Sampler
from .state_looks import StateLooks
from .token_facts import facts_of
from .token_fit import count_beyond, places

if TYPE_CHECKING:
    import torch

    from app.runtime.models.embedding_head import EmbeddingHead
    from app.runtime.opened import Opened
    from app.runtime.states.state import RecurrentState

_NO_STATES = StatesWanted()


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
        """Raises RequestRefused for options that mean nothing, or do not fit what is begun."""
        tokenizer, options = opened.tokenizer, request.options
        check_options(options, opened.model.spec.vocabulary)
        how = options.sampling
        greedy = how.temperature < GREEDY
        drawn = how.seed is not None and not greedy
        # those that are read afresh begin together, which repeats as well
        usual = drawn and not request.afresh
        repeats = usual if options.reproducible is None else options.reproducible
        ids, own = prepared.ids + prepared.written, prepared.begun.ids + prepared.written
        begun = len(own) if greedy and not repeats else 0
        behind = (len(ids) - begun,) if begun else ()
        # one that repeats is cut where all texts are, and nowhere else
        close = close_places(len(ids)) if prepared.document and not repeats else ()
        self._looks = _looks_of(request, opened, send)
        places = () if self._looks is None else self._looks.places
        marks = (prepared.mark, *behind, *close, *places)
        super().__init__(request.id, ids, trail, send, marks)
        self._first_place = min(places, default=len(ids))
        self.repeats, trail.thins = repeats, prepared.document
        self._afresh, self._document = request.afresh, prepared.document
        self.written_from -= begun
        self.fed = 0
        self.written: list[int] = []
        self._limit = options.limit - len(prepared.written)
        self._hidden = options.outputs.hidden
        self._head = _head_of(options.outputs, opened)
        told = msgspec.structs.replace(
            options.outputs, hidden=False, embedding="", states=_NO_STATES
        )
        self._outputs = told if told != Outputs() else None
        self._ends = prepared.ends
        self._begun = prepared.begun
        self._tokenizer = tokenizer
        self._decoder = tokenizer.decoder()
        for token in prepared.begun.held:
            self._decoder.feed(token)
        self._scan = StopScan(prepared.stops, prepared.begun.text)
        self._characters = self._decoded = 0  # that were sent, and with those held for a stop
        self._places: list[int] = []  # see ``token_fit.places``
        self._whole_characters = prepared.whole_characters
        self._grammar: GrammarMask | None = None
        if options.grammar is not None:
            banned = bool(how.banned)
            self._grammar = GrammarMask(options.grammar, tokenizer, prepared.head, banned=banned)
        self._sampler = self._sampler_of(options.sampling, prepared)
        for token in prepared.written:
            self._heard(token)
        self._first = self._last = self._began
        if (span := prepared.begun.span) is not None:
            begins = TokenSpan(span.vocabulary) if prepared.written else span
            send(ReplyBegun(id=self.id, tokens=begins))

    def _sampler_of(self, how: Sampling, prepared: Prepared) -> Sampler:
        processors = processors_of(
            how,
            prompt=prepared.ids,
            never=self._tokenizer.never,
            uncounted=self._tokenizer.uncounted,
        )
        sampler = Sampler(how, processors)
        sampler.note(prepared.counted + prepared.written)
        if self._grammar is not None:
            for token in prepared.held + prepared.written:
                self._grammar.note(token)
            if self._grammar.broken:
                raise RequestRefused(why="grammar-begun")
            sampler.add(self._grammar)
        return sampler

    @property
    def remembers(self) -> bool:
        """See PromptReading."""
        return not self._afresh

    @property
    def lasts(self) -> bool:
        """See PromptReading."""
        return not self._afresh

    @property
    def wants_hidden(self) -> bool:
        """See PromptReading."""
        return self._hidden

    @property
    def looks(self) -> bool:
        """Whether the state after the tokens that are in it now is looked at."""
        return self._looks is not None and self._looks.wants(self.read + self.fed)

    def reached(self, state: "RecurrentState", logits: "torch.Tensor | None") -> None:
        """See PromptReading; called between tokens that are written as well."""
        if self._looks is not None and self.looks:
            at = self.read + self.fed
            taken = self._looks.take(at, state, logits, self.come_up())
            self._looks.tell(at, state, taken)

    @property
    def lookup(self) -> tuple[int, ...]:
        """None where it is to be computed from its beginning.

        Not beyond the first state that is looked at, and the vector before the first token that is
        written comes of reading the last one.
        """
        last = len(self.prompt) - self._hidden
        return () if self._afresh else self.prompt[: min(last, self._first_place)]

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

    def take(self, logits: "torch.Tensor | None", hidden: "torch.Tensor | None" = None) -> bool:
        """Choose the next token from ``logits`` (V,) and send it; False if the text has ended.

        Raises NumbersBroken, and RequestRefused where every token is banned or the grammar takes
        too much.
        """
        assert logits is not None  # a text to be written has at least one token before it
        if (reason := self._reached()) is not None:
            return self.end(reason)
        pick = self._pick(logits)
        if pick is None or pick.token in self._ends:
            return self.end("end" if pick else "blocked")
        self._send(self._piece(pick, logits, hidden))
        reason = self._reached()
        return reason is None or self.end(reason)

    def _reached(self) -> Reason | None:
        """Why no token may follow those that are written."""
        if self._scan.found is not None:
            return "stop"
        if self._grammar is not None and self._grammar.complete:
            return "end"
        return "limit" if len(self.written) >= self._limit else None

    def _pick(self, logits: "torch.Tensor") -> Pick | None:
        """None where bans have left nothing of what the grammar lets come next."""
        try:
            return self._sampler.pick(logits)
        except RequestRefused as refused:
            if self._grammar is None or refused.facts.get("why") != "all-banned":
                raise
            return None

    def end(self, reason: Reason) -> Literal[False]:
        """Send what is held back, and Done."""
        cut = "" if self._whole_characters and reason != "end" else self._decoder.flush()
        rest = self._scan.feed(cut) + self._scan.flush()
        if rest:
            self._send(Piece(id=self.id, text=rest))
            self._characters += len(rest)
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
                tokens_taken_back=self._tokens_taken_back(),
            )
        )
        return False

    def _tokens_taken_back(self) -> int:
        """How many tokens at the end, of those written and of the reply that goes on, are a stop's.

        One that gives characters on both sides of that border is the stop's.
        """
        if self._scan.found is None:
            return 0
        if back := self._scan.taken_back:
            begun = self._begun
            ends = places(begun.ids, self._tokenizer)
            return len(self._places) + count_beyond(ends, len(begun.text) - back)
        return count_beyond(self._places, self._characters)

    def _piece(self, pick: Pick, logits: "torch.Tensor", hidden: "torch.Tensor | None") -> Piece:
        facts = (
            facts_of(logits, pick.token, self._outputs, pick.chance)
            if self._outputs
            else TokenFacts(pick.token)
        )
        if self._hidden and hidden is not None:
            hidden = hidden if self._head is None else self._head(hidden)
            vector = hidden.numpy().astype("<f4", copy=False).tobytes()
            facts = msgspec.structs.replace(facts, hidden=vector)
        text, length = self._heard(pick.token)
        self._last = time.perf_counter()
        if not self.written:
            self._first = self._last
        self.written.append(pick.token)
        lengths = (length,) if self._document else ()
        return Piece(id=self.id, text=text, tokens=(facts,), lengths=lengths)

    def _heard(self, token: int) -> tuple[str, int]:
        """What of the text is certain with one more token, and how many characters that ends."""
        decoded = self._decoder.feed(token)
        text = self._scan.feed(decoded)
        self._characters += len(text)
        self._decoded += len(decoded)
        self._places.append(-1 if self._decoder.holds else self._decoded)
        return text, len(decoded)


def _looks_of(
    request: Generate, opened: "Opened", send: Callable[[Reply], None]
) -> StateLooks | None:
    """At the states that are wanted and were not told of before."""
    states, before = request.options.outputs.states, request.before
    if states == _NO_STATES:
        return None
    told = before.states_told if before is not None else -1
    return StateLooks(request.id, states, opened, send, told)


def _head_of(outputs: Outputs, opened: "Opened") -> "EmbeddingHead | None":
    """Raises RequestRefused for a task that the model has no head for."""
    task = outputs.embedding
    if task and task not in opened.embedding_heads:
        wanted = {"wanted": ", ".join(opened.embedding_heads)} if opened.embedding_heads else {}
        raise RequestRefused(why="embedding-task", value=task, **wanted)
    return opened.embedding_heads.get(task)

"""Texts whose tokens are scored: read layer by layer between those of others; knows no pipe.

Nothing is written and no remembered state is used, so the numbers depend on the text alone.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, Protocol

import torch

from app.errors import Failure, RequestRefused
from app.kernels.allocation import allocations_named
from app.runtime.protocol.messages import Done, Generate, Reply
from app.runtime.protocol.prompts import Chat, Text
from app.runtime.protocol.scores import Score, Scored, TokenScore

from .position_facts import scores_of
from .prompt_cuts import PromptCuts
from .prompting import prepare

if TYPE_CHECKING:
    from app.runtime.opened import Opened

_ROWS = 32  # positions that are reduced at once


class ScoredText:
    """One text; ``steps`` takes it on."""

    def __init__(self, request: Score, opened: "Opened", send: Callable[[Reply], None]) -> None:
        """Raises RequestRefused and the tokenizer's failure."""
        self.id = request.id
        self.tokens = _tokens_of(request, opened)
        self._top, self._model, self._send = max(0, request.top), opened.model, send
        self._began = time.perf_counter()
        self._done = 0

    def steps(self, cuts: PromptCuts) -> Iterator[int]:
        """After each step, how many tokens times layers it was about; every token is told once."""
        state, total = self._model.blank(), len(self.tokens)
        ids = torch.tensor([self.tokens])
        self._tell((TokenScore(self.tokens[0]),))
        while self._done < total:
            # the last token is followed by nothing
            begin, end = self._done - 1, min(cuts.end_after(self._done - 1), total - 1)
            for found in self._model.positions(ids[:, begin:end], state):
                yield end - begin
                for rows in () if found is None else torch.split(found.logits[0], _ROWS):
                    following = self.tokens[self._done : self._done + len(rows)]
                    self._tell(scores_of(rows, following, self._top))
                    yield end - begin

    def end(self, reason: Literal["end", "stopped"]) -> None:
        """Send Done."""
        taken = time.perf_counter() - self._began
        self._send(
            Done(
                id=self.id,
                reason=reason,
                prompt_tokens=len(self.tokens),
                tokens=0,
                prefill_s=taken,
                decode_s=0.0,
                first_token_s=taken,
                seed=0,
            )
        )

    def _tell(self, scores: tuple[TokenScore, ...]) -> None:
        self._done += len(scores)
        self._send(Scored(id=self.id, tokens=scores, done=self._done, total=len(self.tokens)))


class _Failing(Protocol):
    """Tells of a text that failed."""

    def __call__(self, text: ScoredText, failure: Failure, /) -> None: ...


class Scoring:
    """The texts that are scored: in turns, each as much at once as a prompt is read at once.

    Ids in ``cancelled`` end before their next layer, with their Done.
    """

    def __init__(self, cuts: PromptCuts, cancelled: set[int], fail: _Failing) -> None:
        self._cuts, self._cancelled, self._fail = cuts, cancelled, fail
        self._texts: deque[tuple[ScoredText, Iterator[int]]] = deque()

    @property
    def idle(self) -> bool:
        """Whether no text is scored."""
        return not self._texts

    def add(self, text: ScoredText) -> None:
        """Begin with a text."""
        self._texts.append((text, text.steps(self._cuts)))

    def step(self) -> None:
        """Take the next text some layers on."""
        if not self._texts:
            return
        text, steps = self._texts.popleft()
        try:
            with allocations_named():
                ended = self._go(text, steps)
        except Failure as failure:
            self._fail(text, failure)
            return
        if ended:
            self._cancelled.discard(text.id)
            text.end(ended)
        else:
            self._texts.append((text, steps))

    def _go(self, text: ScoredText, steps: Iterator[int]) -> Literal["end", "stopped"] | None:
        """Why it has ended, if it has."""
        work = 0
        while work < self._cuts.work:
            if text.id in self._cancelled:
                return "stopped"
            done = next(steps, None)
            if done is None:
                return "end"
            work += done
        return None


def _tokens_of(request: Score, opened: "Opened") -> tuple[int, ...]:
    prompt, vocabulary = request.prompt, opened.model.spec.vocabulary
    if isinstance(prompt, Chat):
        return prepare(Generate(id=request.id, prompt=prompt), opened).ids
    tokens = tuple(opened.tokenizer.encode(prompt.text)) if isinstance(prompt, Text) else prompt.ids
    for token in tokens:
        if not 0 <= token < vocabulary:
            raise RequestRefused(why="token", value=token, vocabulary=vocabulary)
    if not tokens:
        raise RequestRefused(why="no-token")
    return tokens

"""How a prompt is split for prefill: by the model's shape and the backend, never by the clock.

So the same prompt is always cut in the same places, and what is computed repeats bit by bit.
"""

from typing import NamedTuple, Protocol

from app.runtime.spec import Spec

_TOKENS = 256  # fewer make products of matrices slower: they wait for the weights
_WORK = 2**37  # parameters times tokens between two tokens of other texts: a second or so on a CPU


class PromptCuts(NamedTuple):
    """So many ``tokens`` of a prompt go through the model at once, at most.

    Other texts are brought forward after ``work``, which is tokens times layers.
    """

    tokens: int
    work: int

    def end_after(self, place: int) -> int:
        """The end of the piece of a prompt that contains token ``place``."""
        return (place // self.tokens + 1) * self.tokens

    def last_before(self, end: int) -> int:
        """The last cut before token ``end``; 0 where there is none."""
        return (end - 1) // self.tokens * self.tokens

    def layers(self, tokens: int) -> int:
        """How many layers a piece of so many tokens goes through at once."""
        return max(1, self.work // tokens)


class Reader(Protocol):
    """Of a model: the tokens that it takes at once, and whether it can stop between layers."""

    @property
    def rows(self) -> int: ...

    @property
    def reads_in_steps(self) -> bool: ...


def prompt_cuts_of(spec: Spec, model: Reader) -> PromptCuts:
    """The pace of a model of these sizes; a card reads a piece before anybody has waited."""
    if not model.reads_in_steps:
        return PromptCuts(model.rows, model.rows * spec.layers)
    return PromptCuts(min(_TOKENS, model.rows), _WORK * spec.layers // spec.parameters)

"""How a prompt is split for prefill: by the model's shape and the backend, never by the clock.

So the same prompt is always cut in the same places, and what is computed repeats bit by bit.
"""

from typing import TYPE_CHECKING, NamedTuple

from app.runtime.spec import Spec

if TYPE_CHECKING:
    from app.kernels import Ops

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


def prompt_cuts_of(spec: Spec, ops: "Ops") -> PromptCuts:
    """The pace of a model on these operations; a card reads a piece before anybody has waited."""
    if ops.device is not None:
        return PromptCuts(ops.rows, ops.rows * spec.layers)
    return PromptCuts(min(_TOKENS, ops.rows), _WORK * spec.layers // spec.parameters)

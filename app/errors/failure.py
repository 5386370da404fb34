"""What everything that is the world's fault has in common: a code and facts."""

from typing import Any, ClassVar, get_args

Fact = str | int | float


def codes_of(*choices: Any) -> frozenset[str]:
    """The texts that are members of Literal types, and of unions of these."""
    found: set[str] = set()
    for choice in choices:
        for one in get_args(choice):
            found |= {one} if isinstance(one, str) else codes_of(one)
    return frozenset(found)


class Failure(Exception):
    """The world's fault: ``code`` picks the sentence shown, ``facts`` fill it in.

    ``retryable``: the same thing, asked once more, may go well.  Where it is False something else
    has to be chosen first, and nobody is offered to try again.  ``reasons``: what the fact ``why``
    may be.  ``things``: the codes that other facts may be.  ``worded``: the facts that are shown
    with the words of their code, where they are one; any other text is shown as it is.

    ``detail`` is never a sentence of this program: what a library or the system said, for a report.
    """

    code = "failure"
    retryable = True
    reasons: ClassVar[frozenset[str]] = frozenset()
    things: ClassVar[frozenset[str]] = frozenset()
    worded: ClassVar[tuple[str, ...]] = ()

    def __init__(self, detail: str = "", /, **facts: Fact) -> None:
        super().__init__(detail or self.code)
        self.detail = detail
        self.facts = facts

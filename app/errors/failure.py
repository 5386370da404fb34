"""What everything that is the world's fault has in common: a code and facts."""

Fact = str | int | float


class Failure(Exception):
    """The world's fault: ``code`` picks the sentence shown, ``facts`` fill it in.

    ``retryable``: the same thing, asked once more, may go well.  Where it is False something else
    has to be chosen first, and nobody is offered to try again.
    """

    code = "failure"
    retryable = True

    def __init__(self, detail: str = "", /, **facts: Fact) -> None:
        super().__init__(detail or self.code)
        self.detail = detail
        self.facts = facts

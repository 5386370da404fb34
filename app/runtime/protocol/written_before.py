"""What came of a text in another worker, before it was interrupted there."""

import msgspec


class WrittenBefore(msgspec.Struct, frozen=True):
    """``ids`` are the tokens that were written behind the prompt, and told.

    States on the way were told of as well, all until the one after ``states_told`` tokens.
    """

    ids: tuple[int, ...] = ()
    states_told: int = -1

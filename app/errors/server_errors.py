"""What the local server refuses, before any model is asked."""

from .failure import Failure, codes_of
from .reasons import ServerReason


class ServerRefused(Failure):
    """A request to the local server that it does not take, or an address that it cannot have.

    Fact ``name`` is the field, model, state or address that it is about, ``wait_s`` after how many
    seconds it may be asked again.
    """

    code = "server-refused"
    reasons = codes_of(ServerReason)

"""How a text is written and what is told of it, as one value from the window to the engine."""

import msgspec

from app.runtime.protocol.grammars import Grammar
from app.runtime.protocol.prompts import Sampling
from app.runtime.protocol.states import StatesWanted


class Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of each token that is written, besides its id; only this is computed.

    ``logprob``, ``entropy``, ``rank`` and ``top`` (so many best tokens, with their
    log-probabilities) tell of the model's own distribution, before any step of the sampling;
    ``sampled_logprob`` of the one that was drawn from, after all of them.  All are in nats.
    ``hidden`` is the vector after ln_out that a token's logits come from, or what the head for the
    task ``embedding`` makes of it, where that is not "" (see ``Loaded.embeds``).  ``states`` are
    those that are taken on the way.
    """

    logprob: bool = False
    sampled_logprob: bool = False
    entropy: bool = False
    rank: bool = False
    top: int = 0
    hidden: bool = False
    embedding: str = ""
    states: StatesWanted = StatesWanted()


class GenerateOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a prompt is continued.

    At most ``limit`` tokens are written, chosen by ``sampling``.  ``stops`` end the text (and are
    not part of it) wherever they appear, also across token borders; the template's own stops are
    added for a Chat that has no ``grammar``, which a text fits from its first token on and that
    ends it.  ``outputs`` is what is told of each token.  A ``reproducible`` text has
    the same tokens whatever runs beside it and whatever is remembered, which may cost it speed and
    a second reading of its last reply; where that is None, a text with a seed is.  ``owner`` names
    whose text it is: states of it that are kept on the disk go when that is deleted for good.
    """

    limit: int = 1024
    sampling: Sampling = Sampling()
    stops: tuple[str, ...] = ()
    outputs: Outputs = Outputs()
    reproducible: bool | None = None
    grammar: Grammar | None = None
    owner: str = ""

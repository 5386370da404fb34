"""What of a request's options means nothing, and is refused before anything runs."""

import math

from app.errors import RequestRefused
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.prompts import Sampling

from .grammars.grammar_text import check_grammar

SEEDS = 2**63
"""Seeds are 0 to this, less one."""


def check_options(options: GenerateOptions, vocabulary: int) -> None:
    """Raise RequestRefused for what means nothing, with why, value and what else tells of it."""
    if options.limit < 0:
        raise RequestRefused(why="limit", value=options.limit)
    check_sampling(options.sampling, vocabulary)
    _within("top", options.outputs.top, 0, math.inf)
    if options.grammar is not None:
        check_grammar(options.grammar)


def check_sampling(how: Sampling, vocabulary: int) -> None:
    """Raise RequestRefused (facts: why, name, value, wanted) for values that mean nothing."""
    _within("temperature", how.temperature, 0, 1000)
    _within("top_p", how.top_p, 0, math.inf)
    _within("top_k", how.top_k, 0, math.inf)
    _within("min_p", how.min_p, 0, 1)
    _within("presence", how.presence, -1000, 1000)
    _within("frequency", how.frequency, -1000, 1000)
    _within("decay", how.decay, 0, 1)
    _within("repetition", how.repetition, 0.01, 100)
    _within("seed", 0 if how.seed is None else how.seed, 0, SEEDS - 1)
    for token in (*how.banned, *(token for token, _ in how.logit_bias)):
        if not 0 <= token < vocabulary:
            raise RequestRefused(why="token", value=token, vocabulary=vocabulary)
    for _, value in how.logit_bias:
        _within("logit_bias", value, -1000, 1000)


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        if most == math.inf:
            raise RequestRefused(why="sampling-least", name=name, value=value, least=least)
        raise RequestRefused(why="sampling", name=name, value=value, least=least, most=most)

"""Fields of a request as the program's own options; refuses what means nothing here."""

import json
from collections.abc import Sequence

import msgspec

from app.errors import ServerRefused
from app.runtime.protocol.generate_options import GenerateOptions, Outputs
from app.runtime.protocol.grammars import Grammar
from app.runtime.protocol.prompts import Sampling

from .request_fields import ResponseFormat, SamplingFields

USUAL_LIMIT = 4096
"""Tokens that a text may have where the request does not say."""

MOST_TEXTS, MOST_STOPS, MOST_TOP = 128, 64, 20
_SEEDS = 1 << 63


def sampling_of(asked: SamplingFields, usual: Sampling) -> Sampling:
    """What was asked for, and else as is ``usual`` for the model.  Raises ServerRefused."""
    if asked.typical_p not in (None, 0, 1):
        raise ServerRefused(why="field-unknown", name="typical_p")
    given = {
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "top_k": None if asked.top_k is None else max(0, asked.top_k),
        "min_p": asked.min_p,
        "presence": asked.presence_penalty,
        "frequency": asked.frequency_penalty,
        "repetition": asked.repeat_penalty or asked.repetition_penalty,
        "decay": asked.penalty_decay,
        "seed": seed_of(asked.seed),
    }
    named = {name: value for name, value in given.items() if value is not None}
    bias = (*usual.logit_bias, *_bias(asked.logit_bias or {}))
    return msgspec.structs.replace(usual, **named, logit_bias=bias)


def seed_of(seed: int | None) -> int | None:
    """A seed of any size as one of ours; -1 is none, as other servers have it."""
    return None if seed in (None, -1) else int(seed or 0) % _SEEDS


def options_of(
    asked: SamplingFields, usual: Sampling, limit: int | None, outputs: Outputs
) -> GenerateOptions:
    """How its texts are written.  Raises ServerRefused."""
    sampling = sampling_of(asked, usual)
    if limit is not None and limit < 0:
        limit = None
    return GenerateOptions(
        limit=USUAL_LIMIT if limit is None else limit,
        sampling=sampling,
        stops=stops_of(asked.stop),
        outputs=outputs,
        reproducible=sampling.seed is not None or None,
        grammar=grammar_of(asked),
    )


def stops_of(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    """The texts that end it; empty ones, which some programs send, mean nothing."""
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(stops) > MOST_STOPS:
        raise ServerRefused(why="field-value", name="stop", value=len(stops), wanted=MOST_STOPS)
    return tuple(one for one in dict.fromkeys(stops) if one)


def count_of(n: int | None) -> int:
    """How many texts of each prompt.  Raises ServerRefused."""
    if n is not None and not 1 <= n <= MOST_TEXTS:
        raise ServerRefused(why="field-value", name="n", value=n, wanted=f"1-{MOST_TEXTS}")
    return n or 1


def top_of(top: int | None, name: str) -> int:
    """How many other tokens are told of.  Raises ServerRefused."""
    if top is not None and not 0 <= top <= MOST_TOP:
        raise ServerRefused(why="field-value", name=name, value=top, wanted=f"0-{MOST_TOP}")
    return top or 0


def grammar_of(asked: SamplingFields) -> Grammar | None:
    """What the answer must be like.  Raises ServerRefused."""
    form = form_of(asked.response_format)
    if asked.grammar:
        if form is not None:
            raise ServerRefused(why="field-clash", name="grammar", value="response_format")
        return Grammar(kind="lark", text=asked.grammar)
    return form


def form_of(asked: ResponseFormat | None) -> Grammar | None:
    """The grammar of a response format.  Raises ServerRefused."""
    kind = "text" if asked is None else asked.type
    if asked is None or kind == "text":
        return None
    if kind == "json_object":
        return Grammar(kind="json-schema", text=json.dumps({"type": "object"}))
    if kind != "json_schema":
        wanted = "text,json_object,json_schema"
        raise ServerRefused(
            why="field-value", name="response_format.type", value=kind[:40], wanted=wanted
        )
    schema = asked.json_schema.schema if asked.json_schema else None
    if schema is None:
        raise ServerRefused(why="field", name="response_format.json_schema.schema")
    return Grammar(kind="json-schema", text=json.dumps(schema))


def _bias(bias: dict[str, float]) -> list[tuple[int, float]]:
    try:
        return [(int(token), value) for token, value in bias.items()]
    except ValueError as error:
        raise ServerRefused(why="field", name="logit_bias") from error

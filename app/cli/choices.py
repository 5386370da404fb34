"""Turns options of the command line into the program's own objects."""

import os
from argparse import Namespace
from pathlib import Path

import msgspec

from app.cli.files import read_text
from app.errors import NotFound, RequestRefused
from app.runtime.planning.machine import Limits
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.grammars import Grammar, GrammarKind
from app.runtime.protocol.prompts import Sampling
from app.runtime.protocol.states import StartState, StateCache

_SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence",
    "frequency",
    "decay",
    "repetition",
    "seed",
)


def model_of(options: Namespace) -> Path:
    """The path of the model that was asked for, else of the embedded one."""
    if options.model is not None:
        return Path(options.model)
    from app.runtime.checkpoint.describe import embedded_model

    return embedded_model()


def limits_of(options: Namespace) -> Limits:
    """What a model may take."""
    return Limits(gpu_bytes=_bytes(options.gpu_limit), cpu_bytes=_bytes(options.cpu_limit))


def _bytes(gigabytes: float | None) -> int | None:
    return None if gigabytes is None else int(gigabytes * 10**9)


def state_of(options: Namespace) -> StartState | None:
    """The state that was asked for; one made with another format serves, and that is told.

    Raises NotFound before a model is loaded for it.
    """
    if options.state is None:
        return None
    if not Path(options.state).exists():
        raise NotFound(path=options.state)
    return StartState(os.fsencode(Path(options.state).absolute()), other_format=True)


def adapters_of(options: Namespace) -> tuple[MergedAdapter, ...]:
    """The adapters that were asked for.  Raises NotFound before a model is loaded for them."""
    for name, _ in options.adapters:
        if not Path(name).exists():
            raise NotFound(path=name)
    return tuple(
        MergedAdapter(os.fsencode(Path(name).absolute()), alpha) for name, alpha in options.adapters
    )


def state_cache_of(options: Namespace) -> StateCache | None:
    """Where states are kept, if that was asked for; those of other formats do not serve."""
    if not options.state_cache:
        return None
    return StateCache(folder=os.fsencode(Path(options.state_cache).absolute()))


def grammar_of(options: Namespace, source: str | None) -> Grammar | None:
    """The form that was asked for; ``source`` is where the text comes from.

    Raises NotFound, Unreadable and RequestRefused before a model is loaded for it.
    """
    kind, text = _form_of(options)
    if kind is None:
        return None
    if kind != "regex" and text == "-" == source:
        raise RequestRefused(why="stdin-twice")
    from app.runtime.generation.grammars.grammar_text import check_followed

    inline = kind == "json-schema" and text.lstrip().startswith("{")
    written = inline or kind == "regex"
    grammar = Grammar(kind=kind, text=text if written else read_text(text))
    check_followed(grammar)
    return grammar


def _form_of(options: Namespace) -> tuple[GrammarKind | None, str]:
    """Its kind and the option's words."""
    if options.json_schema is not None:
        return "json-schema", options.json_schema
    if options.grammar is not None:
        return "lark", options.grammar
    return ("regex", options.regex) if options.regex is not None else (None, "")


def generate_options(
    options: Namespace, usual: Sampling, grammar: Grammar | None = None
) -> GenerateOptions:
    """How to write: what was asked for, and else as with the ``usual`` sampling."""
    asked = {name: getattr(options, name) for name in _SAMPLING}
    given = {name: value for name, value in asked.items() if value is not None}
    bias, bans = tuple(options.logit_bias or ()), tuple(options.ban or ())
    return GenerateOptions(
        limit=options.max_tokens,
        sampling=msgspec.structs.replace(
            usual,
            **given,
            logit_bias=(*usual.logit_bias, *bias),
            banned=(*usual.banned, *bans),
        ),
        stops=tuple(options.stop),
        grammar=grammar,
    )

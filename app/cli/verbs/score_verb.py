"""``rookery score``: logits after every token, the state they leave, and how likely the text is.

It runs the model in this process, without sampling and without the engine.
"""

import contextlib
import math
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from app.cli.choices import adapters_of, limits_of, model_of, state_of
from app.cli.files import read_text
from app.cli.machine_rates import kept_rates
from app.cli.output import Progress, loading_line, note_loaded, note_state, print_json, print_rows
from app.cli.token_scores import TokenScores
from app.errors import NumbersBroken, RequestRefused
from app.kernels.allocation import allocations_named
from app.messages.translate import tr
from app.runtime.generation.start_states import StartStates
from app.runtime.loading.backends import Backends
from app.runtime.loading.loading import open_model
from app.runtime.models import Rwkv
from app.runtime.opened import Opened
from app.runtime.states.state import RecurrentState
from app.runtime.states.state_files import write
from app.runtime.states.state_store import StateStore
from app.system.atomic_file import writing

_ROWS = 32
_MOST = 256  # the logits of so many tokens are large enough

_Hearer = Callable[[int, torch.Tensor], None]
"""Takes the logits (T, V) after the tokens from a place on."""


def run(options: Namespace) -> int:
    """Print tokens, nats per token, perplexity and what each token tells; write what was asked for.

    Raises the failures of loading, of the tokenizer and of writing files.
    """
    text = read_text(options.text_file) if options.text_file is not None else ""
    start = state_of(options)
    progress = Progress()
    opened = open_model(
        model_of(options),
        options.strategy,
        lambda done, total: progress.show(loading_line(done, total)),
        Backends(rates=kept_rates(), limits=limits_of(options)),
        adapters=adapters_of(options),
    )
    progress.clear()
    note_loaded(opened)
    tokens = _tokens(options, opened, text)
    each = TokenScores(tokens, opened.tokenizer) if options.per_token else None
    hearers: list[_Hearer] = [each.take] if each else []
    with allocations_named(), _file(options.logits) as logits, _file(options.state_out) as kept:
        if logits:
            _write_header(logits, (len(tokens), opened.model.spec.vocabulary))
            hearers.append(lambda _, rows: _append(logits, rows))
        states = StartStates(opened, StateStore())
        if start:
            note_state(states.load(0, start))
        trail, (state, _) = states.trail(start), states.state(start)
        trail.prefix.grow(tokens)
        nll = _read(opened.model, tokens, state, options.chunk, hearers)
        if kept:
            write(state, kept, opened.state_facts(trail))
    _tell(len(tokens), nll, each, as_json=options.json)
    return 0


def _tokens(options: Namespace, opened: Opened, text: str) -> Sequence[int]:
    tokens = opened.tokenizer.encode(text) if options.tokens is None else options.tokens
    vocabulary = opened.model.spec.vocabulary
    for token in tokens:
        if not 0 <= token < vocabulary:
            raise RequestRefused(why="token", value=token, vocabulary=vocabulary)
    if not tokens:
        raise RequestRefused(why="no-token")
    return tokens


def _file(name: str | None) -> contextlib.AbstractContextManager[BinaryIO | None]:
    """Open the output file before the computation, so that this is not done in vain."""
    return contextlib.nullcontext() if name is None else writing(Path(name))


def _write_header(file: BinaryIO, shape: tuple[int, int]) -> None:
    """That of a .npy; the logits are appended chunk by chunk."""
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _append(file: BinaryIO, logits: torch.Tensor) -> None:
    file.write(logits.numpy().astype("<f4", copy=False).data)


def _read(
    model: Rwkv, tokens: Sequence[int], state: RecurrentState, chunk: int, hearers: list[_Hearer]
) -> float:
    """Mean negative log-likelihood of the tokens after the first, in nats; NaN where there is one.

    Each is predicted from those before it.  Raises NumbersBroken where logits are not finite.
    """
    ids = torch.tensor(tokens)
    total, chunk = 0.0, min(chunk, _MOST)
    for first in range(0, len(ids), chunk):
        some = ids[None, first : first + chunk]
        logits = model.forward(some, state, every=True, exact=True)[0]
        for hear in hearers:
            hear(first, logits)
        if not torch.isfinite(logits).all():
            raise NumbersBroken(found="NaN" if torch.isnan(logits).any() else "infinity")
        total -= _likelihood(logits, ids[first + 1 : first + 1 + len(logits)])
    return total / (len(ids) - 1) if len(ids) > 1 else math.nan


def _likelihood(logits: torch.Tensor, following: torch.Tensor) -> float:
    """Sum of log-probabilities of the tokens that followed, a few rows at a time in float64."""
    total = 0.0
    for first in range(0, len(following), _ROWS):
        ids = following[first : first + _ROWS, None]
        rows = logits[first : first + len(ids)].double()
        total += float(torch.log_softmax(rows, -1).gather(1, ids).sum())
    return total


def _tell(tokens: int, nll: float, each: TokenScores | None, *, as_json: bool) -> None:
    known = not math.isnan(nll)
    facts: dict[str, int | float | None] = {
        "tokens": tokens,
        "nll": nll if known else None,
        "perplexity": math.exp(min(nll, 700)) if known else None,
    }
    if as_json:
        print_json({**facts, "per_token": each.rows} if each else facts)
        return
    if each:
        each.print()
    print_rows([(name, tr("unknown") if v is None else f"{v:g}") for name, v in facts.items()])

"""``rookery compare``: how far two models, or two ways to run one, differ on the same text.

Both run in this process, side by side, since the logits of both are needed for every token: what
crosses the worker's pipe is far less than these.
"""

from argparse import Namespace

from app.cli.choices import model_of
from app.cli.files import read_text
from app.cli.output import emit, print_json, print_rows
from app.comparison.way_room import Side, check_both
from app.errors import RequestRefused
from app.messages.translate import tr
from app.runtime.loading.preflight import look_at
from app.runtime.planning.machine import this_machine


def run(options: Namespace) -> int:
    """Print the figures.  Raises the failures of loading, of the tokenizer and RequestRefused."""
    sides = _sides(options)
    text = None if options.text_file is None else read_text(options.text_file)
    for path, strategy in sides:
        look_at(path, strategy)
    check_both(sides, this_machine())
    from .comparing import compare  # here: it loads torch

    facts = compare(sides, text, options.tokens, per_token=options.per_token)
    if options.json:
        print_json(facts)
        return 0
    tokens = facts.pop("per_token", [])
    print_rows([(name, _shown(value)) for name, value in facts.items()])
    if tokens:
        _print_tokens(tokens)
    return 0


def _sides(options: Namespace) -> tuple[Side, Side]:
    """Two models with one strategy or each its own, or one model with two strategies."""
    models, ways = options.model or [None], options.strategy or [""]
    if max(len(models), len(ways)) != 2:
        raise RequestRefused(why="compare-two")
    first, second = (
        Side(
            model_of(Namespace(model=models[min(i, len(models) - 1)])),
            ways[min(i, len(ways) - 1)],
        )
        for i in (0, 1)
    )
    return first, second


def _print_tokens(rows: list[dict[str, object]]) -> None:
    """One token a line: KL, and what each would have written where they do not agree."""
    emit(f"{'id':>6} {'kl':>10}  text")
    for row in rows:
        kl = "" if row["kl"] is None else f"{row['kl']:.6f}"
        line = f"{row['id']:>6} {kl:>10}  {row['text']!r}"
        emit(line if row["agree"] else f"{line}  {row['first_best']!r} | {row['second_best']!r}")


def _shown(value: object) -> str:
    if value is None:
        return tr("unknown")
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)

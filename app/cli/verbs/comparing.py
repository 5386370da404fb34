"""Opens two models in this process and has them read one text in lockstep, with a line of progress.

What they are compared by is in ``app.comparison``.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from app.cli.output import Progress, loading_line, note_loaded, reading_line
from app.comparison.lockstep import ids_of_both, read_in_lockstep
from app.comparison.way_room import Side
from app.kernels.allocation import allocations_named
from app.runtime.loading.loading import open_model
from app.runtime.opened import Opened
from app.store.comparisons.comparison_records import TokenDifference


def compare(
    sides: tuple[Side, Side],
    text: str | None,
    tokens: Sequence[int] | None,
    *,
    per_token: bool = False,
) -> dict[str, Any]:
    """What `rookery compare` prints.

    ``mean_kl``, ``max_kl`` and ``top1_agreement`` are over the distributions after each of the T
    tokens; the perplexities over the T - 1 tokens that were predicted (None where there are none).
    With ``per_token`` the tokens follow, each with how both differ at its place.  Raises the
    failures of loading and of the tokenizer, RequestRefused, and NumbersBroken.
    """
    progress = Progress()
    rows: list[TokenDifference] = []
    with allocations_named():
        first, second = (_opened(side, progress) for side in sides)
        ids = ids_of_both(first, second, text, tokens)
        progress.show(reading_line(0, len(ids)))

        def take(done: int, told: Sequence[TokenDifference]) -> None:
            progress.show(reading_line(done, len(ids)))
            rows.extend(told)

        figures = read_in_lockstep(first, second, ids, take, by_token=per_token)
    progress.clear()
    facts = {
        **msgspec.structs.asdict(figures),
        "models": [str(one.path) for one in (first, second)],
        "strategies": [one.strategy.text for one in (first, second)],
    }
    return {**facts, "per_token": [_row(row) for row in rows]} if per_token else facts


def _row(row: TokenDifference) -> dict[str, Any]:
    told = msgspec.structs.asdict(row)
    return {"id": told.pop("token"), **told}


def _opened(side: Side, progress: Progress) -> Opened:
    opened = open_model(
        side.path, side.strategy, lambda done, total: progress.show(loading_line(done, total))
    )
    progress.clear()
    note_loaded(opened)
    return opened

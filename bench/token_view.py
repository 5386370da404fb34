"""How fluid the token view is: lines broken, frames painted, and the plot, at 100,000 tokens.

    python -m bench.token_view [--tokens N] [--width PX] [--height PX] [--json]

A frame is what Qt does between a turn of the wheel and the end of the painting, in memory
(offscreen), so it holds for the processor's part of the work.
"""

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from app.runtime.protocol.scores import TokenScore
from app.ui.look.theme import Theme
from app.ui.state.playground.token_cells import TokenCells
from app.ui.state.playground.token_numbers import TOP, TokenNumbers
from app.ui.widgets.tokens.chance_scale import role_of
from app.ui.widgets.tokens.token_view import TokenView

_FRAMES = 300
_WORDS = (b" the", b" rook", b" flew", b" home", b",", b".", b"\n\n", b" collect", b"ed", b" w")
_OTHERS = (" 乌鸦".encode(), "飞".encode(), "🐦".encode(), "\u0627\u0644".encode())


def main() -> None:
    """Measure, and print milliseconds."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--tokens", type=int, default=100_000)
    asked.add_argument("--width", type=int, default=1000)
    asked.add_argument("--height", type=int, default=700)
    asked.add_argument("--json", action="store_true")
    options = asked.parse_args()
    found = measured(options.tokens, options.width, options.height)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:32} {value:10.2f}")


def measured(tokens: int, width: int, height: int) -> dict[str, float]:
    """Milliseconds of each part."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme = Theme("light")
    theme.apply(app)
    draw = random.Random(7)
    pieces = _WORDS + _OTHERS
    odds = [10] * len(_WORDS) + [1] * len(_OTHERS)
    ids = draw.choices(range(len(pieces)), odds, k=tokens)
    began = time.perf_counter()
    cells = TokenCells(pieces)
    cells.extend(ids)
    cells.finish()
    found = {"tokens": float(tokens), "cells ms": _ms(began)}
    numbers = TokenNumbers()
    began = time.perf_counter()
    numbers.add(_scores(ids, draw))
    found["numbers ms"] = _ms(began)
    view = TokenView(theme, lambda token: role_of(numbers.logprob(token)))
    view.resize(width, height)
    view.show()
    app.processEvents()
    began = time.perf_counter()
    view.show_cells(cells)
    view.viewport().repaint()
    found["first frame ms"] = _ms(began)
    slices: list[float] = []
    while not view.lines.complete:
        slices.append(_timed(app.processEvents))
    found |= {"lines": float(view.lines.count), "all lines ms": sum(slices, 0.0)}
    found["longest slice ms"] = max(slices, default=0.0)
    found |= _frames(view, draw)
    began = time.perf_counter()
    view.resize(width - 130, height)
    app.processEvents()
    view.viewport().repaint()
    found["frame after a resize ms"] = _ms(began)
    return found


def _frames(view: TokenView, draw: random.Random) -> dict[str, float]:
    bar, found = view.verticalScrollBar(), {}
    step = 3 * view.line_height

    def frame_at(at: int) -> Callable[[], None]:
        def frame() -> None:
            bar.setValue(at)
            view.viewport().repaint()

        return frame

    begin = bar.maximum() // 2
    wheel = [_timed(frame_at(begin + step * at)) for at in range(_FRAMES)]
    jumps = [_timed(frame_at(draw.randrange(bar.maximum()))) for _ in range(_FRAMES)]
    still = [_timed(view.viewport().repaint) for _ in range(_FRAMES)]
    for name, times in (("wheel", wheel), ("jump", jumps), ("repaint", still)):
        times.sort()
        found[f"{name} median ms"] = statistics.median(times)
        found[f"{name} 99 % ms"] = times[int(0.99 * len(times))]
    return found


def _scores(ids: list[int], draw: random.Random) -> list[TokenScore]:
    top = tuple((one, -0.5 - one) for one in range(TOP))
    return [TokenScore(one, -draw.expovariate(0.5), draw.random() * 5, 1, top) for one in ids]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return _ms(began)


def _ms(began: float) -> float:
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()

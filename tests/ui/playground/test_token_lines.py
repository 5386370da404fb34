"""Lines of tokens: broken piece by piece as they would be at once, in every script."""

import itertools
import random

import pytest

from app.ui.look.theme import Theme
from app.ui.state.playground.token_cells import TokenCells
from app.ui.widgets.tokens.token_lines import TokenLines
from app.ui.widgets.tokens.token_view import TokenView

TEXTS = {
    "latin": "The quick brown rook flew over the lazy dogs. " * 300,
    "paragraphs": "A line.\n\nAnother, longer one that goes on.\n\t- and a list\n" * 200,
    "one word": "x" * 9000,
    "chinese": "乌鸦飞过了一座很老的城市，带回来很多词语。" * 300,
    "emoji": "👩‍👩‍👧 🐦 rook 🇨🇿 " * 400,
    "arabic": "طار الغراب فوق المدينة القديمة ثم عاد إلى عشه. " * 200,
    "mixed": "a الغراب b 乌鸦 c 🐦 " * 300,
}


def cells_of(text, seed=0):
    """Tokens of one to six bytes, wherever characters are cut."""
    data, pieces, at, draw = text.encode(), [], 0, random.Random(seed)
    while at < len(data):
        size = draw.randint(1, 6)
        pieces.append(data[at : at + size])
        at += size
    cells = TokenCells(tuple(pieces))
    cells.extend(range(len(pieces)))
    cells.finish()
    return cells


def broken(lines):
    while not lines.complete:
        lines.advance(0.0)
    return [lines.span(line) for line in range(lines.count)]


@pytest.mark.parametrize("name", TEXTS)
def test_lines_are_the_whole_text_and_no_wider_than_the_column(qapp, name):
    cells, font = cells_of(TEXTS[name]), qapp.font()
    lines = TokenLines(cells, font, 420.0)
    spans = broken(lines)
    assert spans[0][0] == 0
    assert spans[-1][1] == cells.characters
    assert all(one[1] == other[0] for one, other in itertools.pairwise(spans))
    assert len(spans) > 20
    for line in range(0, lines.count, 37):
        boxes = lines.painted(line).boxes
        told = {box.token for box in boxes}
        text = cells.text(*lines.span(line))
        assert told <= set(lines.tokens(line))
        assert all(box.right - box.left > -0.01 for box in boxes)
        if text.strip():
            right = max(box.right for box in boxes)
            assert right <= 420.0 + 40.0, "but for spaces at its end"


def test_a_text_that_grows_has_the_lines_of_one_that_is_there_at_once(qapp):
    whole = cells_of(TEXTS["mixed"])
    at_once = broken(TokenLines(whole, qapp.font(), 300.0))
    cells = TokenCells(whole.pieces)
    lines = TokenLines(cells, qapp.font(), 300.0)
    for first in range(0, len(whole.ids), 97):
        cells.extend(whole.ids[first : first + 97])
        broken(lines)
    cells.finish()
    assert broken(lines) == at_once


def test_words_from_the_right_begin_at_the_right(qapp):
    cells = cells_of("الغراب")
    lines = TokenLines(cells, qapp.font(), 500.0)
    broken(lines)
    boxes = lines.painted(0).boxes
    assert max(box.right for box in boxes) == pytest.approx(500.0, abs=3)
    first = next(box for box in boxes if box.token == 0)
    assert first.right == max(box.right for box in boxes)


def test_only_what_is_in_sight_is_laid_out(qapp, qtbot):
    view = TokenView(Theme("light"), lambda _: "chance-1")
    qtbot.addWidget(view)
    view.resize(600, 300)
    view.show_cells(cells_of(TEXTS["latin"] * 10))
    view.show()
    qtbot.waitUntil(lambda: view.lines.complete)
    view.grab()
    assert view.lines.count > 500
    assert len(view.lines._ready) < 40
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum())
    view.grab()
    assert len(view.lines._ready) < 80

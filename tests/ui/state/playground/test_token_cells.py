"""Cells divide what tokens give into whole characters, wherever tokens cut them."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from app.ui.state.playground.token_cells import NO_TEXT, TokenCells

BYTES = tuple(bytes((value,)) for value in range(256))
WORDS = (b"", b"ab", b"\xe4\xb8", b"\xad\xe5\x9b", b"\xbd", b"x\xf0\x9f", b"\x90\xa6!", b"\n\n")


def cells_of(pieces, ids, *, whole=True):
    cells = TokenCells(pieces)
    cells.extend(ids)
    if whole:
        cells.finish()
    return cells


def texts(cells):
    return [cells.text(*cells.span(at)) for at in range(cells.cells)]


def test_a_character_that_is_cut_between_tokens_is_one_cell_of_all_of_them():
    cells = cells_of(WORDS, [1, 2, 3, 4, 1])
    assert texts(cells) == ["ab", "中国", "ab"]
    assert [list(cells.tokens(at)) for at in range(3)] == [[0], [1, 2, 3], [4]]
    shares = cells.shares(1)
    assert [share.token for share in shares] == [1, 2, 3]
    assert [round(6 * share.begin) for share in shares] == [0, 2, 5]
    assert shares[-1].end == 1
    assert [cells.cell_of(token) for token in range(5)] == [0, 1, 1, 1, 2]
    assert cells.span_of(2) == (2, 4)


def test_an_emoji_beside_letters_keeps_its_tokens_together():
    assert texts(cells_of(WORDS, [5, 6])) == ["x🐦!"]


def test_what_is_not_seen_is_shown():
    cells = cells_of(BYTES, b"a\tb\r\n\x00\x7f")
    assert "".join(texts(cells)) == "a⇥b␍↵\n␀␡"
    turned = cells_of((("x" + chr(0x202E) + "y").encode(),), [0])
    assert texts(turned) == ["x▯y"], "nothing turns the direction of other words"


def test_tokens_without_text_have_a_sign_and_end_what_waits():
    cells = cells_of(WORDS, [2, 0, 1])
    assert texts(cells) == ["\ufffd", NO_TEXT, "ab"]
    assert [list(cells.tokens(at)) for at in range(3)] == [[0], [1], [2]]


def test_ids_outside_the_vocabulary_are_no_text():
    assert texts(cells_of(WORDS, [99])) == [NO_TEXT]


def test_what_is_cut_at_the_end_waits_until_nothing_follows():
    cells = cells_of(WORDS, [1, 2], whole=False)
    assert texts(cells) == ["ab"]
    assert len(cells) == 2
    cells.finish()
    assert texts(cells) == ["ab", "\ufffd"]
    assert list(cells.tokens(1)) == [1]


@given(st.binary(max_size=60), st.lists(st.integers(1, 7)))
def test_all_cells_together_are_the_text_and_have_every_token_once(data, cuts):
    pieces, ids, at = list(BYTES), [], 0
    for size in [*cuts, *[1] * 60]:
        if at < len(data):
            pieces.append(data[at : at + size])
            ids.append(len(pieces) - 1)
            at += size
    cells = cells_of(tuple(pieces), ids)
    shown = "".join(texts(cells)).replace("↵\n", "\n").replace("⇥", "\t")
    plain = data.decode("utf-8", "replace")
    assert len(shown) == len(plain)
    for one, other in zip(shown, plain, strict=True):
        assert one == other or unicodedata.category(other)[0] in "CZ"
    tokens = [token for at in range(cells.cells) for token in cells.tokens(at)]
    assert tokens == list(range(len(ids)))
    assert cells.plain(0, len(ids)) == plain
    for place in range(cells.characters):
        begin, end = cells.span(cells.cell_at(place))
        assert begin <= place < end

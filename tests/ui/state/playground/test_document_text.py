"""A text in pieces: edits, what differs, and which tokens are still known after an edit."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.store.documents.document_records import Made, Slice, TextPiece
from app.ui.playground.shown_text import Units, as_shown, from_qt
from app.ui.state.playground.document_text import DocumentText, changed, whole
from app.ui.state.playground.token_stretches import (
    ids_of,
    open_ids,
    parts_of,
    stretches_of,
    with_encoded,
)

BYTES = "bytes-1"
WORDS = st.text(alphabet="ab \n世🐦é", max_size=12)


def piece(words: str, *, written: bool = False, vocabulary: str = BYTES) -> TextPiece:
    """A piece with a token for each byte of its text."""
    ids = words.encode()
    lengths = [0] * len(ids)
    at = 0
    for letter in words:
        at += len(letter.encode())
        lengths[at - 1] = 1
    return TextPiece(
        words or "-", words, vocabulary, tuple(ids), tuple(lengths), Made() if written else None
    )


def text_of(*pieces: TextPiece) -> DocumentText:
    return DocumentText(whole(one) for one in pieces)


def encoded(text: DocumentText) -> DocumentText:
    """All of it encoded, stretch by stretch."""
    for part in stretches_of(text, len(text), BYTES):
        words = text.text[part.start : part.end]
        text = with_encoded(text, part, piece(words, written=part.made is not None))
    return text


@given(st.lists(WORDS, max_size=4), st.integers(0, 50), st.integers(0, 9), WORDS)
@settings(max_examples=60, derandomize=True, deadline=None)
def test_an_edit_gives_the_text_that_a_string_would_be(words, at, length, typed):
    text = text_of(*(piece(one, written=bool(n % 2)) for n, one in enumerate(words)))
    before = "".join(words)
    start = min(at, len(before))
    end = min(start + length, len(before))
    now = text.typed(start, end, typed)
    assert now.text == before[:start] + typed + before[end:]
    assert text.text == before, "the text before it is what it was"
    assert ids_of(encoded(now), len(now), BYTES) == tuple(now.text.encode())


def test_an_edit_in_written_words_costs_the_tokens_that_it_touches_and_no_other():
    text = text_of(piece("Once upon", written=True), piece(" a time", written=True))
    edited = text.typed(4, 4, ", twice")
    (stretch,) = stretches_of(edited, len(edited), BYTES)
    assert edited.text[stretch.start : stretch.end] == ", twice"
    kept = [one for one in parts_of(edited, len(edited), BYTES) if one.ids is not None]
    assert [bytes(one.ids) for one in kept] == [b"Once", b" upon", b" a time"]


def test_a_token_that_an_edit_cuts_is_encoded_with_what_was_typed():
    ids, lengths = (300, 301), (5, 4)
    model = TextPiece("m", "Hello all", BYTES, ids, lengths, Made())
    edited = text_of(model).typed(3, 9, "p me")
    (stretch,) = stretches_of(edited, len(edited), BYTES)
    assert edited.text[stretch.start : stretch.end] == "Help me"
    assert stretch.made is None, "these words are the person's now"
    again = text_of(model).typed(5, 5, "!")
    (stretch,) = stretches_of(again, len(again), BYTES)
    assert (again.text[stretch.start : stretch.end], stretch.made) == ("!", None)


def test_typed_words_are_encoded_again_with_some_of_their_own_around_them():
    text = text_of(piece("word " * 40))
    edited = text.typed(100, 100, "x")
    (stretch,) = stretches_of(edited, len(edited), BYTES)
    assert (stretch.start, stretch.end) == (100 - 32, 101 + 32)
    (whole_text,) = stretches_of(text_of(piece("abc")).typed(1, 2, "-"), 3, BYTES)
    assert (whole_text.start, whole_text.end) == (0, 3)


def test_tokens_of_another_vocabulary_are_none():
    text = text_of(piece("typed"), piece(" written", written=True, vocabulary="other"))
    assert ids_of(text, len(text), BYTES) is None
    assert ids_of(text, 5, BYTES) == tuple(b"typed")
    (stretch,) = stretches_of(text, len(text), BYTES)
    assert stretch.made is not None, "and its words stay the model's"
    assert ids_of(encoded(text), len(text), BYTES) == tuple(b"typed written")


def test_a_character_that_was_cut_is_gone_on_with_and_lost_with_an_edit_behind_it():
    cut = TextPiece("c", "a", BYTES, (97, 0xE4, 0xB8), (1, 0, 0), Made())
    text = text_of(cut)
    assert ids_of(text, 1, BYTES) == (97, 0xE4, 0xB8)
    assert open_ids(text, 1, BYTES) == (0xE4, 0xB8)
    more = TextPiece("d", "世b", BYTES, (0xE4, 0xB8, 0x96, 98), (0, 0, 1, 1), Made())
    assert ids_of(text_of(cut, more), 3, BYTES) == tuple("a世b".encode())
    assert ids_of(encoded(text.typed(1, 1, "b")), 2, BYTES) == tuple(b"ab")


def test_letters_typed_one_after_the_other_are_one_piece():
    text = DocumentText()
    for at, letter in enumerate("Once upon"):
        text = text.typed(at, at, letter)
    assert [one.text for one in text.slices] == ["Once upon"]


def test_slices_that_lie_beside_each_other_in_a_piece_are_one():
    one = piece("abcdef")
    text = DocumentText([Slice(one, 0, 3), Slice(one, 3, 6), Slice(one, 6, 6)])
    assert text.slices == (Slice(one, 0, 6),)
    assert text.replaced(2, 4, ()).typed(2, 2, "cd").text == "abcdef"


@given(WORDS, WORDS, WORDS)
@settings(max_examples=60, derandomize=True, deadline=None)
def test_what_differs_of_two_texts_makes_one_of_the_other(one, middle, other):
    before, after = one + other, one + middle + other
    start, old, new = changed(before, after)
    assert before[:start] + after[start:new] + before[old:] == after


@given(st.text(alphabet="a世🐦\U0001f1e9\r\0", max_size=20), st.integers(0, 20))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_places_in_characters_and_in_units_of_qt_are_told_apart(text, at):
    place = min(at, len(text))
    units = Units(text)
    assert units.of(place) == len(text[:place].encode("utf-16-le")) // 2
    assert units.place(units.of(place)) == place
    assert len(as_shown(text)) == len(text)
    assert from_qt(as_shown(text).replace("\n", "\u2029")) == as_shown(text)

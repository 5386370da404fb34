"""Text comes out of tokens complete and at once, wherever tokens cut its bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runtime.tokenizers import Decoder
from app.runtime.tokenizers.byte_tokenizer import byte_tokenizer
from app.runtime.tokenizers.world import world


def streamed(data: bytes, cuts: list[int]) -> list[str]:
    """What comes out at each piece of ``data``, and at the end."""
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    pieces = [data[a:b] for a, b in pairwise(ends)]
    decoder = Decoder(lambda i: pieces[i])
    return [*(decoder.feed(i) for i in range(len(pieces))), decoder.flush()]


@given(st.text(), st.lists(st.integers(0, 1000)))
def test_a_text_cut_anywhere_comes_out_whole(text, cuts):
    parts = streamed(text.encode(), cuts)
    assert "".join(parts) == text
    assert parts[-1] == ""


@given(st.binary(max_size=60), st.lists(st.integers(0, 1000)))
def test_any_bytes_come_out_as_if_they_were_decoded_at_once(data, cuts):
    assert "".join(streamed(data, cuts)) == data.decode("utf-8", errors="replace")


CHARACTERS = [chr(c).encode() for c in range(0x80, 0x110000, 0x40) if not 0xD800 <= c < 0xE000]
BEGINNINGS = tuple({c[:n] for c in CHARACTERS for n in range(1, len(c))})
"""Every proper beginning of a character of several bytes."""


@given(st.binary(max_size=40) | st.binary(max_size=9).map(lambda tail: b"\xed\xa0" + tail))
def test_only_the_beginning_of_a_character_is_held_back(data):
    decoder = Decoder(lambda i: data[i : i + 1])
    shown = ""
    for i in range(len(data)):
        shown += decoder.feed(i)
        held = data[: i + 1].decode("utf-8", errors="replace").removeprefix(shown)
        assert held in ("", "\ufffd")
        if held:
            assert data[: i + 1].endswith(BEGINNINGS)


@pytest.mark.parametrize(
    "text", ["漢字かな", "😀", "\U0001f469\u200d\U0001f467", "\U0001f3f3\ufe0f"]
)
def test_characters_appear_with_their_last_byte(text):
    decoder = byte_tokenizer().decoder()
    shown = [decoder.feed(byte) for byte in text.encode()]
    assert [part for part in shown if part] == list(text)
    assert decoder.flush() == ""


def test_a_rare_character_of_three_world_tokens_appears_with_the_last():
    ids = world().encode("\U0001fae0")
    decoder = world().decoder()
    assert len(ids) > 1
    assert [decoder.feed(i) for i in ids] == [""] * (len(ids) - 1) + ["\U0001fae0"]


def test_what_can_no_longer_become_a_character_is_replaced_at_once():
    decoder = byte_tokenizer().decoder()
    assert [decoder.feed(byte) for byte in b"\xe6\xbcA\xff"] == ["", "", "\ufffdA", "\ufffd"]


def test_an_unfinished_character_is_replaced_at_the_end_and_the_decoder_is_as_new():
    decoder = byte_tokenizer().decoder()
    assert decoder.feed(0xE6) == ""
    assert decoder.flush() == "\ufffd"
    assert decoder.flush() == ""
    assert decoder.feed(0x41) == "A"


def test_unknown_ids_and_the_end_token_say_nothing():
    decoder = world().decoder()
    assert [decoder.feed(i) for i in (0, 65535, -5, 10**12, 33155)] == ["", "", "", "", "Hello"]

"""Replies end at stop texts wherever they are cut, and thoughts are told from answers."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import RequestRefused
from app.runtime.families.thinking import split_thinking
from app.runtime.generation.stops import StopScan


def scanned(pieces, stops):
    scan = StopScan(stops)
    parts = [scan.feed(piece) for piece in pieces]
    return "".join(parts) + scan.flush(), scan.found


def expected(text, stops):
    """Letter by letter: the text before the first stop that is complete."""
    for end in range(len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            stop = max(found, key=len)
            return text[: end - len(stop)], stop
    return text, None


@given(
    st.text("ab\n", max_size=30),
    st.lists(st.text("ab\n", min_size=1, max_size=5), max_size=4),
    st.lists(st.integers(0, 30), max_size=8),
)
def test_the_reply_is_the_same_wherever_it_is_cut(text, stops, cuts):
    ends = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    pieces = [text[a:b] for a, b in itertools.pairwise(ends)]
    assert scanned(pieces, stops) == expected(text, stops)


@given(st.text("ab\n", max_size=30), st.lists(st.text("ab\n", min_size=1, max_size=5), max_size=4))
def test_nothing_is_held_back_that_cannot_become_a_stop(text, stops):
    scan = StopScan(stops)
    shown = ""
    for end, letter in enumerate(text, 1):
        shown += scan.feed(letter)
        if scan.found is not None:
            break
        held = text[len(shown) : end]
        assert held == "" or any(stop.startswith(held) and stop != held for stop in stops)


def test_words_come_through_while_a_stop_may_follow():
    scan = StopScan(["\n\nUser:"])
    parts = [
        scan.feed(piece) for piece in (" Hello.", "\n", "\nUs", "eful", "\n\nUser", ": x", "y")
    ]
    assert parts == [" Hello.", "", "", "\n\nUseful", "", "", ""]
    assert scan.found == "\n\nUser:"
    assert scan.flush() == ""


def test_what_was_held_back_comes_at_the_end():
    scan = StopScan(["\n\nUser:"])
    assert scan.feed("Bye\n\n") == "Bye"
    assert scan.flush() == "\n\n"
    assert scan.flush() == ""
    assert scan.found is None


@given(
    st.text("ab\n", max_size=20),
    st.lists(st.text("ab\n", min_size=1, max_size=5), max_size=4),
    st.integers(0, 20),
)
def test_a_stop_may_begin_in_what_was_written_before_the_reply_went_on(text, stops, cut):
    before, more = text[:cut], text[cut:]
    scan = StopScan(stops, before)
    came = "".join(map(scan.feed, more)) + scan.flush()
    if expected(before, stops)[1] is None:  # nothing ended it there
        whole = before[: len(before) - scan.taken_back] + came
        assert (whole, scan.found) == expected(text, stops)


def test_without_stops_all_comes_through_at_once():
    assert scanned(["a", "\n\nUser:"], []) == ("a\n\nUser:", None)


def test_a_long_text_is_scanned_in_one_go():
    text = "a" * 1_000_000
    assert scanned([text, text], ["a" * 40 + "b"]) == (text + text, None)


def test_an_empty_stop_is_refused():
    with pytest.raises(RequestRefused) as refused:
        StopScan(["x", ""])
    assert refused.value.facts == {"why": "empty-stop"}


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("", "", ""),
        (" Hello.", "", "Hello."),
        ("<think>\nhm\n</think>\n\nYes.\n", "hm", "Yes.\n"),
        (" <think>hm</think>Yes.", "hm", "Yes."),
        ("<think></think>Yes.", "", "Yes."),
        ("     code\n    more", "", "    code\n    more"),
        (" \n    code", "", "    code"),
        ("<think>hm</think>\n\n    code", "hm", "    code"),
        (" \n ", "", ""),
        ("<think>\n</think>\nYes.", "", "Yes."),
        ("<think", "", ""),
        ("<think>", "", ""),
        ("<think>\nhm", "hm", ""),
        ("<think>hm</thi", "hm", ""),
        ("<think>hm <", "hm", ""),
        ("<think>a <b> c", "a <b> c", ""),
        ("<think>a</think>b</think>c<think>", "a", "b</think>c<think>"),
        ("<thinking> is hard", "", "<thinking> is hard"),
        ("I <think>so</think>", "", "I <think>so</think>"),
    ],
)
def test_thought_and_answer_are_parted(text, thought, answer):
    assert split_thinking(text) == (thought, answer)


def test_a_growing_reply_never_shows_its_thought_as_answer():
    text = "<think>\nfirst </b> thoughts\n</think>\n\nThen words."
    for end in range(len("<think"), len(text)):
        thought, answer = split_thinking(text[:end])
        assert "first </b> thoughts".startswith(thought)
        assert "Then words.".startswith(answer)

"""Where states of an edited text are kept."""

from app.runtime.states.state_spacing import close_places, gap_at


def test_states_are_32_apart_near_the_end_and_further_the_further_back():
    assert [gap_at(distance) for distance in (0, 200, 511, 512, 1024, 16384)] == [
        *(32, 32, 32, 64, 128, 2048)
    ]


def test_whoever_edits_near_the_end_finds_a_state_32_tokens_before_at_most():
    places = (0, *sorted(close_places(20_000)), 20_000)
    for edit in range(20_000 - 500, 20_000):
        before = max(place for place in places if place <= edit)
        assert edit - before <= 32
    assert min(close_places(20_000)) > 17_000, "before, prompts are cut as often anyway"
    assert close_places(20) == ()
    assert close_places(0) == ()

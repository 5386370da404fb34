"""What the engine remembers of texts it has read, and that it equals reading them anew."""

import struct

import pytest
import torch

from app.runtime.protocol.messages import Prefilled
from app.runtime.protocol.prompts import Chat as Conversation
from app.runtime.protocol.prompts import Sampling, Turn
from app.runtime.states.state_cache import StateCache
from tests.runtime.small_models import HUGE, Desk, ask, plainly, small_model

FORGETFUL = 0


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


def same(one, other):
    """Equal but for the rounding of other matrix shapes."""
    return torch.allclose(one, other, rtol=1e-4, atol=1e-5)


def test_the_next_turn_continues_from_what_is_known(opened):
    desk = Desk(opened)
    _, text, _ = desk.run(ask(1, ["Hello there"], limit=30))
    read = desk.sent[1][-1].prompt_tokens
    desk.run(ask(2, ["Hello there", text, "And then?"], limit=10))
    progress = [reply for reply in desk.sent[2] if isinstance(reply, Prefilled)]
    assert progress[0].done >= read
    fresh = Desk(opened, StateCache(FORGETFUL))
    fresh.run(ask(2, ["Hello there", text, "And then?"], limit=10))
    assert next(r.done for r in fresh.sent[2] if isinstance(r, Prefilled)) > read
    assert desk.tokens(2) == fresh.tokens(2)


def test_a_state_from_the_cache_equals_one_that_was_read_anew(opened):
    cache = StateCache()
    desk = Desk(opened, cache)
    prompt = tuple(i * 7 % 255 + 1 for i in range(300))
    tokens, _, _ = desk.run(ask(1, prompt, limit=20))
    known = cache.longest((*prompt, *tokens))
    assert known.tokens == 319
    state = opened.model.blank()
    logits = opened.model.forward(torch.tensor([[*prompt, *tokens[:-1]]]), state)
    assert same(known.state.shift, state.shift)
    assert same(known.state.wkv, state.wkv)
    assert same(known.logits, logits[0])


def test_a_reply_that_was_thought_over_leaves_the_turns_before_it_known(opened):
    """The next prompt has no thought in it: it differs from this one before this one's end."""

    def thinking(request, *texts):
        turns = tuple(Turn(("user", "assistant")[i % 2], text) for i, text in enumerate(texts))
        return ask(request, Conversation(turns=turns, template="g1", think="on"), limit=6)

    desk = Desk(opened)
    desk.run(thinking(1, "Is it so?"))
    read = desk.sent[1][-1].prompt_tokens
    later = thinking(2, "Is it so?", "<think>Well.</think>It is.", "Why?")
    desk.run(later)
    first = next(reply for reply in desk.sent[2] if isinstance(reply, Prefilled))
    assert first.done == read - len(" <think")
    fresh = Desk(opened, StateCache(FORGETFUL))
    assert fresh.run(later)[0] == desk.tokens(2)


def test_asking_again_reads_nothing_and_writes_the_same(opened):
    desk = Desk(opened)
    sampling = Sampling(temperature=2, top_p=1, seed=3)
    desk.run(ask(1, (5,) * 100, limit=20, sampling=sampling))
    before = desk.engine.prefills
    desk.run(ask(2, (5,) * 100, limit=20, sampling=sampling))
    assert desk.engine.prefills == before
    assert desk.tokens(1) == desk.tokens(2)


def test_what_is_remembered_is_not_changed_by_those_who_continue_it(opened):
    desk = Desk(opened)
    desk.run(ask(1, (5, 6, 7), limit=3))
    for request in (2, 3):
        desk.run(ask(request, (5, 6, 7, 50), limit=20))
    assert desk.tokens(2) == desk.tokens(3) == plainly(opened, (5, 6, 7, 50), 20)


def test_a_stopped_text_can_be_continued_without_reading_it_again(opened):
    desk = Desk(opened)
    desk.engine.start(ask(1, (5, 6, 7), limit=HUGE))
    for _ in range(10):
        desk.engine.step()
    desk.cancelled.add(1)
    desk.engine.step()
    written = desk.tokens(1)
    desk.run(ask(2, (5, 6, 7, *written), limit=5))
    first = next(reply for reply in desk.sent[2] if isinstance(reply, Prefilled))
    assert first.done == 3 + len(written) - 1
    assert desk.tokens(2) == plainly(opened, (5, 6, 7), len(written) + 5)[-5:]


def test_a_cache_keeps_to_its_size_and_forgets_what_was_used_least(opened):
    state = opened.model.blank()
    cache = StateCache(limit_bytes=3 * (state.nbytes + 100))
    for token in (1, 2, 3):
        cache.keep((token, token), state.clone(), None)
    assert cache.longest((1, 1, 5)).tokens == 2
    cache.keep((4, 4), state.clone(), None)
    assert cache.longest((2, 2, 5)) is None
    assert cache.longest((1, 1, 5)).tokens == 2
    assert len(cache) == 3
    assert cache.nbytes <= 3 * (state.nbytes + 100)


def test_a_whole_prompt_counts_as_known_only_with_its_logits(opened):
    cache = StateCache()
    cache.keep((1, 2, 3), opened.model.blank(), None)
    cache.keep((1, 2), opened.model.blank(), torch.zeros(256))
    assert cache.longest((1, 2, 3)).tokens == 2
    assert cache.longest((1, 2, 3, 4)).tokens == 3
    assert cache.longest((1, 258)) is None


def test_tokens_never_match_in_the_middle_of_one(opened):
    cache = StateCache()
    shifted = struct.unpack("<2i", b"\0" + struct.pack("<i", 5) + b"\0\0\0")
    cache.keep((5,), opened.model.blank(), torch.zeros(256))
    assert cache.longest(shifted) is None

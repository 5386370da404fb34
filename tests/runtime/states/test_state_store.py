"""What the engine remembers of texts it has read, and that it equals reading them anew."""

from random import Random

import pytest
import torch

from app.errors import OutOfMemory
from app.runtime.generation.remembered import store_beside
from app.runtime.planning.machine import Limits
from app.runtime.protocol.messages import Failed, Prefilled
from app.runtime.protocol.prompts import Chat as Conversation
from app.runtime.protocol.prompts import Sampling, Turn
from app.runtime.states.state_key import StartingPoint, TokenPrefix
from app.runtime.states.state_store import StateStore, Trail
from tests.runtime.small_models import HUGE, Desk, ask, plainly, small_model


def forgetful():
    """One that has no room for anything."""
    return StateStore(room=lambda: 0)


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
    fresh = Desk(opened, forgetful())
    fresh.run(ask(2, ["Hello there", text, "And then?"], limit=10))
    assert next(r.done for r in fresh.sent[2] if isinstance(r, Prefilled)) > read
    assert desk.tokens(2) == fresh.tokens(2)


def root(opened, tokens=()):
    return Trail(TokenPrefix(opened.point(), tokens))


def test_a_state_from_the_store_equals_one_that_was_read_anew(opened):
    store = StateStore()
    desk = Desk(opened, store)
    prompt = tuple(i * 7 % 255 + 1 for i in range(300))
    tokens, _, _ = desk.run(ask(1, prompt, limit=20))
    known = store.longest(root(opened), (*prompt, *tokens))
    assert known.key.tokens == 319
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
    fresh = Desk(opened, forgetful())
    assert fresh.run(later)[0] == desk.tokens(2)


def test_asking_again_reads_nothing_and_writes_the_same(opened):
    desk = Desk(opened)
    sampling = Sampling(temperature=2, top_p=1, seed=3)
    desk.run(ask(1, (5,) * 100, limit=20, sampling=sampling))
    before = desk.engine.prefills
    done = desk.run(ask(2, (5,) * 100, limit=20, sampling=sampling))[2]
    assert desk.engine.prefills == before
    assert (done.prompt_tokens, done.computed_tokens) == (100, 0)
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


def test_the_longest_beginning_is_found_whatever_else_is_known(opened):
    """Against comparing all of them, for texts that share beginnings and part anywhere."""
    random, store, all_of_them = Random(7), StateStore(), set()
    for _ in range(60):
        tokens = tuple(random.choice((1, 2)) for _ in range(random.randrange(1, 9)))
        all_of_them.add(tokens)
        store.keep(root(opened, tokens), opened.model.blank(), torch.zeros(256))
    for _ in range(200):
        tokens = tuple(random.choice((1, 2)) for _ in range(random.randrange(1, 14)))
        known = [one for one in all_of_them if tokens[: len(one)] == one]
        found = store.longest(root(opened), tokens)
        assert (found.key.tokens if found else 0) == max(map(len, known), default=0)


def test_a_whole_prompt_counts_as_known_only_with_its_logits(opened):
    store = StateStore()
    store.keep(root(opened, (1, 2, 3)), opened.model.blank(), None)
    store.keep(root(opened, (1, 2)), opened.model.blank(), torch.zeros(256))
    assert store.longest(root(opened), (1, 2, 3)).key.tokens == 2
    assert store.longest(root(opened), (1, 2, 3, 4)).key.tokens == 3
    assert store.longest(root(opened), (1, 258)) is None


def test_a_state_of_other_weights_words_or_start_is_never_found(opened):
    store = StateStore()
    point = StartingPoint("f" * 32, "world", "s" * 32)
    store.keep(Trail(TokenPrefix(point, (1, 2))), opened.model.blank(), None)
    assert store.longest(Trail(TokenPrefix(point)), (1, 2, 3)) is not None
    for other in ({"fingerprint": "0"}, {"tokenizer": "bytes"}, {"start": ""}):
        assert store.longest(Trail(TokenPrefix(point._replace(**other))), (1, 2, 3)) is None


def test_an_approximate_state_gives_way_to_an_exact_one_and_never_replaces_it(opened):
    store = StateStore()
    for approximate in (True, False, True):
        trail = Trail(TokenPrefix(opened.point(), (1, 2)), approximate=approximate)
        if store.wants(trail, 1):
            store.keep(trail, opened.model.blank(), None)
        found = store.longest(root(opened), (1, 2, 3))
        assert found.approximate == (approximate and store.generation == 1)


def size_of(opened, states):
    """A store's room for so many states."""
    return lambda: states * opened.model.blank().nbytes


def test_what_goes_first_was_used_least(opened):
    store = StateStore(size_of(opened, 3), share=1)
    store._room = lambda: size_of(opened, 3)() - store.nbytes
    for token in (1, 2, 3):
        store.keep(root(opened, (token, token)), opened.model.blank(), None)
    assert store.longest(root(opened), (1, 1, 5)).key.tokens == 2
    store.keep(root(opened, (4, 4)), opened.model.blank(), None)
    assert store.longest(root(opened), (2, 2, 5)) is None
    assert store.longest(root(opened), (1, 1, 5)).key.tokens == 2
    assert len(store) == 3
    assert store.nbytes <= size_of(opened, 3)()


def test_what_is_soon_rebuilt_goes_before_what_took_long(opened):
    """Of a long text's states those in between go, and its end stays, though it is the oldest."""
    store = StateStore(share=1)
    store._room = lambda: size_of(opened, 4)() - store.nbytes
    trail = root(opened)
    for _ in range(3):
        trail.prefix.grow([1] * 256)
        store.keep(trail, opened.model.blank(), None)
    trail.prefix.grow([2] * 16)
    store.keep(trail, opened.model.blank(), None)
    for token in range(10, 22):
        store.keep(root(opened, [token] * 20), opened.model.blank(), None)
    found = store.longest(root(opened), (*[1] * 768, *[2] * 16, 3))
    assert found.key.tokens == 768
    assert len(store) == 4


def test_a_store_shrinks_where_memory_gets_scarce(opened, monkeypatch):
    clock, free = [0.0], [1 << 30]
    monkeypatch.setattr("app.runtime.states.state_store.time.monotonic", lambda: clock[0])
    store = StateStore(lambda: free[0])
    for token in range(8):
        store.keep(root(opened, (token, token)), opened.model.blank(), None)
    assert len(store) == 8
    clock[0], free[0] = 10.0, 0
    store.keep(root(opened, (9, 9)), opened.model.blank(), None)
    assert len(store) == 2  # a quarter of what all of them had
    assert store.give_back()
    assert (len(store), store.nbytes, store.give_back()) == (0, 0, False)


def test_two_texts_of_one_beginning_read_it_once(opened):
    desk = Desk(opened)
    shared = tuple(i * 7 % 255 + 1 for i in range(600))
    desk.run(ask(1, (*shared, 5), limit=3), ask(2, (*shared, 6), limit=3))
    first, second = (desk.result(request)[2] for request in (1, 2))
    assert (first.prompt_tokens, first.computed_tokens) == (601, 601)
    assert (second.prompt_tokens, second.computed_tokens) == (601, 601 - 512)
    assert desk.tokens(2) == plainly(opened, (*shared, 6), 3)


def test_a_reply_can_be_gone_on_with_from_its_middle(opened):
    """Every 32 tokens of it its state is kept, so that at most that many are computed again."""
    desk = Desk(opened)
    tokens, _, _ = desk.run(ask(1, (5, 6, 7), limit=100))
    branch = (5, 6, 7, *tokens[:80], 9)
    assert desk.run(ask(2, branch, limit=5))[2].computed_tokens == len(branch) - 64
    assert desk.tokens(2) == plainly(opened, branch, 5)


def test_the_middle_of_a_long_prompt_is_kept_as_well(opened):
    desk = Desk(opened)
    prompt = tuple(i * 5 % 255 + 1 for i in range(700))
    desk.run(ask(1, prompt, limit=1))
    assert desk.run(ask(2, (*prompt[:600], 3), limit=1))[2].computed_tokens == 601 - 512


def test_memory_that_runs_out_while_reading_is_taken_from_the_store(opened, monkeypatch):
    desk = Desk(opened)
    desk.run(ask(1, (5, 6, 7), limit=3))
    reading, failures = opened.model.reading, [1]

    def scarce(tokens, state, **how):
        if failures:
            failures.pop()
            state.wkv.fill_(float("nan"))
            raise OutOfMemory(needed_bytes=1)
        yield from reading(tokens, state, **how)

    monkeypatch.setattr(opened.model, "reading", scarce)
    assert desk.run(ask(2, (5, 6, 8), limit=3))[0] == plainly(opened, (5, 6, 8), 3)
    failures.append(1)
    desk.engine._store.give_back()
    desk.run(ask(3, (5, 6, 9), limit=3))
    assert isinstance(desk.sent[3][-1], Failed)


def test_model_and_kept_states_together_keep_to_the_limit(opened):
    plan = opened.plan
    peak, planned = plan.peak_bytes["cpu"], plan.parts["cpu"]["kept states"]
    limits = {within: Limits(cpu_bytes=peak + within) for within in (1 << 20, -1)}
    assert store_beside(opened, limits[1 << 20]).limit_bytes == planned + (1 << 20)
    assert store_beside(opened, limits[-1]).limit_bytes == planned  # asked for in spite of it
    assert store_beside(opened, Limits(gpu_bytes=0)).limit_bytes > planned + (1 << 20)

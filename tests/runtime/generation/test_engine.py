"""The engine with real small models: batching, endings, prompts in chunks, failures of one text."""

import math

import msgspec
import pytest
import torch

from app.errors import (
    KernelError,
    NumbersBroken,
    OutOfMemory,
    RequestRefused,
    TextRefused,
)
from app.runtime.families.templates import TEMPLATES, lead
from app.runtime.loading.loading import open_model
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import Failed, Prefilled
from app.runtime.protocol.prompts import Chat as Conversation
from app.runtime.protocol.prompts import Sampling, Turn
from tests.runtime.small_models import HUGE, Desk, ask, plainly, small_model
from tests.support.checkpoints import GENERATIONS, random_tensors, write_safetensors


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_text_is_what_the_model_alone_would_write(tmp_path, generation):
    opened = small_model(tmp_path, generation)
    tokens, text, done = Desk(opened).run(ask(prompt=(72, 101, 108), limit=12))
    assert tokens == plainly(opened, (72, 101, 108), 12)
    assert text == bytes(tokens).decode("utf-8", "replace")
    assert (done.reason, done.tokens, done.prompt_tokens) == ("limit", 12, 3)


def test_texts_that_run_at_once_share_every_forward(opened):
    desk = Desk(opened)
    prompts = [(65 + i, 80, 90 - i) for i in range(5)]
    desk.run(*(ask(i, prompt, limit=20) for i, prompt in enumerate(prompts)))
    for i, prompt in enumerate(prompts):
        assert desk.tokens(i) == plainly(opened, prompt, 20)
    assert desk.engine.prefills == 5
    assert desk.engine.forwards == 19 + 4  # the last of them joins 4 steps after the first


def test_texts_of_different_lengths_come_and_go_without_disturbing_each_other(opened):
    desk = Desk(opened)
    desk.engine.start(ask(1, (1, 2, 3), limit=30))
    for _ in range(5):
        desk.engine.step()
    desk.engine.start(ask(2, (200, 100), limit=3))
    desk.engine.start(ask(3, (7,) * 40, limit=12))
    desk.run(ask(4, (9, 8), limit=1))
    for request, prompt, count in ((1, (1, 2, 3), 30), (2, (200, 100), 3), (3, (7,) * 40, 12)):
        assert desk.tokens(request) == plainly(opened, prompt, count)


def test_a_long_prompt_is_read_in_chunks_and_stalls_nobody(opened):
    desk = Desk(opened)
    desk.engine.start(ask(1, (5, 6), limit=50))
    desk.engine.step()
    prompt = tuple(i % 250 + 1 for i in range(1000))
    desk.engine.start(ask(2, prompt, limit=2))
    for step in range(4):
        before = len(desk.tokens(1))
        desk.engine.step()
        assert len(desk.tokens(1)) == before + 1
        progress = [r.done for r in desk.sent[2] if isinstance(r, Prefilled)]
        assert progress[-1] == min(1000, 256 * (step + 1))
    desk.run(ask(3, (1,), limit=1))
    assert desk.tokens(2) == plainly(opened, prompt, 2)
    assert desk.tokens(1) == plainly(opened, (5, 6), 50)


def test_a_short_prompt_does_not_wait_for_a_long_one(opened):
    desk = Desk(opened)
    long = tuple(i % 250 + 1 for i in range(2000))
    desk.engine.start(ask(1, long, limit=2))
    desk.engine.step()
    desk.engine.start(ask(2, (9, 8), limit=1))
    desk.engine.step()
    assert desk.result(2)[2].reason == "limit"
    desk.run(ask(3, (1,), limit=1))
    assert desk.tokens(1) == plainly(opened, long, 2)


def test_a_cancelled_text_ends_within_a_token_and_keeps_the_others(opened):
    desk = Desk(opened)
    desk.engine.start(ask(1, limit=HUGE))
    desk.engine.start(ask(2, (9, 9), limit=25))
    for _ in range(10):
        desk.engine.step()
    written = len(desk.tokens(1))
    desk.cancelled.add(1)
    desk.engine.step()
    tokens, _, done = desk.result(1)
    assert (done.reason, done.tokens, len(tokens)) == ("stopped", written, written)
    desk.run(ask(3, limit=1))
    assert desk.tokens(2) == plainly(opened, (9, 9), 25)
    assert not desk.cancelled


def test_a_prompt_that_is_being_read_can_be_cancelled(opened):
    desk = Desk(opened)
    desk.engine.start(ask(1, (3,) * 2000))
    desk.engine.step()
    desk.cancelled.add(1)
    desk.engine.step()
    assert desk.result(1)[2].reason == "stopped"
    assert desk.engine.idle
    assert desk.engine.prefills == 1


def test_a_request_cancelled_before_it_begins_is_never_run(opened):
    desk = Desk(opened, cancelled={1})
    assert desk.run(ask(1))[2].reason == "stopped"
    assert desk.engine.prefills == 0


def test_nothing_is_written_where_the_limit_is_0(opened):
    tokens, text, done = Desk(opened).run(ask(limit=0))
    assert (tokens, text, done.reason, done.prompt_tokens) == ([], "", "limit", 3)


@pytest.mark.parametrize("prompt", ["", ()])
def test_an_empty_prompt_begins_with_the_end_token(opened, prompt):
    tokens, _, done = Desk(opened).run(ask(prompt=prompt, limit=4))
    assert tokens == plainly(opened, (0,), 4)
    assert done.prompt_tokens == 1


ONLY_THE_END = Sampling(temperature=0, banned=tuple(range(1, 256)))


def test_the_end_token_ends_a_reply_and_is_not_a_part_of_it(opened):
    tokens, text, done = Desk(opened).run(ask(prompt=["hi"], sampling=ONLY_THE_END))
    assert (tokens, text, done.reason, done.tokens) == ([], "", "end", 0)


def test_byte_0_of_a_text_that_is_no_chat_is_a_byte_like_any_other(opened):
    tokens, text, done = Desk(opened).run(ask(limit=3, sampling=ONLY_THE_END))
    assert (tokens, text, done.reason) == ([0, 0, 0], "\0\0\0", "limit")


def test_byte_0_ends_every_text_of_a_model_that_says_so(tmp_path):
    path = write_safetensors(
        tmp_path / "small.safetensors", random_tensors(vocabulary=256), {"end_token": "0"}
    )
    desk = Desk(open_model(path, "cpu fp32"))
    tokens, _, done = desk.run(ask(limit=3, sampling=ONLY_THE_END))
    assert (tokens, done.reason) == ([], "end")


def test_a_stop_string_ends_the_text_before_itself_across_token_borders(opened):
    sampling = Sampling(temperature=3.0, top_p=1, seed=5, banned=tuple(range(128, 256)))
    tokens, text, _ = Desk(opened).run(ask(limit=40, sampling=sampling))
    stop = text[17:20]
    cut, short, done = Desk(opened).run(ask(limit=40, sampling=sampling, stops=(stop, "never")))
    assert short == text[: text.index(stop)]
    assert done.reason == "stop"
    assert cut == tokens[: text.index(stop) + 3]


def test_words_held_back_for_a_stop_come_out_at_the_limit(opened):
    _, text, _ = Desk(opened).run(ask(limit=9))
    assert text
    _, held, done = Desk(opened).run(ask(limit=9, stops=(text[-3:] + "!",)))
    assert (held, done.reason) == (text, "limit")


ASCII = Sampling(
    temperature=0, presence=0.5, frequency=0.5, decay=0.9, banned=(0, *range(128, 256))
)
MODES = [(name, "off") for name in TEMPLATES]
MODES += [("g1", "on"), ("g1", "fake"), ("bot", "on")]


@pytest.mark.parametrize(("template", "think"), MODES)
def test_a_reply_that_was_cut_goes_on_as_if_it_had_not_been(opened, template, think):
    def written(limit, *begun):
        turns = tuple(Turn("assistant", lead(template, think) + text) for text in begun)
        chat = Conversation(turns=(Turn("user", "Hi"), *turns), template=template, think=think)
        request = msgspec.structs.replace(ask(limit=limit, sampling=ASCII), prompt=chat)
        return Desk(opened).run(request)

    _, whole, _ = written(40)
    for cut in range(1, 40, 3):
        tokens, first, _ = written(cut)
        _, more, _ = written(40 - len(tokens), first)
        assert first + more == whole


def test_a_stop_that_the_limit_cut_still_ends_the_reply(opened):
    _, text, _ = Desk(opened).run(ask(prompt=["Hi"], limit=20, sampling=ASCII))
    stop = text[9:13]
    _, first, done = Desk(opened).run(ask(prompt=["Hi"], limit=11, sampling=ASCII, stops=(stop,)))
    assert (first, done.taken_back) == (text[:11], 0)
    _, more, done = Desk(opened).run(
        ask(prompt=["Hi", first], limit=9, sampling=ASCII, stops=(stop,))
    )
    assert (more, done.reason, done.taken_back) == ("", "stop", 2)


def test_a_chat_leaves_out_a_character_that_the_limit_cuts(opened):
    euro = Sampling(temperature=0, banned=tuple(set(range(256)) - {0xE2}))
    assert Desk(opened).run(ask(prompt="Hi", limit=1, sampling=euro))[1] == "\ufffd"
    assert Desk(opened).run(ask(prompt=["Hi"], limit=1, sampling=euro))[1] == ""


def test_the_same_seed_writes_the_same_text_and_another_one_does_not(opened):
    def text(seed):
        sampling = Sampling(temperature=2, top_p=1, seed=seed)
        return Desk(opened).run(ask(limit=30, sampling=sampling))[0]

    assert text(7) == text(7)
    assert text(7) != text(8)


def test_without_a_seed_one_is_drawn_and_told(opened):
    sampling = Sampling(temperature=2, top_p=1)
    tokens, _, done = Desk(opened).run(ask(limit=30, sampling=sampling))
    again = Sampling(temperature=2, top_p=1, seed=done.seed)
    assert Desk(opened).run(ask(limit=30, sampling=again))[0] == tokens


def test_log_probabilities_are_those_of_the_raw_logits(opened):
    desk = Desk(opened)
    desk.run(ask(limit=3, outputs=Outputs(logprob=True, top=4)))
    state = opened.model.blank()
    logits = opened.model.forward(torch.tensor([[65, 66, 67]]), state)[0]
    expected = torch.log_softmax(logits.double(), 0)
    first = desk.sent[1][1].tokens[0]
    best = expected.topk(4)
    assert [token for token, _ in first.top] == best.indices.tolist()
    assert [logprob for _, logprob in first.top] == pytest.approx(best.values.tolist(), abs=1e-5)
    assert first.logprob == pytest.approx(float(expected[first.token]), abs=1e-5)


def test_times_add_up(opened):
    done = Desk(opened).run(ask(limit=20))[2]
    assert 0 < done.prefill_s <= done.first_token_s
    assert done.decode_s > 0


def test_broken_numbers_end_only_the_text_that_has_them(opened, monkeypatch):
    desk = Desk(opened)
    forward = opened.model.forward

    def broken(tokens, state, **more):
        logits = forward(tokens, state, **more).clone()
        if len(tokens) == 2 and desk.engine.forwards == 6:
            logits[0, 3] = math.nan
        return logits

    monkeypatch.setattr(opened.model, "forward", broken)
    desk.run(ask(1, limit=20), ask(2, (1, 2), limit=20))
    failed = desk.sent[1][-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.facts["found"]) == (NumbersBroken.code, "NaN")
    assert desk.result(2)[2].tokens == 20


def test_a_card_that_fails_is_told_to_every_text(opened, monkeypatch):
    desk = Desk(opened)
    forward = opened.model.forward

    def failing(tokens, state, **more):
        if desk.engine.forwards == 3:
            raise KernelError(program="mix", said="it is gone")
        return forward(tokens, state, **more)

    monkeypatch.setattr(opened.model, "forward", failing)
    desk.engine.start(ask(1, limit=20))
    desk.engine.start(ask(2, (1, 2), limit=20))
    while not desk.engine.lost:
        assert not desk.engine.idle
        desk.engine.step()
    assert [desk.sent[text][-1].code for text in (1, 2)] == [KernelError.code] * 2


def test_an_allocation_refused_ends_the_text_and_not_the_engine(opened, monkeypatch):
    desk = Desk(opened)
    reading = opened.model.reading

    def refused(tokens, state, **how):
        yield None
        if tokens.shape[1] > 100:
            torch.empty(2**60, dtype=torch.uint8)
        yield from reading(tokens, state, **how)

    monkeypatch.setattr(opened.model, "reading", refused)
    desk.run(ask(1, (1,) * 200), ask(2, (2, 3), limit=4))
    failed = desk.sent[1][-1]
    assert (failed.code, failed.facts["needed_bytes"]) == (OutOfMemory.code, 2**60)
    assert desk.result(2)[2].tokens == 4


def test_texts_for_which_no_memory_is_left_when_another_ends_fail_alone(opened, monkeypatch):
    desk = Desk(opened)
    for request, limit in ((1, 9), (2, 15), (3, 15)):
        desk.engine.start(ask(request, (request, 3), limit=limit))
    for _ in range(5):  # all have joined
        desk.engine.step()
    whole = type(desk.engine._own.state).rows

    def rows(self, indices):
        if len(indices) > 1:
            raise OutOfMemory(needed_bytes=5, free_bytes=4)
        return whole(self, indices)

    monkeypatch.setattr(type(desk.engine._own.state), "rows", rows)
    for _ in range(10):
        desk.engine.step()
    assert desk.engine.idle
    assert desk.result(1)[2].tokens == 9
    assert [desk.sent[request][-1].code for request in (2, 3)] == [OutOfMemory.code] * 2
    assert desk.run(ask(4, (4, 3), limit=4))[2].tokens == 4


def test_requests_that_mean_nothing_are_refused_at_once(opened):
    desk = Desk(opened)
    wrong = (
        ask(prompt=(1, 256)),
        ask(prompt=(-1,)),
        ask(limit=-1),
        ask(stops=("",)),
        ask(sampling=Sampling(temperature=-1)),
        ask(prompt=Conversation(turns=())),
        ask(prompt=Conversation(turns=(Turn("user", "hi"),), template="no such")),
    )
    for request in wrong:
        with pytest.raises(RequestRefused):
            desk.engine.start(request)
    assert desk.engine.idle
    assert not desk.sent


def test_a_model_without_words_runs_on_token_ids_only(tmp_path):
    opened = small_model(tmp_path, vocabulary=97)
    desk = Desk(opened)
    tokens, text, done = desk.run(ask(prompt=(0, 96), limit=5))
    assert (tokens, text, done.reason) == (plainly(opened, (0, 96), 5), "", "limit")
    with pytest.raises(TextRefused):
        desk.engine.start(ask(prompt="hello"))


def test_characters_cut_by_token_borders_arrive_whole(opened):
    euro = "€".encode()
    state = opened.model.blank()
    opened.model.forward(torch.tensor([[65, 66, 67]]), state)
    sampling = Sampling(temperature=0, banned=tuple(set(range(256)) - set(euro)), presence=90)
    tokens, text, _ = Desk(opened).run(ask(limit=60, sampling=sampling))
    assert text == bytes(tokens).decode("utf-8", "replace")
    assert len(text) < len(tokens)

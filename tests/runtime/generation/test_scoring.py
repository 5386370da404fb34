"""Scores of texts: the numbers of the model alone, read between the tokens of other texts."""

import math

import pytest
import torch

from app.errors import NumbersBroken, RequestRefused, TextRefused
from app.runtime.generation.position_facts import scores_of
from app.runtime.generation.prompt_cuts import PromptCuts
from app.runtime.protocol.messages import Done, Failed
from app.runtime.protocol.prompts import Chat, Text, Tokens, Turn
from app.runtime.protocol.scores import Score, Scored
from tests.runtime.small_models import HUGE, Desk, ask, plainly, small_model

TEXT = tuple(i * 31 % 256 for i in range(300))


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


def score(number=1, tokens=TEXT, **more):
    prompt = tokens if isinstance(tokens, Text | Chat) else Tokens(tokens)
    return Score(id=number, prompt=prompt, **more)


def run(desk, *requests):
    for request in requests:
        desk.engine.score(request)
    while not desk.engine.idle:
        desk.engine.step()


def scores(desk, number=1):
    return [one for reply in desk.sent[number] if isinstance(reply, Scored) for one in reply.tokens]


def test_scores_are_those_of_one_token_after_the_other(opened):
    desk = Desk(opened)
    run(desk, score(top=3))
    found, state = scores(desk), opened.model.blank()
    assert [one.token for one in found] == list(TEXT)
    assert (found[0].logprob, found[0].entropy, found[0].rank, found[0].top) == (None,) * 3 + ((),)
    for token, one in zip(TEXT, found[1:], strict=False):
        logits = opened.model.forward(torch.tensor([[token]]), state)[0]
        likely = torch.log_softmax(logits.double(), 0)
        assert one.logprob == pytest.approx(float(likely[one.token]), rel=1e-4)
        assert one.entropy == pytest.approx(-float((likely.exp() * likely).sum()), rel=1e-4)
        assert one.rank == pytest.approx(1 + int((logits > logits[one.token]).sum()), abs=1)
        assert [value for _, value in one.top] == pytest.approx(
            likely.topk(3).values.tolist(), rel=1e-4
        )
    done = desk.sent[1][-1]
    assert (done.reason, done.prompt_tokens, done.tokens) == ("end", 300, 0)
    told = [reply for reply in desk.sent[1] if isinstance(reply, Scored)]
    assert (told[-1].done, told[-1].total) == (300, 300)


def test_the_logits_of_few_positions_are_in_memory_at_a_time(opened, monkeypatch):
    seen, positions = [], opened.model.positions

    def watched(tokens, state):
        for found in positions(tokens, state):
            seen.append(0 if found is None else found.logits.shape[1])
            yield found

    monkeypatch.setattr(opened.model, "positions", watched)
    run(Desk(opened), score())
    assert sum(seen) == 299
    assert max(seen) == 256


def test_running_texts_go_on_between_the_layers_of_a_text_that_is_scored(opened, monkeypatch):
    monkeypatch.setattr(
        "app.runtime.generation.engine.prompt_cuts_of", lambda *_: PromptCuts(256, 256)
    )
    desk = Desk(opened)
    desk.engine.start(ask(2, (5, 6), limit=60))
    desk.engine.score(score())
    desk.engine.score(score(3, TEXT[:40]))
    before = 0
    while not any(isinstance(reply, Done) for reply in desk.sent.get(1, ())):
        desk.engine.step()
        written = len(desk.tokens(2)) if 2 in desk.sent else 0
        assert written == 60 or written >= before + 1 or not desk.engine.forwards
        before = written
    assert before > 2 * opened.model.spec.layers
    run(desk)
    assert desk.tokens(2) == plainly(opened, (5, 6), 60)
    alone = Desk(opened)
    run(alone, score(3, TEXT[:40]))
    assert scores(alone, 3) == scores(desk, 3)


def test_a_cancel_ends_it_before_the_next_layer(opened, monkeypatch):
    desk, seen = Desk(opened), []
    feed = opened.model.blocks[0][1]

    def stopping(x, layer):
        seen.append(x.shape[1])
        desk.cancelled.add(1)
        feed(x, layer)

    (layers,) = opened.model.runners[0].layers
    monkeypatch.setattr(layers, "blocks", [(layers.blocks[0][0], stopping), *layers.blocks[1:]])
    run(desk, score())
    assert desk.sent[1][-1].reason == "stopped"
    assert seen == [256]
    assert not desk.cancelled


def test_a_failure_ends_the_text_that_has_it_alone(opened, monkeypatch):
    (runner,) = opened.model.runners
    logits = runner.logits
    desk = Desk(opened)
    desk.engine.score(score(2, TEXT[:1]))
    desk.engine.score(score(1, TEXT[:50]))
    monkeypatch.setattr(runner, "logits", lambda hidden: logits(hidden) * math.nan)
    run(desk)
    failed = desk.sent[1][-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.facts) == (NumbersBroken.code, {"found": "NaN"})
    assert desk.sent[2][-1].reason == "end"
    assert len(scores(desk, 2)) == 1


def test_texts_and_conversations_are_scored_as_they_are_read(opened):
    desk = Desk(opened)
    run(
        desk,
        score(1, Text("größer ")),
        score(2, Chat(turns=(Turn("user", "Hi"),), template="g1")),
    )
    assert bytes(one.token for one in scores(desk, 1)).decode() == "größer "
    asked = ask(3, ["Hi"], limit=0)
    asked = type(asked)(id=3, prompt=Chat(turns=(Turn("user", "Hi"),), template="g1"))
    desk.engine.start(asked)
    desk.cancelled.add(3)
    run(desk)
    assert len(scores(desk, 2)) == desk.sent[3][-1].prompt_tokens


def test_what_means_nothing_is_refused_at_once(opened, tmp_path):
    desk = Desk(opened)
    for tokens in ((), (1, 256), (-1,)):
        with pytest.raises(RequestRefused):
            desk.engine.score(score(1, tokens))
    assert desk.engine.idle
    wordless = Desk(small_model(tmp_path, vocabulary=97))
    with pytest.raises(TextRefused):
        wordless.engine.score(score(1, Text("hello")))


def test_a_score_that_is_asked_for_while_texts_never_end_comes_to_its_end(opened):
    desk = Desk(opened)
    desk.engine.start(ask(2, (5, 6), limit=HUGE))
    desk.engine.score(score(1, TEXT))
    for _ in range(20):
        desk.engine.step()
    assert desk.sent[1][-1].reason == "end"
    assert len(desk.tokens(2)) >= 19


def test_equal_logits_are_ranked_by_id():
    logits = torch.tensor([[0.0, 2.0, 1.0, 2.0, 1.0]])
    found = [scores_of(logits, (token,), 9)[0] for token in range(5)]
    assert [one.rank for one in found] == [5, 1, 3, 2, 4]
    assert [token for token, _ in found[0].top] == [1, 3, 2, 4, 0]
    assert [token for token, _ in scores_of(logits, (0,), 1)[0].top] == [1]


def test_entropy_is_in_nats():
    uniform, sure = torch.zeros(1, 256), torch.full((1, 256), -1e4)
    sure[0, 3] = 1e4
    assert scores_of(uniform, (5,))[0].entropy == pytest.approx(math.log(256))
    one = scores_of(sure, (3,))[0]
    assert (one.logprob, one.entropy, one.rank) == (0.0, 0.0, 1)

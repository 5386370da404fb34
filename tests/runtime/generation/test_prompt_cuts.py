"""How prompts are cut: by sizes alone, with room for other texts and for a stop in between."""

import pytest
from msgspec.structs import replace

from app.runtime.generation.prompt_cuts import PromptCuts, prompt_cuts_of
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import Piece, Prefilled
from tests.runtime.small_models import Desk, ask, plainly, small_model


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture
def slow(opened, monkeypatch):
    """An engine's pace is that of a model so large that one layer at a time is enough."""
    monkeypatch.setattr(
        "app.runtime.generation.engine.prompt_cuts_of", lambda *_: PromptCuts(256, 256)
    )


@pytest.mark.usefixtures("slow")
def test_texts_are_written_between_the_layers_of_a_long_prompt(opened):
    layers = opened.model.spec.layers
    desk = Desk(opened)
    desk.engine.start(ask(1, (5, 6), limit=60))
    while not desk.engine.forwards:
        desk.engine.step()
    prompt = tuple(i % 250 + 1 for i in range(600))
    desk.engine.start(ask(2, prompt, limit=2))
    written = len(desk.tokens(1))
    for step in range(1, 2 * layers + 1):
        desk.engine.step()
        assert len(desk.tokens(1)) == written + step
    # the logits of a piece come one step after its last layer's
    desk.run(ask(3, (1,), limit=1))
    assert desk.tokens(2) == plainly(opened, prompt, 2)
    assert desk.tokens(1) == plainly(opened, (5, 6), 60)


@pytest.mark.usefixtures("slow")
def test_a_stop_is_seen_between_layers_and_spoils_no_state(opened):
    desk = Desk(opened)
    prompt = tuple(i % 250 + 1 for i in range(600))
    desk.engine.start(ask(1, prompt))
    while desk.engine.prefills < 1:
        desk.engine.step()
    desk.engine.step()  # one layer of the second piece
    desk.cancelled.add(1)
    desk.engine.step()
    assert desk.result(1)[2].reason == "stopped"
    assert (desk.engine.prefills, desk.engine.idle) == (1, True)
    assert desk.run(ask(2, prompt, limit=4))[0] == plainly(opened, prompt, 4)
    first = next(reply for reply in desk.sent[2] if isinstance(reply, Prefilled))
    assert first.done == 256  # what had been read is not read again


def test_a_stop_that_comes_while_a_layer_runs_ends_the_piece(opened, monkeypatch):
    desk, seen = Desk(opened), []
    feed = opened.model.blocks[0][1]

    def stopping(x, layer):
        seen.append(desk.engine.prefills)
        desk.cancelled.add(1)
        feed(x, layer)

    (layers,) = opened.model.runners[0].layers
    monkeypatch.setattr(layers, "blocks", [(layers.blocks[0][0], stopping), *layers.blocks[1:]])
    desk.run(ask(1, (3,) * 300))
    assert desk.result(1)[2].reason == "stopped"
    assert (seen, desk.engine.prefills) == ([0], 0)


def test_a_prompt_is_cut_in_the_same_places_wherever_reading_begins():
    pace = PromptCuts(256, 256)
    for begun in (0, 1, 255):
        assert pace.end_after(begun) == 256
    assert pace.end_after(256) == 512


@pytest.mark.parametrize("known", [256, 512])
def test_what_is_read_on_from_a_remembered_state_repeats_bit_by_bit(opened, known):
    prompt = tuple(i % 250 + 1 for i in range(700))
    found = []
    for before in ((), (ask(2, prompt[:known], limit=0),)):
        desk = Desk(opened)
        for request in (*before, ask(3, prompt, limit=3, outputs=Outputs(logprob=True, top=5))):
            desk.run(request)
        found.append([reply.tokens for reply in desk.sent[3] if isinstance(reply, Piece)])
    assert found[0] == found[1]


def test_large_models_let_others_go_on_after_fewer_layers(opened):
    spec, model = opened.model.spec, opened.model
    sizes = ((24, 4 * 10**8), (32, 3 * 10**9), (61, 14 * 10**9))
    paces = [prompt_cuts_of(replace(spec, layers=n, parameters=p), model) for n, p in sizes]
    assert [pace.tokens for pace in paces] == [256] * 3
    assert [pace.layers(256) for pace in paces] == [32, 5, 2]
    assert [pace.layers(2) >= n for pace, (n, _) in zip(paces, sizes, strict=True)] == [True] * 3

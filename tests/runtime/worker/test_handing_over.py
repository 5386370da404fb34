"""What one worker remembers is known to the next one, so that nothing is read again."""

import asyncio
import sys
import tempfile
from pathlib import Path

import pytest
import torch

from app.errors import RequestRefused
from app.runtime.loading.loading import open_model
from app.runtime.planning.machine import Limits
from app.runtime.protocol.prompts import Turn
from app.runtime.protocol.states import HandOver, TakeOver
from app.runtime.worker.supervisor import Supervisor
from tests.runtime.small_models import Desk, ask, small_file
from tests.runtime.worker.test_stepping_down import ASKED, talk

LONG = Turn("user", "Tell me of rooks. " * 40)
MORE = Turn("user", "And of crows?")
MANY = tuple(range(1, 201)) * 3


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return str(small_file(folder, width=512, dtype=torch.bfloat16))


def folder_of(path):
    path.mkdir()
    return str(path).encode()


def test_the_states_used_last_are_handed_over_as_many_as_there_is_room_for(model, tmp_path):
    first, others = Desk(open_model(model, "cpu fp32")), [(5, 6, 7), (8, 9, 10), MANY]
    for prompt in others:
        first.run(ask(prompt=prompt, limit=2))
    whole, few = folder_of(tmp_path / "whole"), folder_of(tmp_path / "few")
    first.engine.hand_over(HandOver(id=7, folder=whole, most_bytes=1 << 30))
    count = first.sent[7][0].count
    assert count == len(list((tmp_path / "whole").iterdir())) > 4
    nbytes = next(first.engine._store.recent()).state.nbytes
    first.engine.hand_over(HandOver(id=8, folder=few, most_bytes=2 * nbytes))
    assert first.sent[8][0].count == 2

    same, other = Desk(open_model(model, "cpu fp32")), Desk(open_model(model, "cpu int8"))
    for desk in (same, other):
        desk.engine.hand_over(TakeOver(id=9, folder=whole))
        assert desk.sent[9][0].count == count
        for prompt in others:
            desk.run(ask(prompt=prompt, limit=2))
            done = desk.result()[2]
            assert done.computed_tokens == 0
            assert done.approximate == (desk is other)
    assert same.tokens() == first.tokens()
    last = Desk(open_model(model, "cpu fp32"))
    last.engine.hand_over(TakeOver(id=9, folder=few))
    last.run(ask(prompt=MANY, limit=2))
    assert last.result()[2].computed_tokens == 0, "what was used last"
    last.run(ask(prompt=(5, 6, 7), limit=2))
    assert last.result()[2].computed_tokens == 3


def test_another_model_refuses_them(model, tmp_path):
    first = Desk(open_model(model, "cpu fp32"))
    first.run(ask(prompt=(5, 6, 7), limit=2))
    folder = folder_of(tmp_path / "states")
    first.engine.hand_over(HandOver(id=7, folder=folder, most_bytes=1 << 30))
    other = Desk(open_model(small_file(tmp_path, width=512, name="other"), "cpu fp32"))
    with pytest.raises(RequestRefused):
        other.engine.hand_over(TakeOver(id=9, folder=folder))
    other.run(ask(prompt=(5, 6, 7), limit=2))
    assert other.result()[2].computed_tokens == 3


@pytest.mark.skipif(sys.platform == "win32", reason="as the other tests of workers")
def test_a_change_of_format_in_a_reply_and_a_rest_read_nothing_again(model, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def left_behind():
        return list(Path(tmp_path).glob("rookery-states-*"))

    async def scenario():
        supervisor = Supervisor()
        try:
            large = (await supervisor.open(model, "cpu fp32")).plan.peak_bytes["cpu"]
            begun = asyncio.Event()
            writing = asyncio.ensure_future(talk(supervisor, [LONG], 100_000, begun))
            await begun.wait()
            small = (await supervisor.open(model, "cpu int8")).plan.peak_bytes["cpu"]
            part = await writing
            assert part.done.reason == "stopped"
            assert part.done.computed_tokens == part.done.prompt_tokens > 500
            assert not left_behind()

            rest = await talk(supervisor, [LONG, part.turn], 4)
            assert rest.text.startswith(part.text)
            assert rest.done.approximate
            assert rest.done.computed_tokens < 40
            assert rest.done.prompt_tokens > 500

            await supervisor.rest()
            (folder,) = left_behind()
            assert folder.stat().st_mode & 0o077 == 0, "nobody else reads them"
            supervisor.limits = Limits(cpu_bytes=small - 1)  # obeyed by what comes again as well
            later = await talk(supervisor, [LONG, rest.turn, MORE], 4)
            assert later.done.computed_tokens < 60
            down = supervisor.loaded.stepped_down
            assert (down.strategy, down.code) == ("cpu int8", "over-limit")
            assert supervisor.loaded.plan.peak_bytes["cpu"] < small < large

            other = str(small_file(tmp_path, width=512, name="other"))
            supervisor.limits = Limits()
            await supervisor.rest()
            await supervisor.open(other, "cpu fp32")
            assert not left_behind()
            again = await talk(supervisor, [ASKED], 4)
            assert again.done.computed_tokens == again.done.prompt_tokens
            await supervisor.rest()
        finally:
            await supervisor.close()
        assert not left_behind()

    asyncio.run(scenario())

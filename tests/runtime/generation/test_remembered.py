"""What an engine keeps on the disk another one goes on from, with the very numbers."""

import os
from dataclasses import replace

import msgspec
import pytest
import torch

from app.errors import OutOfMemory
from app.kernels.cuda.ops import CudaOps
from app.runtime.generation import remembered
from app.runtime.models import build
from app.runtime.planning.strategy import parse
from app.runtime.protocol.messages import Failed, Piece
from app.runtime.protocol.prompts import Sampling, Tokens
from app.runtime.protocol.reply_tokens import ReplyTokens
from app.runtime.protocol.states import SaveState, StateCache
from app.runtime.states.gpu_states import GpuState
from app.runtime.states.state_disk import StateDisk
from app.runtime.states.state_store import StateStore
from tests.runtime.small_models import Desk, ask, small_file, small_model
from tests.support.emulation.device import COMPILER, EmulatedDevice
from tests.support.memory_checkpoint import MemoryCheckpoint

PROMPT = tuple(i * 37 % 250 + 1 for i in range(600))


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture
def desk_on(opened, tmp_path):
    """Makes engines that know nothing but what is in one folder, as after a restart."""

    def make(model=opened, store=None, **more):
        desk = Desk(model, store)
        cache = StateCache(folder=os.fsencode(tmp_path / "kept"), **more)
        desk.engine.remembered.keep_in(cache, lambda failure: pytest.fail(repr(failure)))
        return desk

    return make


def written(desk):
    assert desk.engine.remembered.disk.flush(30)
    return desk


def done(desk, number):
    end = desk.sent[number][-1]
    return end.prompt_tokens, end.computed_tokens


def test_after_a_restart_only_new_tokens_are_computed(desk_on):
    first = desk_on()
    reply = tuple(first.run(ask(1, PROMPT, limit=40))[0])
    written(first)
    again = desk_on()
    assert again.run(ask(1, PROMPT, limit=40))[0] == list(reply)
    assert done(again, 1) == (600, 0), "the same prompt: its logits are known"
    longer = (*PROMPT, *reply[:-1])
    again = desk_on()
    again.run(ask(2, (*longer, 5, 6, 7), limit=4))
    assert done(again, 2) == (len(longer) + 3, 3), "the next message"
    branch = desk_on()
    branch.run(ask(3, (*PROMPT, 8, 9), limit=4))
    assert done(branch, 3) == (602, 2), "another message in place of the reply"
    assert branch.tokens(3) == Desk(branch.engine._opened).run(ask(3, (*PROMPT, 8, 9), limit=4))[0]


def test_long_texts_leave_states_on_their_way(desk_on):
    desk = desk_on(every_s=0.0)
    desk.engine.start(ask(1, PROMPT, limit=80))
    while not desk.engine.idle:
        desk.engine.step()
        written(desk)
    disk = desk.engine.remembered.disk
    tokens = sorted(one.name.tokens for one in remembered_files(disk))
    assert tokens[:2] == [256, 512]
    assert set(tokens) >= {600, 608, 640, 679}
    other = desk_on()
    other.run(ask(2, (*PROMPT[:520], 3), limit=1))
    assert done(other, 2) == (521, 9)
    seldom = Desk(desk.engine._opened)
    cache = StateCache(folder=os.fsencode(disk.folder.parent / "seldom"))
    seldom.engine.remembered.keep_in(cache, lambda _: None)
    seldom.run(ask(1, PROMPT, limit=80))
    files = remembered_files(written(seldom).engine.remembered.disk)
    assert sorted(one.name.tokens for one in files) == [600, 679], "the ends of both messages"


def remembered_files(disk):
    from app.runtime.states.disk_budget import files_in

    return list(files_in(disk.folder))


def test_states_that_are_taken_into_files_do_not_flood_the_disk(desk_on, tmp_path):
    desk = desk_on()
    save = SaveState(id=1, prompt=Tokens(PROMPT), path=os.fsencode(tmp_path / "s"))
    desk.run(save)
    assert remembered_files(written(desk).engine.remembered.disk) == []


def test_what_is_computed_afresh_neither_uses_nor_leaves_a_state(desk_on):
    desk = desk_on()
    desk.run(msgspec.structs.replace(ask(1, PROMPT, limit=4), afresh=True))
    assert remembered_files(written(desk).engine.remembered.disk) == []
    written(desk).run(ask(2, PROMPT, limit=4))
    written(desk)
    other = desk_on()
    other.run(msgspec.structs.replace(ask(3, PROMPT, limit=4), afresh=True))
    assert done(other, 3) == (600, 600)


def test_a_text_waits_for_the_disk_and_others_go_on_meanwhile(desk_on, monkeypatch):
    written(desk_on()).run(ask(1, PROMPT, limit=2))
    first = desk_on()
    first.run(ask(1, PROMPT, limit=2))
    written(first)
    held = []
    read = StateDisk.read

    def slowly(self, point, name):
        coming = remembered.Future()
        held.append(lambda: coming.set_result(read(self, point, name).result(30)))
        return coming

    monkeypatch.setattr(StateDisk, "read", slowly)
    desk = desk_on()
    desk.engine.start(ask(1, (*PROMPT, 5), limit=2))
    desk.run_beside(ask(2, (1, 2, 3), limit=6))
    assert desk.sent.get(1, []) == []
    held.pop()()
    while not desk.engine.idle:
        desk.engine.step()
    assert done(desk, 1) == (601, 1)


def test_a_text_that_waits_for_the_disk_can_be_stopped_and_waits_not_for_ever(desk_on, monkeypatch):
    first = desk_on()
    first.run(ask(1, PROMPT, limit=2))
    written(first)
    monkeypatch.setattr(StateDisk, "read", lambda *_: remembered.Future())
    desk = desk_on()
    desk.engine.start(ask(1, PROMPT, limit=2))
    desk.engine.step()
    desk.cancelled.add(1)
    desk.engine.step()
    assert desk.sent[1][-1].reason == "stopped"
    monkeypatch.setattr(remembered, "_PATIENCE_S", 0.0)
    desk.run(ask(2, PROMPT, limit=2))
    assert done(desk, 2) == (600, 600)


def seeded(number, prompt, limit=6):
    return ask(number, prompt, limit=limit, sampling=Sampling(top_p=1, seed=number))


@pytest.mark.parametrize(("known", "used"), [(100, 0), (256, 256), (300, 256), (600, 600)])
def test_a_seed_repeats_whatever_lies_on_the_disk(desk_on, opened, known, used):
    first = desk_on(every_s=0.0)
    first.run(ask(1, PROMPT[:known], limit=3))
    written(first)
    desk, alone = desk_on(), Desk(opened)
    for one in (desk, alone):
        one.run(seeded(3, PROMPT))
    assert facts(desk, 3) == facts(alone, 3)
    assert done(desk, 3) == (600, 600 - used)


def facts(desk, number):
    return [reply.tokens for reply in desk.sent[number] if isinstance(reply, Piece)]


def test_a_state_that_something_else_computed_does_not_serve_a_seed(desk_on, monkeypatch):
    first = desk_on()
    first.run(ask(1, PROMPT, limit=1))
    written(first)
    desk = desk_on()
    desk.engine.remembered._straight._computes += "another torch"
    desk.run(seeded(3, PROMPT))
    assert done(desk, 3) == (600, 600)
    desk.run(ask(4, (*PROMPT, 4), limit=1))
    assert done(desk, 4)[1] == 1


def test_a_rounded_state_serves_no_seed_and_marks_what_comes_of_it(desk_on):
    first = desk_on(half=True)
    first.run(ask(1, PROMPT, limit=1))
    written(first)
    other = desk_on()
    other.run(ask(4, (*PROMPT, 4), limit=1))
    assert done(other, 4)[1] == 1
    assert other.sent[4][-1].approximate
    desk = desk_on()
    desk.run(seeded(3, PROMPT))
    assert done(desk, 3) == (600, 600)


@pytest.mark.parametrize("strategy", ["cpu bf16", "cpu int8"])
def test_a_greedy_reply_goes_on_bit_by_bit_from_a_state_on_its_way(
    tmp_path_factory, desk_on, strategy
):
    """Read at once its tokens would give other numbers than those that were written one by one."""
    from app.runtime.loading.loading import open_model

    model = open_model(small_file(tmp_path_factory.mktemp("other")), strategy)
    outputs = {"outputs": remembered_outputs()}
    whole = Desk(model)
    whole.run(ask(1, ["Hi there"], limit=150, **outputs))
    cut = desk_on(model, every_s=0.0)
    begun = ReplyTokens(0)
    cut.engine.start(ask(1, ["Hi there"], limit=150, **outputs))
    while len([one for one in cut.sent[1] if isinstance(one, Piece)]) < 90:
        cut.engine.step()
        written(cut)  # a slow disk is given fewer states
    for reply in cut.sent[1]:
        begun.note(reply)
    text = "".join(reply.text for reply in cut.sent[1] if isinstance(reply, Piece))
    request = ask(2, ["Hi there", text], limit=60, **outputs)
    turns = request.prompt.turns
    turns = (turns[0], msgspec.structs.replace(turns[1], tokens=begun.span))
    request = msgspec.structs.replace(
        request, prompt=msgspec.structs.replace(request.prompt, turns=turns)
    )
    after = desk_on(model)
    after.run(request)
    count = len(cut.tokens(1))
    assert facts(after, 2) == facts(whole, 1)[count : count + 60]
    assert 0 < done(after, 2)[1] <= 32, "from the last state of the reply"


def remembered_outputs():
    from app.runtime.protocol.generate_options import Outputs

    return Outputs(logprob=True, top=3)


def test_memory_that_is_short_keeps_nothing_and_the_disk_still_does(desk_on):
    first = desk_on(store=StateStore(room=lambda: 0))
    first.run(ask(1, PROMPT, limit=3))
    written(first)
    other = desk_on(store=StateStore(room=lambda: 0))
    other.run(ask(2, (*PROMPT, 7), limit=3))
    assert done(other, 2) == (601, 1)


@pytest.mark.parametrize("where", ["read", "placed"])
def test_what_the_disk_has_is_read_as_text_where_there_is_no_memory_for_it(
    desk_on, monkeypatch, where
):
    first = desk_on()
    first.run(ask(1, PROMPT, limit=2))
    written(first)
    desk = desk_on()

    def no_room(*_):
        raise OutOfMemory(needed_bytes=1)

    if where == "read":
        monkeypatch.setattr(StateDisk, "_checked", no_room)
    desk.engine.start(ask(2, PROMPT, limit=2))
    if where == "placed":
        monkeypatch.setattr(type(desk.engine._model), "place", no_room)
    for _ in range(1000):
        desk.engine.step()
        if desk.engine.idle:
            break
    assert done(desk, 2) == (600, 600)
    assert desk.tokens(2) == first.tokens(1)


def test_a_state_from_the_disk_that_cannot_be_saved_ends_only_its_own_request(desk_on, tmp_path):
    first = desk_on()
    first.run(ask(1, PROMPT, limit=2))
    written(first)
    desk = desk_on()
    path = os.fsencode(tmp_path / "no folder" / "s")
    desk.engine.start(SaveState(id=1, prompt=Tokens(PROMPT), path=path))
    desk.run(ask(2, (1, 2, 3), limit=6))
    assert isinstance(desk.sent[1][-1], Failed)
    assert len(desk.tokens(2)) == 6


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler for the emulation")
def test_a_card_s_states_are_copied_off_behind_its_work_and_come_back(tmp_path, desk_on):
    on_cpu = small_model(tmp_path, layers=1, head_size=64)
    checkpoint = MemoryCheckpoint(torch.load(on_cpu.path, weights_only=True))
    device = EmulatedDevice()
    model = build(checkpoint, CudaOps(device), parse("cuda fp32"))
    plan = msgspec.structs.replace(on_cpu.plan, strategy=parse("cuda fp32"))
    on_gpu = replace(on_cpu, model=model, plan=plan)
    first = desk_on(on_gpu)
    tokens = first.run(ask(1, PROMPT[:40], limit=6))[0]
    written(first)
    for last, other in ((7, on_gpu), (8, on_cpu)):
        again = desk_on(other)
        again.run(ask(2, (*PROMPT[:40], *tokens[:5], last), limit=3))
        assert done(again, 2) == (46, 1)
    known = again.engine._store
    assert known.nbytes
    gpu = desk_on(on_gpu)
    gpu.run(ask(3, (*PROMPT[:40], 9), limit=1))
    (entry,) = [e for e in gpu.engine._store._entries.values() if e.known.key.tokens == 40]
    assert isinstance(entry.known.state, GpuState)

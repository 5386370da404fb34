"""Two models read one text: what is told of each token, in this process and by the other one."""

import asyncio
import contextlib
import math
import os

import pytest
import torch

from app.comparison.lockstep import CHUNK, read_in_lockstep
from app.comparison.lockstep_client import read_together
from app.comparison.lockstep_messages import ReadBoth, ReadTogether, SideOpening, TokensRead
from app.comparison.way_room import Side, check_both, check_room, same_way
from app.errors import OutOfMemory, OverLimit, RequestRefused, WorkerDied
from app.runtime.loading.loading import open_model
from app.runtime.planning.machine import Limits, Machine
from tests.runtime.small_models import small_file
from tests.support.warm_workers import children

TEXT = "Ein Rabe 渡り鳥 flew. " * 20
ROOMY = Machine(memory_total=8 << 30, memory_available=4 << 30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lockstep")
    small_file(folder)
    small_file(folder, name="wide", vocabulary=97)
    return folder


@pytest.fixture(scope="module")
def both(folder):
    return [open_model(folder / "small.pth", way) for way in ("cpu fp32", "cpu int4")]


def test_every_token_is_told_with_what_was_known_before_it(both):
    first, second = both
    ids = list(TEXT.encode())
    assert len(ids) > CHUNK
    rows, counts = [], []
    figures = read_in_lockstep(
        first, second, ids, lambda n, some: (counts.append(n), rows.extend(some)), by_token=True
    )
    assert counts == [CHUNK, len(ids)]
    assert [row.token for row in rows] == ids
    assert "".join(row.text for row in rows) == TEXT
    logs = []
    for opened in both:
        logits = opened.model.forward(torch.tensor([ids]), opened.model.blank(), every=True)[0]
        logs.append(torch.log_softmax(logits.double(), -1))
    kl = (logs[0].exp() * (logs[0] - logs[1])).sum(-1)
    assert rows[0].kl is None
    assert rows[0].agree
    for at in (1, CHUNK - 1, CHUNK, CHUNK + 1, len(ids) - 1):
        row = rows[at]
        assert row.kl == pytest.approx(float(kl[at - 1]), rel=5e-2, abs=1e-5)
        assert row.first_logprob == pytest.approx(float(logs[0][at - 1, ids[at]]), abs=1e-3)
        assert row.second_logprob == pytest.approx(float(logs[1][at - 1, ids[at]]), abs=5e-2)
    assert figures.mean_kl == pytest.approx(float(kl.mean()), rel=2e-2)
    agreed = sum(row.agree for row in rows[1:])
    assert abs(figures.top1_agreement * len(ids) - agreed) <= 1, "the last place is no token's"
    predicted = -sum(row.first_logprob for row in rows[1:]) / (len(ids) - 1)
    assert figures.perplexity_a == pytest.approx(math.exp(predicted))


def test_the_process_tells_the_same_and_ends_when_it_is_left(folder, both):
    before = children()
    path = os.fsencode(folder / "small.pth")
    prompt, answer = TEXT[:10], TEXT[10:]
    asked = ReadTogether(
        sides=((path, "cpu fp32"), (path, "cpu int4")),
        prompt=prompt,
        ids=tuple(answer.encode()),
        vocabulary=both[0].tokenizer.identity,
        threads=torch.get_num_threads(),
    )

    async def read():
        async with contextlib.aclosing(read_together(asked)) as replies:
            return [one async for one in replies]

    told = asyncio.run(read())
    assert {one.side for one in told if isinstance(one, SideOpening)} == {0, 1}
    rows = [row for one in told if isinstance(one, TokensRead) for row in one.tokens]
    assert "".join(row.text for row in rows) == TEXT
    assert isinstance(told[-1], ReadBoth)
    assert told[-1].prompt_tokens == len(prompt.encode())
    here = read_in_lockstep(*both, list(TEXT.encode()), lambda *_: None)
    assert told[-1].figures.mean_kl == pytest.approx(here.mean_kl, rel=1e-6)
    assert children() <= before


def test_a_process_that_dies_or_refuses_is_told_as_a_failure(folder):
    before = children()
    path = os.fsencode(folder / "small.pth")
    asked = ReadTogether(sides=((path, "cpu fp32"), (path, "cpu fp32")), prompt="a")

    async def read(command):
        async with contextlib.aclosing(read_together(asked, command)) as replies:
            return [one async for one in replies]

    with pytest.raises(WorkerDied):
        asyncio.run(read(["python3", "-c", "import os; os.abort()"]))
    assert children() <= before


def test_room_is_looked_for_before_anything_is_opened(folder):
    small, wide = Side(folder / "small.pth", "cpu fp32"), Side(folder / "wide.pth", "")
    plan = check_room(small, ROOMY)
    assert plan.fits
    needed = sum(plan.peak_bytes.values())
    tight = Machine(memory_total=8 << 30, memory_available=(256 << 20) + needed + needed // 2)
    assert check_room(small, tight).fits
    with pytest.raises(OutOfMemory) as short:
        check_both((small, small), tight)
    assert short.value.facts["needed_bytes"] == 2 * needed
    with pytest.raises(OutOfMemory):
        check_room(small, Machine(memory_total=8 << 30, memory_available=1000))
    with pytest.raises(OverLimit):
        check_room(small, ROOMY, Limits(cpu_bytes=needed // 2))
    with pytest.raises(OverLimit):
        check_both((small, small), ROOMY, Limits(cpu_bytes=needed))
    with pytest.raises(RequestRefused):
        check_both((small, wide), ROOMY)
    assert same_way(small, Side(small.path, "cpu fp32"))
    assert not same_way(small, Side(small.path, "cpu int8"))

"""Memory that runs out in a real worker: the next smaller way is taken, and the text goes on."""

import asyncio
import contextlib
import sys

import msgspec
import pytest
import torch

from app.errors import OutOfMemory, OverLimit
from app.messages.gpu_status import stepped_down_in_words
from app.runtime.loading.loading import open_model
from app.runtime.planning.machine import Limits
from app.runtime.protocol.generate_options import GenerateOptions, Outputs
from app.runtime.protocol.messages import Done, Generate, Piece, ReplyBegun
from app.runtime.protocol.prompts import Chat, Sampling, Tokens, Turn
from app.runtime.protocol.reply_tokens import ReplyTokens
from app.runtime.protocol.states import StateParts, StateSeen, StatesWanted
from app.runtime.protocol.token_spans import unpack
from app.runtime.worker.phase import Phase
from app.runtime.worker.supervisor import Supervisor
from app.store.kept_shortages import KeptShortages
from tests.runtime.small_models import Desk, ask, small_file
from tests.support.control_groups import group_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits on addresses and groups")

LENGTH = 24
GREEDY = Sampling(temperature=0, presence=0.6, frequency=0.4, decay=0.98)
ASKED = Turn("user", "Hi")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return str(small_file(folder, width=512, dtype=torch.bfloat16))


def starved(*arguments):
    return [sys.executable, "-m", "tests.support.starved_worker", *map(str, arguments)]


@contextlib.asynccontextmanager
async def supervising(*arguments, kept=None):
    supervisor = Supervisor(command=starved(*arguments) if arguments else ())
    supervisor.shortages.kept = kept
    try:
        yield supervisor
    finally:
        await supervisor.close()


class Heard:
    """What came of a chat."""

    def __init__(self, turns):
        last = turns[-1]
        self.text = last.text if last.role == "assistant" else ""
        self.tokens = ReplyTokens(len(self.text))
        self.counts, self.done = [0], None

    def note(self, event):
        self.tokens.note(event)
        if isinstance(event, Piece):
            self.text += event.text
            self.counts[-1] += len(event.tokens)
        elif isinstance(event, ReplyBegun) and self.counts[-1]:
            self.counts.append(0)
        elif isinstance(event, Done):
            self.done = event

    @property
    def turn(self):
        return Turn("assistant", self.text, self.tokens.span)


async def talk(speaker, turns, limit=LENGTH, begun=None):
    """``begun`` is an event for when some tokens are there."""
    heard = Heard(turns)
    prompt = Chat(turns=tuple(turns), template="g1")
    options = GenerateOptions(limit=limit, sampling=GREEDY)
    async with contextlib.aclosing(speaker.generate(prompt, options)) as events:
        async for event in events:
            heard.note(event)
            if begun is not None and heard.counts[0] > 4:
                begun.set()
    return heard


def as_it_should_be(model, strategies, counts):
    """The same reply by models that have memory: so many tokens in each of the strategies."""
    heard = Heard([ASKED])
    for number, (strategy, count) in enumerate(zip(strategies, counts, strict=True)):
        turns = (ASKED,) if not number else (ASKED, heard.turn)
        options = GenerateOptions(limit=count, sampling=GREEDY)
        request = Generate(id=1, prompt=Chat(turns=turns, template="g1"), options=options)
        desk = Desk(open_model(model, strategy))
        desk.run(request)
        for event in desk.sent[1]:
            heard.note(event)
    return heard.turn


def test_a_reply_goes_on_format_by_format_and_no_token_is_lost_or_doubled(model, tmp_path):
    ways = ["cpu bf16", "cpu int8", "cpu int4"]
    kept = KeptShortages(tmp_path / "shortages.json")

    async def scenario():
        async with supervising("writing", ",".join(ways[:2]), 5, kept=kept) as supervisor:
            loaded = await supervisor.open(model, ways[0])
            heard = await talk(supervisor, [ASKED])
            return loaded, heard, supervisor.loaded

    loaded, heard, last = asyncio.run(scenario())
    assert (loaded.strategy, last.strategy) == (ways[0], ways[-1])
    down = last.stepped_down
    assert (down.strategy, down.code) == (ways[0], "out-of-memory")
    said = stepped_down_in_words(down, last.strategy)
    assert said == (
        "This model runs in 4-bit on the processor, not in 16-bit on the processor. There was not "
        "enough memory for that."
    )
    assert len(heard.counts) == len(ways)
    assert sum(heard.counts) == heard.done.tokens == LENGTH
    assert heard.done.reason == "limit"
    ids = unpack(heard.tokens.span.ids)
    assert len(ids) == LENGTH
    right = as_it_should_be(model, ways, heard.counts)
    assert (heard.text, ids) == (right.text, unpack(right.tokens.ids))
    assert set(kept.get(model)) == set(ways[:2])
    assert all(room > 0 for room in kept.get(model).values())


@pytest.mark.cold  # what it shares with another process would be its own in the group
def test_two_texts_whose_worker_the_kernel_kills_while_it_reads_both_go_on(model):
    async def scenario(group):
        async with supervising() as supervisor:
            await supervisor.open(model, "cpu fp32")
            (group / "cgroup.procs").write_text(str(supervisor.worker_pid))
            questions = [Turn("user", words * 150) for words in ("Hi, you. ", "And he? ")]
            both = await asyncio.gather(*(talk(supervisor, [one]) for one in questions))
            assert [heard.done.tokens for heard in both] == [LENGTH] * 2
            assert supervisor.loaded.strategy == "cpu bf16"

    with group_of(4 << 20) as group:
        asyncio.run(scenario(group))


def test_what_loading_found_is_kept_and_what_is_asked_for_firmly_fails(model, tmp_path):
    kept = KeptShortages(tmp_path / "shortages.json")

    async def scenario():
        async with supervising("loading", "cpu fp32", kept=kept) as supervisor:
            loaded = await supervisor.open(model)
            assert (loaded.strategy, loaded.stepped_down.strategy) == ("cpu bf16", "cpu fp32")
            assert kept.get(model)["cpu fp32"] > 0
            with pytest.raises(OutOfMemory) as caught:
                await supervisor.open(model, "cpu fp32", firm=True)
            assert caught.value.facts["strategy"] == "cpu fp32"
            assert supervisor.phase is Phase.EMPTY

    asyncio.run(scenario())


def test_what_was_asked_for_firmly_is_taken_or_fails_when_its_worker_starts_anew(model):
    async def scenario():
        async with supervising() as supervisor:
            loaded = await supervisor.open(model, "cpu fp32", firm=True)
            await supervisor.rest()
            supervisor.limits = Limits(cpu_bytes=loaded.plan.peak_bytes["cpu"] - 1)
            with pytest.raises(OverLimit):
                await talk(supervisor, [ASKED])

    asyncio.run(scenario())


def test_bare_tokens_go_on_as_well_and_at_the_last_format_everything_fails(model):
    states = StatesWanted(every=2, parts=StateParts(norms=True))
    drawn = Sampling(temperature=2, top_p=1)

    async def write(supervisor, limit):
        options = GenerateOptions(limit=limit, sampling=drawn, outputs=Outputs(states=states))
        events = supervisor.generate(Tokens((65, 66), document=True), options)
        async with contextlib.aclosing(events):
            return [event async for event in events]

    async def scenario():
        async with supervising("writing", "cpu int8,cpu int4", 5) as supervisor:
            loaded = await supervisor.open(model, "cpu int8")
            huge = OutOfMemory(needed_bytes=1 << 60, free_bytes=1)
            assert not supervisor._step_down(supervisor._client, huge), "no format could hold that"
            assert supervisor.loaded is loaded
            events = await write(supervisor, 9)
            assert supervisor.loaded.strategy == "cpu int4"
            with pytest.raises(OutOfMemory):
                await write(supervisor, LENGTH)
            assert supervisor.phase is Phase.DEAD
            assert await supervisor.shortages.known(model) == {}, "the next message begins anew"
            return events

    events = asyncio.run(scenario())
    told = [event for event in events if isinstance(event, Piece) and event.tokens]
    ids, done = [event.tokens[0].token for event in told], events[-1]
    assert (len(ids), done.tokens, done.prompt_tokens, done.reason) == (9, 9, 2, "limit")
    assert [one.tokens for one in events if isinstance(one, StateSeen)] == [2, 4, 6, 8, 10]
    seeded = msgspec.structs.replace(drawn, seed=done.seed)
    desk = Desk(open_model(model, "cpu int8"))
    first = desk.run(ask(1, (65, 66), limit=6, sampling=seeded, reproducible=False))[0]
    assert ids[:6] == first, "the seed that is told is that of the whole"

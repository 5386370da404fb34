"""A reply that is stopped and goes on is the reply that would have been written, token by token."""

import asyncio
import contextlib
import json
import sys

import pytest

from app.runtime.checkpoint.file_names import NEOX_TOKENIZERS
from app.runtime.generation.token_fit import places
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Piece, Prefilled, ReplyBegun
from app.runtime.protocol.prompts import Chat, Sampling, Turn
from app.runtime.protocol.reply_tokens import ReplyTokens
from app.runtime.protocol.token_spans import unpack
from app.runtime.tokenizers.byte_tokenizer import byte_tokenizer
from app.runtime.tokenizers.neox import neox
from app.runtime.tokenizers.world import world
from app.runtime.worker.client import Client
from tests.runtime.tokenizers.test_neox import byte_level
from tests.support.checkpoints import random_tensors, write_pth

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="as the other tests of workers")

LENGTH = 32
GREEDY = Sampling(temperature=0, presence=0.6, frequency=0.4, decay=0.98)
SEEDED = Sampling(temperature=1.2, top_p=0.9, presence=0.3, frequency=0.3, seed=20)
ROWS = {"world": 65536, "neox": 50277, "bytes": 256}


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module", params=ROWS)
def worker(request, runner, tmp_path_factory):
    """A worker with a model that writes letters and all kinds of bytes, also such as are none."""
    folder = tmp_path_factory.mktemp(request.param)
    tensors = random_tensors(vocabulary=ROWS[request.param], width=32, layers=2)
    tensors["ln_out.bias"] += 0.2
    tensors["head.weight"][0] -= 3
    tensors["head.weight"][1:257] *= 2.5
    (folder / NEOX_TOKENIZERS[0]).write_text(json.dumps(byte_level()), encoding="utf-8")
    path = str(write_pth(folder / "small.pth", tensors))
    made = {"world": world, "neox": lambda: neox(50277, folder), "bytes": byte_tokenizer}
    worker = Worker(runner, made[request.param]())
    runner.run(worker.client.load(path, "cpu fp32"))
    yield worker
    runner.run(worker.client.close())


class Worker:
    """Asks a worker process; ``tokenizer`` is its model's."""

    def __init__(self, runner, tokenizer):
        self.runner, self.tokenizer = runner, tokenizer
        self.client = runner.run(self._started())

    async def _started(self):
        return Client()

    def __call__(self, *asked):
        return self.runner.run(written(self.client, *asked))


async def written(client, turns, sampling, limit, stop_after=0):
    """The reply as a turn, its token ids, and what is told; ``stop_after`` leaves it so early."""
    prompt = Chat(turns=tuple(turns), template="g1")
    before = turns[-1].text if turns[-1].role == "assistant" else ""
    tokens, text, seen, events = ReplyTokens(len(before)), before, 0, []
    replies = client.generate(prompt, GenerateOptions(limit=limit, sampling=sampling))
    async with contextlib.aclosing(replies):
        async for event in replies:
            tokens.note(event)
            events.append(event)
            if isinstance(event, Piece):
                text += event.text
                seen += len(event.tokens)
            if stop_after and seen >= stop_after:
                break
    return Turn("assistant", text, tokens.span), unpack(tokens.span.ids), events


def test_a_reply_stopped_at_any_token_goes_on_as_if_it_had_not_been(worker):
    asked = Turn("user", "Hi 🐦")
    wholes = [(how, *worker([asked], how, LENGTH)) for how in (GREEDY, SEEDED)]
    ends = [places(ids, worker.tokenizer) for _, _, ids, _ in wholes]
    cut_inside = 0
    for cut in range(1, LENGTH - 1):
        how, whole, ids, _ = wholes[cut % 2]
        by_person = cut % 4 < 2  # the others by the limit
        part, begun, _ = worker([asked], how, LENGTH if by_person else cut, cut * by_person)
        assert begun == ids[:cut]
        cut_inside += ends[cut % 2][cut - 1] < 0
        again, all_ids, events = worker([asked, part], how, LENGTH - cut)
        kept = unpack(next(one.tokens for one in events if isinstance(one, ReplyBegun)).ids)
        assert kept == ids[: len(kept)]
        assert len(kept) == cut or by_person, "what was held for a stop is written again"
        assert all_ids == ids[: len(kept) + LENGTH - cut], f"cut after {cut}"
        assert len(kept) < cut or again.text == whole.text
    assert cut_inside


def test_the_next_turn_reads_nothing_of_a_reply_again(worker):
    asked = Turn("user", "Hi 🐦")
    reply, ids, events = worker([asked], GREEDY, LENGTH)
    done = events[-1]
    assert isinstance(done, Done)
    _, _, later = worker([asked, reply, Turn("user", "And now?")], GREEDY, 1)
    first = next(event for event in later if isinstance(event, Prefilled))
    assert first.done == done.prompt_tokens + len(ids) - 1, "the last was chosen and never read"
    assert first.total == later[-1].prompt_tokens > first.done

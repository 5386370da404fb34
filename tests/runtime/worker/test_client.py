"""The client with a real worker process: streams, batching, stopping, failures, every death."""

import asyncio
import contextlib
import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.errors import DamagedCheckpoint, NoModel, OutOfMemory, RequestRefused, WorkerDied
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Piece, Prefilled
from app.runtime.protocol.prompts import Sampling, Tokens
from app.runtime.worker.client import Client
from tests.runtime.small_models import GREEDY, HUGE, small_file
from tests.support.checkpoints import random_tensors

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and /proc")

ROOT = Path(__file__).resolve().parents[3]
PROMPT = Tokens((65, 66, 67))
LONG = Tokens((5,) * 5000)


@pytest.fixture(scope="module")
def runner():
    """One loop for all tests here, so that they can share a worker."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def client(runner, model):
    """A worker with a model, for the tests that leave it well."""

    async def open_client():
        client = Client()
        await client.load(model, "cpu fp32")
        return client

    client = runner.run(open_client())
    yield client
    runner.run(client.close())


async def replies_of(client, prompt=PROMPT, limit=8, sampling=GREEDY, **more):
    events = client.generate(prompt, GenerateOptions(limit=limit, sampling=sampling, **more))
    async with contextlib.aclosing(events):
        return [event async for event in events]


def tokens_of(replies):
    return [fact.token for r in replies if isinstance(r, Piece) for fact in r.tokens]


async def scores_of(client, prompt, **more):
    async with contextlib.aclosing(client.score(prompt, **more)) as replies:
        return [reply async for reply in replies]


def test_a_text_is_scored_beside_one_that_is_written(runner, client):
    async def scored():
        return await asyncio.gather(scores_of(client, PROMPT, top=2), replies_of(client, limit=40))

    found, written = runner.run(scored())
    tokens = [one for reply in found[:-1] for one in reply.tokens]
    assert [one.token for one in tokens] == list(PROMPT.ids)
    assert tokens[0].logprob is None
    assert all(one.logprob < 0 < one.entropy and len(one.top) == 2 for one in tokens[1:])
    assert found[-1].reason == "end"
    assert len(tokens_of(written)) == 40


def test_leaving_a_score_early_stops_it_in_the_worker(runner, client):
    async def leave():
        async with contextlib.aclosing(client.score(LONG)) as replies:
            async for _ in replies:
                break
        return await replies_of(client, limit=3)

    assert len(tokens_of(runner.run(leave()))) == 3


def test_what_cannot_be_scored_is_refused(runner, client):
    with pytest.raises(RequestRefused):
        runner.run(scores_of(client, Tokens((1, 256))))


async def until(condition, limit_s=60.0):
    begin = time.perf_counter()
    while not condition():
        assert time.perf_counter() - begin < limit_s
        await asyncio.sleep(0.005)


def gone(pid):
    """Whether no process, not even a zombie, has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_text_streams_token_by_token_and_ends_with_done(runner, client):
    replies = runner.run(replies_of(client, limit=12))
    assert isinstance(replies[0], Prefilled)
    assert [len(piece.tokens) for piece in replies[1:13]] == [1] * 12
    assert isinstance(replies[-1], Done)
    assert replies[-1].tokens == 12


def test_texts_asked_for_at_once_run_at_once(runner, client):
    async def scenario():
        alone = [await replies_of(client, Tokens((i, 50)), limit=60) for i in range(1, 5)]
        arrived = []

        async def watch(i):
            events = client.generate(Tokens((i, 50)), GenerateOptions(limit=60, sampling=GREEDY))
            async with contextlib.aclosing(events):
                replies = []
                async for event in events:
                    replies.append(event)
                    arrived.append((i, type(event)))
                return replies

        together = await asyncio.gather(*(watch(i) for i in range(1, 5)))
        assert [tokens_of(r) for r in together] == [tokens_of(r) for r in alone]
        first_end = next(n for n, (_, kind) in enumerate(arrived) if kind is Done)
        begun = {i for i, kind in arrived[:first_end] if kind is Piece}
        assert begun == {1, 2, 3, 4}

    runner.run(scenario())


def test_leaving_early_stops_the_text_in_the_worker_which_stays_usable(runner, client):
    async def scenario():
        events = client.generate(PROMPT, GenerateOptions(limit=HUGE, sampling=GREEDY))
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, Piece):
                    break
        await until(lambda: not client._running)
        assert (await replies_of(client, limit=2))[-1].tokens == 2

    runner.run(scenario())


def test_cancelling_the_task_that_reads_stops_the_text(runner, client):
    async def scenario():
        task = asyncio.ensure_future(replies_of(client, limit=HUGE))
        await until(lambda: client._running)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not client._running)

    runner.run(scenario())


def test_the_worker_tells_how_fast_it_reads_memory_while_a_text_runs(runner, client):
    async def ask():
        text = asyncio.ensure_future(replies_of(client, limit=20))
        measured = await client.measure(1 << 20)
        await text
        return measured

    measured = runner.run(ask())
    assert measured.read_bandwidth_bytes_per_s > 1e7
    assert measured.peak_memory_bytes > 1 << 20
    assert measured.threads >= 1


def test_a_failure_crosses_with_its_type_and_facts(runner, client, model):
    async def scenario():
        with pytest.raises(RequestRefused) as caught:
            await replies_of(client, Tokens((1, 999)))
        assert caught.value.facts == {"why": "token", "value": 999, "vocabulary": 256}
        with pytest.raises(RequestRefused):
            await replies_of(client, sampling=Sampling(top_p=-1))
        with pytest.raises(RequestRefused):
            await client.load(model, "")
        assert (await replies_of(client, limit=1))[-1].tokens == 1

    runner.run(scenario())


def test_ctrl_c_in_the_terminal_does_not_reach_the_worker(runner, client):
    assert os.getsid(client.pid) != os.getsid(0)
    os.kill(client.pid, signal.SIGINT)
    assert runner.run(replies_of(client, limit=2))[-1].tokens == 2


def test_files_that_do_not_open_are_failures_and_the_next_one_loads_layer_by_layer(
    runner, model, tmp_path, monkeypatch
):
    monkeypatch.chdir(Path(model).parent)
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"PK\3\4" + b"nonsense" * 100)
    giant = sparse_giant(tmp_path / "giant.safetensors")

    async def scenario():
        client, seen = Client(), []
        try:
            with pytest.raises(DamagedCheckpoint) as caught:
                await client.load(str(broken), "")
            assert caught.value.facts["path"] == str(broken)
            with pytest.raises(NoModel):
                await replies_of(client)
            with pytest.raises(OutOfMemory) as caught:
                await client.load(giant, "cpu fp32")
            facts = caught.value.facts
            assert facts["needed_bytes"] > facts["free_bytes"] > 0
            loaded = await client.load("small.pth", "", seen.append)
        finally:
            await client.close()
        assert [(p.done, p.total) for p in seen] == [(0, 3), (1, 3), (2, 3), (3, 3)]
        assert (loaded.path, loaded.name, loaded.strategy) == (model, "small", "cpu fp32")
        assert (loaded.tokenizer, loaded.spec.generation) == ("bytes", "7.0")
        assert gone(client.pid)
        assert client.failure is None
        with pytest.raises(NoModel):
            await replies_of(client)

    runner.run(scenario())


def sparse_giant(path):
    """A model of three layers and some 1 TB, all of it a hole in the file."""
    tensors = random_tensors("7.0")
    header, offset = {}, 0
    for name, tensor in tensors.items():
        shape = list(tensor.shape)
        if name in ("emb.weight", "head.weight"):
            shape[0] = 2**32
        size = 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    packed = json.dumps(header).encode()
    path.write_bytes(len(packed).to_bytes(8, "little") + packed)
    os.truncate(path, 8 + len(packed) + offset)
    return str(path)


def test_a_death_ends_every_open_text_with_signal_and_last_words(runner, model):
    async def scenario():
        client = Client()
        await client.load(model, "")
        texts = [asyncio.ensure_future(replies_of(client, limit=HUGE)) for _ in range(3)]
        await until(lambda: len(client._running) == 3)
        await asyncio.sleep(0.05)
        os.kill(client.pid, signal.SIGABRT)
        for text in texts:
            with pytest.raises(WorkerDied) as caught:
                await text
            assert caught.value.facts["exit_code"] == -signal.SIGABRT
            assert "Fatal Python error: Aborted" in caught.value.facts["stderr"]
        with pytest.raises(WorkerDied):
            await replies_of(client)
        await client.close()
        assert gone(client.pid)

    runner.run(scenario())


def limit_memory(pid, more_bytes):
    """From here on the system refuses this process more than so much besides what it has."""
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (used + more_bytes, used + more_bytes))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="prlimit")
def test_a_worker_that_has_no_memory_to_read_a_request_dies_and_says_why(runner, model):
    async def scenario():
        client = Client()
        await client.load(model, "")
        limit_memory(client.pid, 4 << 20)
        with pytest.raises(WorkerDied) as caught:
            await replies_of(client, Tokens((7,) * 12_000_000), limit=1)
        assert "MemoryError" in caught.value.facts["stderr"]
        await client.close()

    runner.run(scenario())


def test_a_worker_that_will_not_leave_is_taken_down(runner):
    script = "import time; time.sleep(60)"

    async def scenario():
        client = Client(command=[sys.executable, "-c", script])
        await client.close()
        await client.close()
        assert gone(client.pid)

    runner.run(scenario())


def test_the_worker_ends_when_its_parent_is_killed(model):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, model], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with parent:
        worker = int(parent.stdout.readline())
        parent.kill()
        while not ended(worker):
            time.sleep(0.005)


def ended(pid):
    """As ``gone``, but whoever inherits the orphan may take a while to bury it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


PARENT = """
import asyncio, sys
from app.runtime.worker.client import Client
from app.runtime.protocol.messages import Piece
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.prompts import Tokens

async def main():
    client = Client()
    await client.load(sys.argv[1], "")
    async for event in client.generate(Tokens((1, 2)), GenerateOptions(limit=10**9)):
        if isinstance(event, Piece):
            print(client.pid, flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


def test_the_side_of_the_window_loads_neither_torch_nor_numpy():
    script = (
        "import sys; import app.runtime.worker.client, app.runtime.worker.supervisor; "
        "import app.system.child_process; "
        "print([name for name in ('torch', 'numpy', 'cupy', 'PySide6') if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"

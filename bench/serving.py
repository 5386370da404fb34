"""What the way through HTTP costs: tokens/s of many texts at once, and the time to the first byte.

    python -m bench.serving [--shape 0.4B] [--model PATH] [--strategy "cpu int8"]
                            [--texts 8 32] [--tokens 64] [--rounds 3] [--json PATH]

Two workers have the same model: one is asked through its pipe, as the chat does, the other through
``rookery serve``, by plain sockets in one thread.  They take turns, round by round, so that what
else the machine does disturbs both alike; a row has the medians of all rounds.  Tokens are counted
while all texts are being written.  The reading of the sockets is not the server's, so its
processor time, as a part of all cores, is taken off (the column "without client").  "Server" is
the processor time of the serving process, without its worker, for each token.  The first byte is
that of a lone prompt, beyond the first token of such a prompt through the pipe.
"""

import argparse
import asyncio
import contextlib
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import psutil

from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Piece
from app.runtime.protocol.prompts import Sampling, Tokens
from app.runtime.worker.client import Client

from .shapes import SIZES, write_checkpoint

_PROMPT, _BANNED = 16, 0
_MARK = b"data: {"
_FIRSTS = 10
Ids = list[int]


class Round(NamedTuple):
    """Tokens a second while all texts were written, and the client's processor seconds there."""

    per_s: float
    seconds: float
    client_s: float = 0.0

    @property
    def without_client(self) -> float:
        """Tokens a second if the client had taken nothing of the machine."""
        cores = os.cpu_count() or 1
        return self.per_s * self.seconds / (self.seconds - self.client_s / cores)


class Served(NamedTuple):
    """A server that runs: its port and its process."""

    port: int
    process: psutil.Process

    @property
    def processor_s(self) -> float:
        """Processor time so far, without that of its worker."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


class Row(NamedTuple):
    """Medians for so many texts at once."""

    texts: int
    engine: float
    http: float
    without_client: float
    share: float
    server_us: float


def rate(times: list[list[float]], client_s: float = 0.0) -> Round:
    """From the times at which tokens of each text came."""
    begin, end = max(some[0] for some in times), min(some[-1] for some in times)
    count = sum(begin < at <= end for some in times for at in some)
    return Round(count / (end - begin), end - begin, client_s)


async def through_pipe(client: Client, prompts: list[Ids], limit: int) -> list[list[float]]:
    """When the tokens of each text came."""
    sampling = Sampling(temperature=0, banned=(_BANNED,))
    options = GenerateOptions(limit=limit, sampling=sampling)

    async def times(ids: Ids) -> list[float]:
        found: list[float] = []
        async with contextlib.aclosing(client.generate(Tokens(tuple(ids)), options)) as events:
            async for event in events:
                if isinstance(event, Piece):
                    found += [time.perf_counter()] * len(event.tokens)
        return found

    return await asyncio.gather(*(times(ids) for ids in prompts))


def through_http(port: int, prompts: list[Ids], limit: int) -> list[list[float]]:
    """When the chunks of each text came."""
    times: list[list[float]] = [[] for _ in prompts]
    rest = [b""] * len(prompts)
    with contextlib.ExitStack() as closing, selectors.DefaultSelector() as ready:
        for place, ids in enumerate(prompts):
            one = closing.enter_context(socket.create_connection(("127.0.0.1", port)))
            one.sendall(request(ids, limit))
            ready.register(one, selectors.EVENT_READ, place)
        going = len(prompts)
        while going:
            for key, _ in ready.select():
                data, place = key.fileobj.recv(65536), key.data  # type: ignore[union-attr]
                count = (rest[place] + data).count(_MARK)
                times[place] += [time.perf_counter()] * count
                rest[place] = (rest[place] + data)[-len(_MARK) + 1 :]
                if not data or b"[DONE]" in data:
                    ready.unregister(key.fileobj)
                    going -= 1
    return [some[:-1] for some in times]  # the last chunk says why it ended


def request(ids: Ids, limit: int) -> bytes:
    """One streamed completion of token ids."""
    fields = {"prompt": ids, "max_tokens": limit, "stream": True, "temperature": 0}
    body = json.dumps({**fields, "logit_bias": {str(_BANNED): -1000}})
    head = "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n{kind}\r\n\r\n{body}".encode()


@contextlib.contextmanager
def server(model: str, strategy: str, texts: int) -> Iterator[Served]:
    """``rookery serve`` as a process: its port, and itself."""
    words = ["serve", "--model", model, "--strategy", strategy, "--port", "0", "--json-log"]
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *words, "--max-batch", str(texts)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if '"listening"' in line:
                break
        address = json.loads(line)["address"]
        drain = process.stderr
        os.set_blocking(drain.fileno(), False)
        yield Served(int(address.rpartition(":")[2]), psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def prompts_of(random: Random, vocabulary: int, count: int, tokens: int = _PROMPT) -> list[Ids]:
    """New ones, so that nothing of them is remembered."""
    return [[1 + random.randrange(vocabulary - 1) for _ in range(tokens)] for _ in range(count)]


async def at_once(
    client: Client, served: Served, vocabulary: int, options: argparse.Namespace
) -> list[Row]:
    """A row for each number of texts."""
    random, rows = Random(1), []
    for texts in options.texts:
        limit = options.tokens + texts  # the first one begins some steps before the last
        own, told, costs = [], [], []
        for _ in range(options.rounds):
            prompts = prompts_of(random, vocabulary, texts)
            own.append(rate(await through_pipe(client, prompts, limit)))
            prompts = prompts_of(random, vocabulary, texts)
            began_s, cost_s = time.process_time(), served.processor_s
            times = through_http(served.port, prompts, limit)
            told.append(rate(times, time.process_time() - began_s))
            costs.append((served.processor_s - cost_s) / sum(map(len, times)))
        pairs = zip(own, told, strict=True)
        rows.append(
            Row(
                texts,
                statistics.median(one.per_s for one in own),
                statistics.median(one.per_s for one in told),
                statistics.median(one.without_client for one in told),
                statistics.median(b.without_client / a.per_s for a, b in pairs),
                1e6 * statistics.median(costs),
            )
        )
    return rows


async def first_ms(
    client: Client, served: Served, vocabulary: int, options: argparse.Namespace
) -> dict[str, float]:
    """Milliseconds to the first token through the pipe, and to the first byte through HTTP."""
    random = Random(2)
    firsts: dict[str, list[float]] = {"token": [], "byte": []}
    for _ in range(_FIRSTS):
        for name in firsts:
            prompt = prompts_of(random, vocabulary, 1, options.prompt_tokens)
            began_s = time.perf_counter()
            if name == "token":
                times = await through_pipe(client, prompt, 2)
            else:
                times = through_http(served.port, prompt, 2)
            firsts[name].append(1000 * (times[0][0] - began_s))
    return {name: statistics.median(some) for name, some in firsts.items()}


def table(rows: list[Row], firsts: dict[str, float]) -> str:
    """As Markdown."""
    lines = [
        "| texts | engine, tokens/s | HTTP | without client | share |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.texts} | {row.engine:.1f} | {row.http:.1f} | {row.without_client:.1f}"
        f" | {row.share:.1%} | {row.server_us:.0f} |"
        for row in rows
    ]
    beyond = firsts["byte"] - firsts["token"]
    told = f"first token {firsts['token']:.1f} ms, first byte {firsts['byte']:.1f} ms"
    return "\n".join([*lines, "", f"{told}: {beyond:.1f} ms beyond"])


async def run(model: str, options: argparse.Namespace) -> tuple[list[Row], dict[str, float]]:
    """Open the model twice and measure."""
    client = Client()
    try:
        loaded = await client.load(model, options.strategy)
        print(f"{loaded.name} · {loaded.strategy} · {loaded.backend}", flush=True)
        vocabulary = min(loaded.spec.vocabulary, 65530)
        with server(model, options.strategy, max(options.texts)) as served:
            rows = await at_once(client, served, vocabulary, options)
            return rows, await first_ms(client, served, vocabulary, options)
    finally:
        await client.close()


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="0.4B", choices=SIZES)
    parser.add_argument("--model", default="")
    parser.add_argument("--strategy", default="cpu int8")
    parser.add_argument("--texts", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--prompt-tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model
        if not model:
            model = str(Path(folder) / f"random-{options.shape}.pth")
            write_checkpoint(Path(model), "7.0", SIZES[options.shape])
        rows, firsts = asyncio.run(run(model, options))
    print(table(rows, firsts))
    if options.json:
        facts = {"rows": [row._asdict() for row in rows], "first_ms": firsts}
        Path(options.json).write_text(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()

"""Kills worker and window at random moments while a reply streams, and looks at what is left.

    python -m bench.kills --kills 200 --seed 1 [--windows 0.5] [--model FILE] [--tokens 700]

The window is the real one, without a screen, in a process of its own (``killed_window.py``); its
worker is a real worker, by default of a small random model.  It has one question answered at
temperature 0, again and again.  After each SIGKILL the reply goes on with "Continue": in the next
worker, or in the next window.  Every reply has to be, token by token, what a worker writes that
nobody kills.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Piece
from app.runtime.protocol.prompts import Chat, Sampling, Turn
from app.runtime.protocol.token_spans import unpack
from app.runtime.worker.client import Client
from app.store.conversations import open_conversations
from app.store.paths import standard_paths
from app.store.settings import Settings

QUESTION = "Tell me everything about this program."
STRATEGY = "cpu bf16"
GREEDY = Sampling(temperature=0, banned=(0,))
_PATIENCE_S = 120.0
_LONGEST_S = 0.5  # between a reply's first new words and the kill


@dataclass
class Result:
    """What came of it; a reply is wrong whose tokens are not those of an undisturbed one."""

    workers_killed: int = 0
    windows_killed: int = 0
    replies: int = 0
    tokens: int = 0
    wrong: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    computed: list[int] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """For people."""
        again = sorted(self.computed)
        middle = again[len(again) // 2] if again else 0
        return [
            f"{self.workers_killed} workers and {self.windows_killed} windows killed",
            f"{self.replies} replies of {self.tokens} tokens in all compared",
            f"{len(self.wrong)} differ from an undisturbed one",
            f"{len(self.unseen)} times something was gone that had been on the screen",
            f"tokens computed again: {middle} in the middle, {max(again, default=0)} at most",
        ]


@dataclass(frozen=True)
class Plan:
    """So many ``kills``, a share of them of ``windows``, in replies of so many ``tokens``."""

    kills: int
    windows: float = 0.5
    tokens: int = 700
    seed: int = 1
    most_s: float = 1e9  # nothing more is killed after so long


def run(home: Path, model: Path, plan: Plan) -> Result:
    """Kill so many times, and compare every reply that is stored."""
    draw, result, tokens = random.Random(plan.seed), Result(), plan.tokens
    expected = asyncio.run(_undisturbed(model, tokens))
    settings = Settings(standard_paths(str(home)).settings)
    settings.change(
        model=str(model), strategies={str(model): STRATEGY}, strategy=STRATEGY, page="chat"
    )
    settings.close()
    window_dies = [draw.random() < plan.windows for _ in range(plan.kills)]
    lives, until_s = False, time.monotonic() + plan.most_s
    while not lives:
        if time.monotonic() > until_s:
            window_dies.clear()
        with _window(home, tokens) as window:
            _kill_in(window, window_dies, draw, result)
            lives = window.killed_s == 0.0
            if lives:  # what was cut last is finished
                _wait_for(window, "done", result)
                window.leave()
        _compare(home, expected, result, window)
    return result


class Window:
    """A window's process, and what it tells in lines of JSON."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.seen: list[tuple[float, int]] = []  # of the last reply: when, and how many tokens
        self.killed_s = 0.0

    def told(self) -> dict[str, Any]:
        """The next line; {} at the end."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        told: dict[str, Any] = json.loads(line) if line else {}
        if told.get("what") == "begun":
            self.seen.clear()
        elif told.get("what") == "grew":
            self.seen.append((told["at"], told["tokens"]))
        return told

    def leave(self) -> None:
        """As a person closes it."""
        self.process.send_signal(signal.SIGTERM)
        while self.told():
            pass
        self.process.wait(_PATIENCE_S)

    def kill(self) -> None:
        """As the system does it when there is no other way."""
        self.killed_s = time.time()
        self.process.kill()
        while self.told():
            pass
        self.process.wait(_PATIENCE_S)


@contextlib.contextmanager
def _window(home: Path, tokens: int) -> Iterator[Window]:
    command = [sys.executable, "-m", "bench.killed_window", str(home), str(tokens)]
    quiet = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "ROOKERY_HOME": str(home)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet)
    try:
        yield Window(process)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _kill_in(window: Window, window_dies: list[bool], draw: random.Random, result: Result) -> None:
    """Kill workers of this window, until it is its own turn; ``window_dies`` are those left."""
    while window_dies:
        told = _wait_for(window, "begun", result)
        until = time.time() + draw.uniform(0.0, _LONGEST_S)
        while time.time() < until and told.get("what") in ("begun", "grew"):
            told = window.told()
        if not told:
            raise RuntimeError("the window has ended by itself")
        if told["what"] not in ("begun", "grew"):
            continue  # the reply has ended: the next one
        if window_dies.pop():
            result.windows_killed += 1
            window.kill()
            return
        result.workers_killed += 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(told["worker"], signal.SIGKILL)


def _wait_for(window: Window, what: str, result: Result) -> dict[str, Any]:
    """Read on until the window tells that; its reply has then its first new words."""
    while told := window.told():
        if told["what"] == "ended" and told["goes_on"] and told["computed"] is not None:
            result.computed.append(told["computed"])
        if told["what"] == what:
            return told
    raise RuntimeError(f"the window has ended by itself: {window.process.wait()}")


def _compare(home: Path, expected: tuple[int, ...], result: Result, window: Window) -> None:
    """Every reply with the undisturbed one; and that what was on the screen is there."""
    database = standard_paths(str(home)).database
    with contextlib.closing(sqlite3.connect(database)) as file:
        (sound,) = file.execute("PRAGMA integrity_check").fetchone()
        if sound != "ok":
            result.wrong.append(sound)
    store, trouble = open_conversations(database)
    try:
        if trouble is not None:
            result.wrong.append(repr(trouble))
        result.replies = result.tokens = 0
        newest = 0
        for conversation in reversed(store.all().result()):
            spans = store.tokens(conversation.id).result()
            opened = store.open(conversation.id).result()
            for message in opened.messages if opened else ():
                if message.role == "assistant" and message.id in spans:
                    ids = unpack(spans[message.id].ids)
                    newest = len(ids)
                    result.replies += 1
                    result.tokens += len(ids)
                    if ids != expected[: len(ids)]:
                        result.wrong.append(message.id)
    finally:
        store.close()
    shown = [count for at, count in window.seen if at < window.killed_s - 0.3]
    if shown and newest < shown[-1]:
        result.unseen.append(f"{newest} tokens of {shown[-1]}")


async def _undisturbed(model: Path, tokens: int) -> tuple[int, ...]:
    client = Client()
    try:
        loaded = await client.load(str(model), STRATEGY)
        chat = Chat(turns=(Turn("user", QUESTION),), template=loaded.templates[0])
        options = GenerateOptions(limit=2 * tokens + 1000, sampling=GREEDY)
        ids: list[int] = []
        events = client.generate(chat, options)
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, Piece):
                    ids += [fact.token for fact in event.tokens]
        return tuple(ids)
    finally:
        await client.close()


def main() -> int:
    """Print what came of it; 1 where something was lost or differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--windows", type=float, default=0.5, help="their share of the kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=700, help="of each reply")
    parser.add_argument("--minutes", type=float, default=1e6, help="kill no longer than that")
    parser.add_argument("--model", type=Path)
    asked = parser.parse_args()
    plan = Plan(asked.kills, asked.windows, asked.tokens, asked.seed, 60 * asked.minutes)
    from tests.runtime.small_models import small_file  # the window's process needs no torch

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        write: Callable[..., Path] = small_file
        model = asked.model or write(Path(home), width=256, layers=8)
        result = run(Path(home), model.absolute(), plan)
    print("\n".join(result.lines))
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if result.wrong or result.unseen else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the worker does to its own process before it serves: pipes, signals, standard streams."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from app.runtime.protocol import messages
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Failed, Generate, Load, Loaded, LoadProgress, Quit
from app.runtime.protocol.prompts import Tokens
from app.runtime.worker.worker import EXIT_LOST
from app.system.child_process import worker_command
from app.system.frames import read_frame, write_frame
from tests.runtime.small_models import small_file

ROOT = Path(__file__).resolve().parents[3]
NOISY = """
import os, sys
from app.system.frames import read_frame, write_frame
from app.system.pipes import take_pipes
requests, replies = take_pipes()
print("a library prints", flush=True)
os.system("echo a program prints; cat")
assert sys.stdin.read() == ""
write_frame(replies, read_frame(requests).upper())
"""


def talk(command, *messages):
    """Send messages, read all replies and the end of the process."""
    stream = BytesIO()
    for message in messages:
        write_frame(stream, message)
    worker = subprocess.run(
        command, cwd=ROOT, input=stream.getvalue(), capture_output=True, timeout=60
    )
    answers = BytesIO(worker.stdout)
    replies = []
    while (frame := read_frame(answers)) is not None:
        replies.append(frame)
    return worker, replies


def test_what_libraries_print_or_read_never_touches_the_pipe():
    worker, replies = talk([sys.executable, "-c", NOISY], b"hello", b"unread")
    assert replies == [b"HELLO"]
    assert b"a library prints" in worker.stderr
    assert b"a program prints" in worker.stderr


def test_quit_ends_it_at_once_and_quietly():
    worker, replies = talk(worker_command(), messages.encode(Quit(id=0)))
    assert (worker.returncode, replies, worker.stderr) == (0, [], b"")


def test_a_text_before_a_model_is_refused_and_the_model_can_still_be_opened(tmp_path):
    requests = [
        Generate(id=1, prompt=Tokens((1,))),
        Load(id=2, path=bytes(tmp_path / "absent.pth")),
        Load(id=3, path=bytes(small_file(tmp_path)), strategy="gpu fp4"),
        Load(id=4, path=bytes(tmp_path / "small.pth")),
    ]
    with subprocess.Popen(
        worker_command(), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        for request in requests:
            write_frame(worker.stdin, messages.encode(request))
        replies = []
        while not isinstance(replies[-1] if replies else None, Loaded):
            replies.append(messages.decode_reply(read_frame(worker.stdout)))
        worker.stdin.close()
        assert worker.wait(10) == 0
    failures = [(r.id, r.code) for r in replies if isinstance(r, Failed)]
    assert failures == [(1, "no-model"), (2, "not-found"), (3, "strategy")]
    assert [r.done for r in replies if isinstance(r, LoadProgress)] == [0, 1, 2, 3]


LOST = """
from app.errors import KernelError
from app.runtime.generation import engine, lane
from app.runtime.worker import worker
def failing(*_):
    raise KernelError(program="mix", said="it is gone")
{where} = failing
raise SystemExit(worker.main())
"""


@pytest.mark.parametrize("where", ["lane.Lane.write", "engine.Engine._stop_cancelled"])
def test_a_card_that_has_failed_ends_the_process_for_a_new_one(tmp_path, where):
    load = Load(id=1, path=bytes(small_file(tmp_path)), strategy="cpu fp32")
    ask = Generate(id=2, prompt=Tokens((1, 2)), options=GenerateOptions(limit=5))
    with subprocess.Popen(
        [sys.executable, "-c", LOST.format(where=where)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as worker:
        for request in (load, ask):
            write_frame(worker.stdin, messages.encode(request))
        assert worker.wait(60) == EXIT_LOST
        replies = BytesIO(worker.stdout.read())
    assert any(isinstance(reply, Loaded) for reply in map(messages.decode_reply, _frames(replies)))


def _frames(stream):
    while (frame := read_frame(stream)) is not None:
        yield frame

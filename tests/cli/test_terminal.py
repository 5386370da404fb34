"""The program in a real terminal and in pipes: chat, Ctrl-C, readers that leave."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.cli.verbs import chat_verb
from app.runtime.loading.loading import open_model
from tests.runtime.small_models import Desk, ask, small_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals")

ROOT = Path(__file__).resolve().parents[2]
ENDLESS = ("--max-tokens", "100000000")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("models")))


def start(*arguments, **streams):
    return subprocess.Popen([sys.executable, "-m", "app", *arguments], cwd=ROOT, **streams)


def workers_of(pid):
    """The processes whose parent this is."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(condition, limit_s):
    begin = time.perf_counter()
    while not condition():
        assert time.perf_counter() - begin < limit_s
        time.sleep(0.01)


def test_a_chat_through_pipes_answers_every_line_and_knows_its_commands(model):
    lines = "Hello\n/help\n/system Be kind.\n/system\n/retry\n/nonsense\n/reset\nH\udcffllo\n"
    chat = start(
        *("chat", "--model", model, "--max-tokens", "12", "--seed", "3"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, said = chat.communicate(lines.encode("utf-8", "surrogateescape"), timeout=60)
    assert chat.returncode == 0
    assert out.count(b"\n") >= 3
    assert b"/reset" in said
    assert b"system: Be kind." in said
    assert b"There is no /nonsense" in said


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("/etc/fstab: no such file", "/etc/fstab: no such file"),
        ("/home/me/x.py fails, why?", "/home/me/x.py fails, why?"),
        ("//help is a message", "/help is a message"),
        ("/", None),
        ("/nonsense here", None),
        ("/Quit", None),
    ],
)
def test_a_message_may_begin_with_a_slash_and_a_mistyped_command_is_not_sent(
    monkeypatch, capsys, line, sent
):
    said = []
    conversation = SimpleNamespace(turns=[], loaded=None)
    terminal = chat_verb._Terminal(None, conversation)
    monkeypatch.setattr(terminal, "_reply", lambda: said.append(conversation.turns[-1].text))
    terminal._take(line + "\n")
    assert said == ([] if sent is None else [sent])
    assert ("There is no /" in capsys.readouterr().err) is (sent is None)


def test_a_chat_needs_a_model_with_words(tmp_path):
    wordless = small_file(tmp_path, vocabulary=97)
    chat = start("chat", "--model", str(wordless), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    _, said = chat.communicate(b"hi\n", timeout=60)
    assert chat.returncode == 1
    assert said.startswith(b"rookery: ")
    assert said.count(b"\n") == 1


class Terminal:
    """A program on a pseudo-terminal of its own."""

    def __init__(self, *arguments):
        self.pid, self._side = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execv(sys.executable, [sys.executable, "-m", "app", *arguments])
        self.shown = b""
        self._ended = False

    def wait_for(self, pattern, limit_s=30):
        """Read until something new matches."""
        begin = time.perf_counter()
        while not (found := re.search(pattern, self.shown)):
            assert time.perf_counter() - begin < limit_s, self.shown
            self._read(0.05)
        self.shown = self.shown[found.end() :]

    def _read(self, limit_s):
        if select.select([self._side], [], [], limit_s)[0]:
            try:
                self.shown += os.read(self._side, 65536)
            except OSError:
                return

    def type(self, keys):
        os.write(self._side, keys)

    def interrupt(self, pattern):
        """Press Ctrl-C until it is answered.

        A line editor looks for signals before it waits for keys: one that comes in between is
        seen with the next key only, and a person presses again.
        """
        begin = time.perf_counter()
        while not re.search(pattern, self.shown):
            assert time.perf_counter() - begin < 30, self.shown
            self.type(b"\x03")
            pressed = time.perf_counter()  # the echo alone is no answer
            while time.perf_counter() - pressed < 0.5 and not re.search(pattern, self.shown):
                self._read(0.05)
        self.wait_for(pattern)

    def end(self):
        """The exit code; what it still prints is read meanwhile."""
        begin = time.perf_counter()
        while (ended := os.waitpid(self.pid, os.WNOHANG)) == (0, 0):
            assert time.perf_counter() - begin < 20
            self._read(0.05)
        self._ended = True
        os.close(self._side)
        return os.waitstatus_to_exitcode(ended[1])

    def kill(self):
        """What a failed test leaves must not be another test's child."""
        if not self._ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self._side)


@pytest.fixture
def open_terminal():
    opened = []

    def start_terminal(*arguments):
        opened.append(Terminal(*arguments))
        return opened[-1]

    yield start_terminal
    for terminal in opened:
        terminal.kill()


def test_ctrl_c_stops_the_reply_and_ctrl_d_leaves_the_chat(model, open_terminal):
    terminal = open_terminal("chat", "--model", model, "--seed", "1", *ENDLESS)
    terminal.wait_for(rb"> ")
    (worker,) = workers_of(terminal.pid)
    terminal.type(b"Hello\n")
    terminal.wait_for(rb"Hello\r\n(.|\n){30}")
    terminal.type(b"\x03")
    terminal.wait_for(rb"\^C(.|\n)*\n> ")
    terminal.interrupt(rb"Ctrl-D leaves(.|\n)*> ")
    os.kill(int(worker), signal.SIGKILL)
    wait_until(lambda: gone(worker) or not workers_of(terminal.pid), 30)
    terminal.type(b"Are you there?\n")
    terminal.wait_for(rb"there\?\r\n(.|\n){30}")
    terminal.type(b"\x03")
    terminal.wait_for(rb"\^C(.|\n)*\n> ")
    terminal.type(b"\x04")
    assert terminal.end() == 0


def test_ctrl_c_ends_generate_quietly_with_130(model):
    generate = start(
        *("generate", "--model", model, "--prompt", "Hi", *ENDLESS),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert generate.stdout.read(10)
    (worker,) = workers_of(generate.pid)
    generate.send_signal(signal.SIGINT)
    _, said = generate.communicate(timeout=10)
    assert (generate.returncode, said) == (130, b"")
    assert gone(worker)


def test_a_reader_that_leaves_ends_generate_quietly(model):
    generate = start(
        *("generate", "--model", model, "--prompt", "Hi", *ENDLESS),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert generate.stdout.read(10)
    generate.stdout.close()
    with generate.stderr:
        assert generate.stderr.read() == b""
    assert generate.wait(10) == 141


def test_a_worker_killed_in_mid_text_is_told_in_one_line_and_exits_1(model):
    generate = start(
        *("generate", "--model", model, "--prompt", "-", *ENDLESS),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    generate.stdin.write(b"Hello")
    generate.stdin.close()
    kept = generate.stdout.read(10)
    (worker,) = workers_of(generate.pid)
    os.kill(int(worker), signal.SIGKILL)
    kept += generate.stdout.read()
    said = generate.stderr.read()
    assert generate.wait(60) == 1
    assert len(kept) >= 10
    assert said.startswith(b"rookery: ")
    assert said.count(b"\n") == 1
    generate.stdout.close()
    generate.stderr.close()


def test_a_thought_that_the_template_begins_is_shown_whole(tmp_path):
    reasoner = small_file(tmp_path, vocabulary=65536, width=32, layers=1, name="rwkv7-g1a-tiny")
    chat = start(
        *("chat", "--model", str(reasoner), "--max-tokens", "2", "--think", "on", "--seed", "1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    out, _ = chat.communicate(b"Hello\n/retry\n", timeout=60)
    assert chat.returncode == 0
    assert out.startswith(b"<think")
    assert out.count(b"<think") == 2


def test_a_reply_that_the_limit_has_cut_goes_on_from_its_own_tokens(model):
    chat = start(
        *("chat", "--model", model, "--strategy", "cpu fp32", "--max-tokens", "11"),
        *("--temperature", "0", "--presence", "0", "--frequency", "0"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, said = chat.communicate(b"/continue\nHello\n/continue\n/continue\n", timeout=60)
    assert chat.returncode == 0
    assert b"There is no reply to go on with." in said
    whole = Desk(open_model(Path(model), "cpu fp32")).run(ask(prompt=["Hello"], limit=33))[1]
    parts = out.decode("utf-8").removesuffix("\n")
    breaks = [n for n, letter in enumerate(parts) if letter == "\n"]
    pairs = ((a, b) for a in breaks for b in breaks if a < b)
    joined = {parts[:a] + parts[a + 1 : b] + parts[b + 1 :] for a, b in pairs}
    assert whole.lstrip() in joined

"""What a terminal gets of a stranger's words: nothing in them moves, clears or copies anything."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.terminal_text import pictured
from tests.runtime.small_models import small_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals")

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1b]52;c;ZWNobw==\x07", "␛]52;c;ZWNobw==␇"),  # the clipboard
        ("\x1b]0;title\x1b\\", "␛]0;title␛\\"),
        ("\x1b[2J\x1b[H\x1b[8m", "␛[2J␛[H␛[8m"),  # clear, home, hide
        ("\x9b31m \x9d0;title\x9c", "␛[31m ␛]0;title␛\\"),  # the same in one character each
        ("all\rgone \x08\x7f", "all␍gone ␈␡"),
        ("\x00\x05\x0c\x0e", "␀␅␌␎"),
        ("\u202eexe.txt\u2066\u2069", "\ufffdexe.txt\ufffd\ufffd"),
        ("a\r\nb\tc\n", "a\nb\tc\n"),
        ("שלום \u200f, é 漢字 🐦 👩\u200d🚀", "שלום \u200f, é 漢字 🐦 👩\u200d🚀"),
    ],
)
def test_what_a_terminal_would_obey_becomes_a_picture(said, shown):
    assert pictured(said) == shown


def on_a_terminal(command, given=b""):
    """What a program writes where both its output and its messages go to a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs)
    os.close(theirs)
    child.stdin.write(given)
    child.stdin.close()
    written = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # nobody holds the other side any more
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    assert child.wait(30) == 0, written
    return written.decode("utf-8").replace("\r\n", "\n")


def commands_in(text):
    return [c for c in text if (not c.isprintable() and c not in "\n\t") and ord(c) < 0xA0]


@pytest.mark.parametrize("verb", ["generate", "chat"])
def test_the_words_of_a_model_are_raw_in_a_pipe_and_pictures_on_a_terminal(tmp_path, verb):
    file = small_file(tmp_path, name="evil\x1b]0;name\x07")  # the chat tells its name
    words = ("--prompt", "hi") if verb == "generate" else ()
    command = [sys.executable, "-m", "app", verb, "--model", str(file), *words]
    command += ["--max-tokens", "400", "--seed", "5", "--temperature", "2"]
    piped = subprocess.run(command, cwd=ROOT, input=b"hello\n", capture_output=True, check=True)
    raw = piped.stdout.decode("utf-8")
    assert len(commands_in(raw)) > 10, "the model says nothing that a terminal would obey"
    shown = on_a_terminal(command, b"hello\n")
    lines = shown.replace("\r", "\n").split("\n")  # the line of progress is written over
    assert not commands_in("\n".join(lines))
    assert pictured(raw).replace("␍\n", "").strip()[:200] in shown.replace("␍\n", "")
    assert verb == "generate" or "evil␛]0;name␇" in shown

"""What the command line refuses before anything runs, and what it never needs to load."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.cli import run
from app.cli.options import parser

ROOT = Path(__file__).resolve().parents[2]
VERBS = ("inspect", "generate", "score", "bench", "chat", "models")

WRONG = (
    "",
    "frobnicate",
    "generate",
    "generate --prompt hi --tokens 1",
    "generate --tokens 1,x",
    "generate --tokens 1.5",
    "generate --tokens 99999999999999999999999",
    "generate --prompt hi --temperature nan",
    "generate --prompt hi --temperature -1",
    "generate --prompt hi --temperature inf",
    "generate --prompt hi --top-p -0.1",
    "generate --prompt hi --top-k 1.5",
    "generate --prompt hi --max-tokens -1",
    "generate --prompt hi --seed -1",
    "generate --prompt hi --decay 2",
    "generate --prompt hi --stop",
    "score",
    "score --tokens 1 --chunk 0",
    "score --tokens 1 --text-file x",
    "bench --batch 0",
    "bench --prompt-tokens no",
    "chat --think maybe",
    "models extra",
    "inspect",
)


@pytest.mark.parametrize("line", WRONG)
def test_usage_that_makes_no_sense_exits_2_with_a_message_on_stderr(line, capsys):
    assert run(line.split()) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("usage: rookery")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    assert run([verb, "--help"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"usage: rookery {verb}")
    assert told.err == ""


def test_options_of_generate_arrive_as_they_are_meant():
    line = "generate --model m --tokens 1,2,3 --stop a b --stop c --top-p 0.5 --seed 7 --json"
    options = parser().parse_args(line.split())
    assert options.tokens == (1, 2, 3)
    assert options.stop == ["a", "b", "c"]
    assert (options.top_p, options.seed, options.temperature, options.json) == (0.5, 7, None, True)
    assert parser().parse_args(["generate", "--tokens", ""]).tokens == ()


def test_bytes_that_are_no_utf8_cannot_break_a_message():
    options = parser().parse_args(["generate", "--prompt", "h\udcffi"])
    assert options.prompt == "h\ufffdi"


def program(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.alone
def test_help_comes_at_once():
    quickest = min(timed("--help") for _ in range(3))
    assert quickest < 0.3


def test_verbs_that_compute_refuse_a_file_before_they_load_what_computes():
    script = """
import sys
from app.cli import run
print(run(sys.argv[1:]), "torch" in sys.modules)
"""
    for verb in (("score", "--tokens", "1"), ("bench",)):
        line = [sys.executable, "-c", script, *verb, "--model", "absent.pth"]
        told = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True)
        assert told.stdout.split() == ["1", "False"]


def timed(*arguments):
    begin = time.perf_counter()
    assert program(*arguments).returncode == 0
    return time.perf_counter() - begin


@pytest.mark.parametrize(
    "verb", ["app.cli.inspect_verb", "app.cli.models_verb", "app.cli.generate_verb"]
)
def test_verbs_that_compute_nothing_load_neither_torch_nor_numpy(verb):
    script = f"import sys, {verb}; print({{'torch', 'numpy', 'PySide6'}} & set(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "set()"

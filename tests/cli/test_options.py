"""What the command line refuses before anything runs, and what it never needs to load."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import run
from app.cli.options import parse
from launcher.words import USAGE

ROOT = Path(__file__).resolve().parents[2]
VERBS = (
    *("inspect", "generate", "score", "state", "bench", "plan", "chat", "models"),
    *("cards", "pack", "search", "download", "verify", "log", "batch", "compare", "serve"),
)

WRONG = (
    "",
    "frobnicate",
    "generate",
    "generate --prompt hi --tokens 1",
    "generate --tokens 1,x",
    "batch --input rows.csv",
    "batch --input rows.csv --output out.jsonl --batch 0",
    "compare --model a --model b",
    "compare --tokens 1 --model a --model b --model c",
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
    "generate --prompt hi --logit-bias 5",
    "generate --prompt hi --logit-bias =2",
    "generate --prompt hi --logit-bias 5,6=2",
    "generate --prompt hi --logit-bias 5=many",
    "generate --prompt hi --logit-bias 5=inf",
    "generate --prompt hi --repetition-penalty 0",
    "generate --prompt hi --ban five",
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
    verb = line.split()[0] if line.split() and line.split()[0] in VERBS else ""
    assert told.err.startswith(f"usage: rookery {verb or '[-h]'}")
    *_, usage_end, sentence = told.err.splitlines()
    assert usage_end.startswith((" ", "usage: "))
    assert sentence.startswith(f"rookery {verb}".strip() + ": ")
    assert sentence.endswith((".", "?"))


SUGGESTED = {
    "genrate --prompt hi": 'did you mean "generate"?',
    "Chat": 'did you mean "chat"?',
    "gpu": 'did you mean "gpus"?',
    "downlaod a/b c": 'did you mean "download"?',
    "xyzzy": "--help lists what there is.",
    "g1.pth": 'try "rookery chat --model g1.pth".',
    "generate --prompt hi --temprature 1": "did you mean --temperature?",
    "generate --promt hi": "did you mean --prompt?",
    "state make --promt hi --out x": "did you mean --prompt?",
    "cards -x": "there is no option -x; --help lists what there is.",
    "plan a/g1.pth": "did you mean --model a/g1.pth?",
    "generate --prompt hi there": "words with spaces between them need quotes.",
    "--modle x chat": "there is no option --modle; --help lists what there is.",
}


@pytest.mark.parametrize("line", SUGGESTED)
def test_a_slip_of_the_hand_is_told_what_was_meant(line, capsys):
    assert run(line.split()) == 2
    assert capsys.readouterr().err.rstrip().endswith(SUGGESTED[line])


def test_an_empty_first_word_is_a_missing_verb(capsys):
    assert run([""]) == 2
    assert capsys.readouterr().err.endswith("a verb is missing; --help lists them.\n")


def test_help_names_every_verb_with_one_line_of_its_own(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = lines[lines.index("  VERB") + 1 :][: len(VERBS)]
    assert sorted(line.split()[0] for line in told) == sorted(VERBS)
    assert all(len(line.split()) > 2 for line in told)
    assert any("cards" in line and "gpus" in line for line in told)


def test_the_help_of_the_launcher_names_every_verb_too():
    assert set(VERBS) <= set(USAGE.replace(",", " ").split())


def test_cards_are_gpus_too():
    assert parse(["gpus", "--json"]) == parse(["cards", "--json"])


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    assert run([verb, "--help"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"usage: rookery {verb}")
    assert told.err == ""


def test_options_of_generate_arrive_as_they_are_meant():
    line = "generate --model m --tokens 1,2,3 --stop a b --stop c --top-p 0.5 --seed 7 --json"
    options = parse(line.split())
    assert options.tokens == (1, 2, 3)
    assert options.stop == ["a", "b", "c"]
    assert (options.top_p, options.seed, options.temperature, options.json) == (0.5, 7, None, True)
    assert parse(["generate", "--tokens", ""]).tokens == ()


def test_bans_and_biases_may_be_repeated():
    line = "chat --ban 5 --ban 6,7 --logit-bias 33=-1.5 --logit-bias 2=4 --repetition-penalty 1.2"
    options = parse(line.split())
    assert options.ban == [5, 6, 7]
    assert options.logit_bias == [(33, -1.5), (2, 4.0)]
    assert options.repetition == 1.2


def test_bytes_that_are_no_utf8_cannot_break_a_message():
    options = parse(["generate", "--prompt", "h\udcffi"])
    assert options.prompt == "h\ufffdi"


def program(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.skipif(sys.platform == "win32", reason="what children worked is not told there")
def test_help_takes_little_work():
    assert min(worked_s("--help") for _ in range(2)) < 0.3


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


def worked_s(*arguments):
    before = os.times()
    assert program(*arguments).returncode == 0
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])  # of children, in user and in system mode


@pytest.mark.parametrize(
    "verb",
    ["app.cli.verbs.inspect_verb", "app.cli.verbs.models_verb", "app.cli.verbs.generate_verb"],
)
def test_verbs_that_compute_nothing_load_neither_torch_nor_numpy(verb):
    script = f"import sys, {verb}; print({{'torch', 'numpy', 'PySide6'}} & set(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "set()"

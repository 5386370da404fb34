"""In a language that nobody speaks no English is left in failures, help and refusals of usage."""

import re
from collections.abc import Iterator

import pytest

from app.cli.options import _VERBS, parse
from app.errors import BY_CODE
from app.messages.failures import say
from app.messages.translate import use_catalogue
from tests.support.pseudo_locale import PseudoLocale, english_in

OF_PYTHON = (
    "usage:",
    "options:",
    "positional arguments:",
    "show this help message and exit",
    "show program's version number and exit",
)
"""Words of argparse itself."""
SAID = {"rookery", "fake", *(name for name, _, _ in _VERBS), "make", "show"}
TEMPLATES = {"world", "bot", "instruction", "text"}


@pytest.fixture(autouse=True)
def _pseudo() -> Iterator[None]:
    before = use_catalogue(PseudoLocale())
    yield
    use_catalogue(before)


def test_words_without_an_accent_are_found():
    assert english_in("Thë filë is damaged, --model FILE (cpu.bf16)") == ["damaged"]


@pytest.mark.parametrize("kind", BY_CODE.values(), ids=BY_CODE)
def test_no_failure_has_english_in_it(kind):
    told = [{}, *({"why": why} for why in kind.reasons)]
    told += [{name: one} for one in kind.things for name in kind.worded if name != "why"]
    for facts in told:
        words = say(kind(**facts))
        for line in (words.title, words.text, words.way_out):
            assert english_in(line) == [], (facts, line)


@pytest.mark.parametrize("verb", [(), *((name,) for name, _, _ in _VERBS), ("state", "make")])
def test_no_help_has_english_in_it(verb, capsys):
    with pytest.raises(SystemExit):
        parse([*verb, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for words in OF_PYTHON:
        text = text.replace(words, "")
    text = re.sub(r"usage: .*?(?=[A-Z][a-zä-ÿ])", "", text)
    assert set(english_in(text)) <= SAID | TEMPLATES


@pytest.mark.parametrize(
    "arguments",
    [
        ["genrate"],
        ["model.pth"],
        ["--nothing"],
        [""],
        ["chat", "one", "two"],
        ["chat", "--nothing"],
        ["generate", "--prompt", "a", "--seed", "-1"],
        ["generate", "--prompt", "a", "--min-p", "7"],
        ["generate", "--prompt", "a", "--top-p", "-7"],
        ["generate", "--prompt", "a", "--logit-bias", "7"],
        ["generate", "--prompt", "a", "--logit-bias", "7,8=1"],
        ["generate", "--prompt", "a", "--ban", "99999999999999999999"],
        ["verify", "m.pth", "--sha256", "12"],
    ],
)
def test_no_refusal_of_usage_has_english_in_it(arguments, capsys):
    with pytest.raises(SystemExit):
        parse(arguments)
    said = capsys.readouterr().err.rpartition("rookery")[2].partition(":")[2]
    assert said.strip()
    assert set(english_in(said.replace("argument", ""))) <= SAID | set(arguments)

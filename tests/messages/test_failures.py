"""Every failure has words: a heading, a clear sentence and a way out, whatever its facts."""

import ast
import re
import unicodedata
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import app
from app.errors import (
    BY_CODE,
    DamagedCheckpoint,
    DiskFull,
    Failure,
    ForeignCheckpoint,
    OutOfMemory,
    RequestRefused,
    StoreError,
    StrategyError,
    TokenizerMissing,
    UnsupportedVariant,
    WorkerDied,
)
from app.messages.failures import Words, one_line, say, size

NAMES = [
    "path", "why", "found", "wanted", "folder", "missing", "exit_code", "stderr", "limit_s",
    "needed_bytes", "free_bytes", "strategy", "kept", "known", "name", "value", "word", "template",
    "said", "unkept",
]  # fmt: skip

ANY_FACT = st.text() | st.integers() | st.floats()


@pytest.mark.parametrize("code", BY_CODE)
def test_every_code_has_words_also_without_facts(code):
    words = say(BY_CODE[code]())
    assert 3 < len(words.title) < 60
    for sentence in (words.text, words.way_out):
        assert re.fullmatch(r"[A-Z].*[.]", sentence)
        assert not re.search(r"[{}]|  | [.,:;](?!\w)|: [.]|\"\"|None", sentence)
    assert not words.title.endswith(".")


def test_every_kind_of_failure_has_words_of_its_own():
    texts = [say(kind()).text for kind in BY_CODE.values()]
    assert len(set(texts)) == len(BY_CODE)


@given(st.sampled_from(sorted(BY_CODE)), st.dictionaries(st.sampled_from(NAMES), ANY_FACT))
def test_any_facts_make_one_clean_line(code, facts):
    line = one_line(BY_CODE[code](**facts))
    assert line
    assert line == line.strip()
    assert all(c == " " or unicodedata.category(c)[0] not in "CZ" for c in line)
    line.encode("utf-8")
    assert len(line) < 2000


def test_a_hostile_file_name_stays_inside_its_quotes():
    name = "/models/a\n\x1b[2J\u202efdp\udcff.pth"
    line = one_line(DamagedCheckpoint(path=name, why="its header is damaged"))
    assert line == (
        'The file "a \ufffd[2J\ufffdfdp\ufffd.pth" is damaged or incomplete: '
        "its header is damaged. Download it again."
    )


def test_braces_in_a_fact_are_letters():
    assert '"{path}{why+: }.pth"' in one_line(
        DamagedCheckpoint(path="/{path}{why+: }.pth", why="x")
    )


def test_only_the_name_of_a_file_is_shown_on_windows_too():
    assert 'The file "m.pth" is' in one_line(DamagedCheckpoint(path=r"C:\Users\a\m.pth"))


def test_long_facts_are_shortened_in_their_middle():
    line = one_line(ForeignCheckpoint(found="a" * 5000 + "END"))
    assert len(line) < 500
    assert " … " in line
    assert "END." in line


def test_words_are_frozen():
    with pytest.raises(AttributeError):
        say(Failure()).text = "x"
    assert isinstance(say(Failure()), Words)
    assert issubclass(Words, msgspec.Struct)


def test_a_later_kind_of_failure_speaks_as_its_family():
    class Odd(UnsupportedVariant):
        code = "odd"

    try:
        assert say(Odd(found="RWKV-9")) == say(UnsupportedVariant(found="RWKV-9"))
    finally:
        assert "odd" not in BY_CODE


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (
            OutOfMemory(needed_bytes=3_250_000_000, free_bytes=812_000_000),
            "There is not enough memory for this: 3.2 GB would be needed, 812.0 MB are free. "
            "Close other programs, or choose a smaller model.",
        ),
        (
            OutOfMemory(needed_bytes=0, free_bytes=5),
            "There is not enough memory for this. Close other programs, or choose a smaller model.",
        ),
        (
            OutOfMemory(needed_bytes=2e9, free_bytes=1e9, strategy="cpu fp32"),
            "There is not enough memory for this: 2.0 GB would be needed, 1.0 GB are free. "
            "Close other programs, choose a smaller model, or run this one in 16-bit (cpu bf16).",
        ),
        (
            OutOfMemory(needed_bytes=0, free_bytes=5, strategy="cpu bf16"),
            "There is not enough memory for this. Close other programs, or choose a smaller model.",
        ),
        (
            TokenizerMissing(wanted="20B_tokenizer.json", folder="/models"),
            "This model needs 20B_tokenizer.json to read and write text. "
            "Put that file into the model's folder: /models.",
        ),
        (
            StrategyError(found="cuda fp8", wanted="cpu fp32, cpu bf16"),
            "This strategy cannot be used here: cuda fp8. What can be used: cpu fp32, cpu bf16.",
        ),
        (
            StrategyError(found="cuda fp8", part="fp8", position=5, wanted="fp16, int8"),
            '"fp8", at character 6 of the strategy, is not known there: cuda fp8. '
            "What could stand there: fp16, int8.",
        ),
        (
            StrategyError(found="cuda", part="", position=4, wanted="fp16, int8"),
            "The strategy ends too early: cuda. What could stand there: fp16, int8.",
        ),
        (
            DiskFull(path="/home/a/settings.json"),
            "There is no room left to write /home/a/settings.json. "
            "Free some space on this disk, then try again.",
        ),
        (
            RequestRefused(why="sampling", name="top_p", value=-1, wanted="0 or more"),
            "The value -1 means nothing for top_p. It must be 0 or more.",
        ),
        (
            RequestRefused(why="there is no token to run"),
            "This cannot be done: there is no token to run. Change it and try again.",
        ),
        (
            StoreError(path="/home/a/rookery.db", why="damaged", kept="/home/a/rookery.db.broken"),
            'The data file "rookery.db" is damaged, and a new one was begun. '
            "Nothing of the old one was deleted: it is kept as /home/a/rookery.db.broken.",
        ),
        (
            StoreError(path="/home/a/rookery.db", why="busy", unkept=1),
            'The data file "rookery.db" is being used by another program. Conversations of now are '
            "lost when the window closes. Close the other one, then try again.",
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Failure) else "",
)
def test_facts_are_told(failure, line):
    assert one_line(failure) == line


@pytest.mark.parametrize(
    ("exit_code", "said"),
    [
        (-9, "was ended by the system (SIGKILL): probably memory ran out"),
        (0xC0000017, "probably memory ran out"),
        (-11, "crashed (SIGSEGV)"),
        (-6, "crashed (SIGABRT)"),
        (0xC0000005, "crashed (access violation)"),
        (-15, "was ended (SIGTERM)"),
        (-99, "was ended (signal 99)"),
        (0, "ended with exit code 0"),
        (3, "ended with exit code 3"),
        ("?", "ended unexpectedly"),
    ],
)
def test_the_end_of_the_worker_is_told_in_words(exit_code, said):
    words = say(WorkerDied(exit_code=exit_code, stderr="Traceback:\n\x1b[1mRuntimeError: odd\n \n"))
    assert said in words.text
    assert words.text.endswith('Its last words: "\ufffd[1mRuntimeError: odd".')
    assert words.way_out.startswith("Send the message again")
    assert ("smaller model" in words.way_out) == ("memory" in said)
    assert "16-bit" not in words.way_out


def test_sixteen_bit_is_offered_where_the_worker_ran_in_thirty_two():
    words = say(WorkerDied(exit_code=-9, stderr="", strategy="cpu fp32"))
    assert words.way_out.endswith(
        "If it stops once more: close other programs, choose a smaller model, "
        "or run this one in 16-bit (cpu bf16)."
    )


def test_a_worker_that_babbled_is_told_so():
    words = say(WorkerDied(exit_code=-9, stderr="", why="garbled"))
    assert "makes no sense" in words.text
    assert "memory" not in words.text
    assert "smaller model" not in words.way_out
    assert "last words" not in words.text


def test_every_refusal_that_is_raised_by_a_word_has_a_sentence():
    general = say(RequestRefused(why="x")).way_out
    words = {why for why in _reasons("RequestRefused") if " " not in why}
    assert {"no-turns", "unknown-template", "all-banned", "empty-stop"} <= words
    for why in words:
        assert say(RequestRefused(why=why)).way_out != general, why
    for why in {why for why in _reasons("StoreError") if " " not in why}:
        assert say(StoreError(why=why)).way_out != say(StoreError(why="x")).way_out, why


def _reasons(kind):
    """The literal ``why`` of every such failure that the program raises."""
    for path in sorted(Path(app.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == kind:
                for keyword in node.keywords:
                    if keyword.arg == "why" and isinstance(keyword.value, ast.Constant):
                        yield keyword.value.value


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (640, "640 B"),
        (1000, "1.0 kB"),
        (999_960, "1.0 MB"),
        (3_055_062_345, "3.1 GB"),
        (2.5e12, "2.5 TB"),
    ],
)
def test_sizes_are_written_as_people_count_them(count, words):
    assert size(count) == words

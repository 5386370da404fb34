"""Every failure has words: a heading, a clear sentence and a way out, whatever its facts."""

import re
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import (
    BY_CODE,
    DamagedCheckpoint,
    DiskFull,
    Failure,
    ForeignCheckpoint,
    NoGpu,
    OutOfMemory,
    RequestRefused,
    StoreError,
    StrategyError,
    TokenizerMissing,
    UnsupportedVariant,
    WorkerDied,
    WorkerOutOfMemory,
)
from app.messages.batch_failures import BATCH
from app.messages.checkpoint_failures import INSTEAD
from app.messages.fact_filling import Words
from app.messages.failures import one_line, say
from app.messages.file_reasons import FILE_REASONS
from app.messages.network_reasons import NETWORK_REASONS
from app.messages.request_failures import REQUEST
from app.messages.things import THINGS
from app.messages.units import size

NAMES = [
    "path", "why", "found", "wanted", "folder", "missing", "exit_code", "stderr", "limit_s",
    "needed_bytes", "free_bytes", "strategy", "kept", "known", "name", "value", "word", "template",
    "said", "unkept",
]  # fmt: skip

SOME_FACTS = {"path": "/a/m.pth", "name": "emb.weight", "count": 3, "size_bytes": 9, "said": "odd"}

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
    line = one_line(DamagedCheckpoint(path=name, why="header-damaged"))
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
            RequestRefused(why="sampling-least", name="top_p", value=-1, least=0),
            "The value -1 means nothing for top_p. It must be 0 or more.",
        ),
        (
            RequestRefused(why="what an older version wrote down"),
            "This cannot be done: what an older version wrote down. Change it and try again.",
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
        (-9, "was ended (SIGKILL)"),
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
    assert "memory" not in f"{words.title} {words.text}"


@pytest.mark.parametrize(
    ("strategy", "less"),
    [
        ("", "choose fewer bits (cpu int4), or a smaller model"),
        ("cpu fp32", "choose fewer bits (cpu bf16), or a smaller model"),
        ("cpu bf16", "choose fewer bits (cpu int8), or a smaller model"),
        ("cpu int8", "choose fewer bits (cpu int4), or a smaller model"),
        ("cpu int4", "choose a smaller model"),
    ],
)
def test_a_worker_that_was_ended_for_lack_of_memory_is_told_with_what_needs_less(strategy, less):
    words = say(WorkerOutOfMemory(exit_code=-9, stderr="", why="no-memory", strategy=strategy))
    assert words.title == "Not enough memory"
    assert words.text.startswith("Memory ran out")
    assert words.way_out == f"Close other programs, or {less}. Then send the message again."


def test_the_last_words_of_a_crash_are_its_first_line():
    said = "a warning\nFatal Python error: Segmentation fault\n\nThread 1\n  File x\n"
    words = say(WorkerDied(exit_code=-11, stderr=said))
    assert words.text.endswith('Its last words: "Fatal Python error: Segmentation fault".')


def test_a_worker_that_babbled_is_told_so():
    words = say(WorkerDied(exit_code=-9, stderr="", why="garbled"))
    assert "makes no sense" in words.text
    assert "memory" not in words.text
    assert "smaller model" not in words.way_out
    assert "last words" not in words.text


@pytest.mark.parametrize("kind", BY_CODE.values(), ids=BY_CODE)
def test_every_reason_and_every_thing_has_words_with_its_facts_and_without(kind):
    told = [({"why": why}, why) for why in kind.reasons]
    told += [({name: one}, one) for one in kind.things for name in kind.worded if name != "why"]
    for facts, code in told:
        for more in ({}, SOME_FACTS):
            words = say(kind(**{**more, **facts}))
            for sentence in (words.text, words.way_out):
                assert re.fullmatch(r"[A-Z\d\"].*[.]", sentence), code
                assert not re.search(r"[{}]|  | [.,:;](?!\w)|: [.]|\"\"|None", sentence), code


@pytest.mark.parametrize("kind", [RequestRefused, StoreError, NoGpu])
def test_every_reason_of_these_families_has_a_sentence_of_its_own(kind):
    said = {why: say(kind(why=why)).sentences for why in kind.reasons}
    assert say(kind()).sentences not in said.values()
    assert len(set(said.values())) == len(said)


def test_every_clause_is_of_a_reason_or_thing():
    reasons = set().union(*(kind.reasons for kind in BY_CODE.values()))
    things = set().union(*(kind.things for kind in BY_CODE.values()))
    assert (FILE_REASONS | NETWORK_REASONS).keys() <= reasons
    assert THINGS.keys() == things
    clauses = FILE_REASONS.keys() | NETWORK_REASONS.keys() | INSTEAD.keys()
    assert all(kind.reasons <= clauses for kind in BY_CODE.values() if "why" in kind.worded)
    assert (REQUEST | BATCH).keys() - {""} == RequestRefused.reasons
    assert not REQUEST.keys() & BATCH.keys()
    assert not (FILE_REASONS.keys() & NETWORK_REASONS.keys() | reasons & things) - {"lora"}


def test_what_an_older_version_wrote_down_is_shown_as_it_is():
    assert "damaged or incomplete: its foot is cold." in one_line(
        DamagedCheckpoint(path="a.pth", why="its foot is cold")
    )


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

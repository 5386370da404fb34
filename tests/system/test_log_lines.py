"""What a line of the log holds, and what it never holds."""

import logging
import re

import pytest

from app.errors import HubUnreachable, RequestRefused, WorkerDied
from app.system.log_lines import (
    LineFormatter,
    error_lines,
    failure_line,
    hide,
    without_secrets,
)


def line(words, *arguments, name="rookery.model"):
    record = logging.LogRecord(name, logging.INFO, "", 0, words, arguments, None)
    return LineFormatter("window").format(record)


def test_an_event_is_one_line_with_time_process_level_and_subject():
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
    told = line("opened %d of %d", 3, 4)
    assert re.fullmatch(rf"{time} window \d+ INFO model: opened 3 of 4\n", told)


def test_nothing_in_an_event_looks_like_another_one_or_is_a_command():
    told = line("%s", "a\n2026-11-30 window 1 ERROR crash: made up\r\n\x1b[2Jb\u202ec\x00")
    first, *others = told.splitlines()
    assert first.endswith("model: a")
    assert all(other.startswith("    ") for other in others)
    assert told.replace("\n", "").isprintable()


def test_an_event_has_an_end():
    assert len(line("%s", "words " * 100_000)) < 40_000


@pytest.mark.parametrize(
    "text",
    [
        "http://anna:GEHEIM@proxy.example:8080/",
        "https://anna:GE%2FHEIM/GEHEIM@host/x",
        "socks5://GEHEIM@host",
        "anna:GEHEIM@proxy.example:8080",
        "GET https://cdn.example/f?Expires=1&X-Amz-Signature=GEHEIM&Key-Pair-Id=K",
        "https://cdn.example/f?Policy=GEHEIM~x&a=b",
        "Authorization: Bearer GEHEIM",
        "{'authorization': 'Basic GEHEIM'}",
        '{"token": "GEHEIM"}',
        "api_key=GEHEIM",
        "token hf_GEHEIMabcdef was refused",
        "sk-GEHEIM1234567",
        "Cookie: GEHEIM",
    ],
)
def test_secrets_are_left_out(text):
    assert "GEHEIM" in text
    assert "GEHEIM" not in without_secrets(text)


def test_what_is_no_secret_stays():
    text = "'/home/anna/models/a@b.pth' from huggingface.co, 12 tokens: 5 of 9, key_of=x.py:3"
    assert without_secrets(text).startswith("'/home/anna/models/a@b.pth' from huggingface.co, 12")


def test_a_token_of_any_form_is_left_out_once_it_is_known():
    hide("k7-plain-words")
    assert "plain-words" not in line("a header with k7-plain-words in it")


def test_a_failure_is_its_code_and_the_facts_that_hold_no_text():
    refused = RequestRefused("MINE", why="unknown-word", word="MINE", template="MINE", value=3)
    assert failure_line(refused) == "request-refused (why='unknown-word', value=3)"
    assert "MINE" in failure_line(refused, texts=True)
    died = WorkerDied(exit_code=-11, stderr="KeyError: MINE", strategy="cpu bf16")
    assert failure_line(died) == "worker-died (exit_code=-11, strategy='cpu bf16')"
    unreachable = HubUnreachable(host="a.b", why="name-unknown")
    assert failure_line(unreachable).startswith("hub-unreachable")


def test_a_traceback_tells_where_and_not_what_was_written():
    try:
        try:
            {}["MINE"]
        except KeyError as error:
            raise ValueError("MINE as well") from error
    except ValueError as error:
        told, whole = error_lines(error), error_lines(error, texts=True)
    assert "MINE" not in told.replace('{}["MINE"]', "").replace('ValueError("MINE as well")', "")
    assert told.index("KeyError: …") < told.index("ValueError: …")
    assert "test_log_lines.py" in told
    assert "ValueError: MINE as well" in whole
    assert error_lines(TypeError("'int' object is not iterable")).endswith("is not iterable")

"""What the command line holds texts to: schemas, expressions and grammars."""

import io
import json
import re

import pytest

from app.cli import run
from app.cli.choices import grammar_of
from app.cli.options import parse
from app.runtime.protocol.grammars import Grammar
from tests.runtime.small_models import small_file
from tests.support.random_schemas import fits

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 5}, "old": {"type": "boolean"}},
    "required": ["name", "old"],
    "additionalProperties": False,
}
CLOSING = ("--logit-bias", "34=3", "--temperature", "1", "--top-p", "1", "--seed", "3")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("models")))


def told(capsys, *arguments):
    assert run([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    return json.loads(printed.out), printed.err


def refused(capsys, *arguments):
    assert run(arguments) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    return printed.err


class Stdin:
    def __init__(self, text):
        self.buffer = io.BytesIO(text.encode())


def test_a_schema_comes_from_a_file_from_stdin_or_as_it_is(tmp_path, monkeypatch):
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(SCHEMA), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", Stdin(json.dumps(SCHEMA)))
    for given in (str(file), "-", json.dumps(SCHEMA)):
        options = parse(["generate", "--prompt", "x", "--json-schema", given])
        wanted = Grammar(kind="json-schema", text=json.dumps(SCHEMA))
        assert grammar_of(options, options.prompt) == wanted


def test_a_text_keeps_to_its_form_and_a_limit_that_cuts_it_is_told(model, capsys):
    line = ("generate", "--model", model, "--prompt", "A person: ", *CLOSING)
    line = (*line, "--json-schema", json.dumps(SCHEMA))
    found, said = told(capsys, *line)
    assert (found["stop_reason"], said) == ("end", "")
    assert fits(json.loads(found["text"]), SCHEMA)
    cut, said = told(capsys, *line, "--max-tokens", "5")
    assert (cut["text"], cut["stop_reason"]) == (found["text"][:5], "limit")
    assert "--max-tokens has cut the text before it was whole" in said


def test_every_row_of_a_batch_keeps_to_the_form_and_a_resume_to_the_same(model, tmp_path, capsys):
    rows, lark, out = tmp_path / "rows.txt", tmp_path / "g.lark", tmp_path / "out.jsonl"
    rows.write_text("one\ntwo\nthree\n", encoding="utf-8")
    lark.write_text('start: "<" WORD ">"\nWORD: /[a-z]{1,5}/\n', encoding="utf-8")
    line = ["batch", "--model", model, "--input", str(rows), "--output", str(out), *CLOSING]
    assert run([*line, "--grammar", str(lark), "--batch", "2"]) == 0
    lines = [json.loads(text) for text in out.read_text(encoding="utf-8").splitlines()]
    assert [one["stop_reason"] for one in lines] == ["end"] * 3
    assert all(re.fullmatch("<[a-z]{1,5}>", one["text"]) for one in lines)
    whole = out.read_bytes()
    out.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    capsys.readouterr()
    assert "grammar" in refused(capsys, *line, "--resume", "--regex", "x")


def test_what_cannot_be_followed_is_refused_before_a_model_is_looked_for(tmp_path, capsys):
    line = ("generate", "--model", "nowhere.pth", "--prompt")
    said = refused(capsys, *line, "x", "--json-schema", '{"properties": {"a": {"not": {}}}}')
    assert 'uses "not" in /properties/a' in said
    assert "JSON" in refused(capsys, *line, "x", "--json-schema", "{")
    said = refused(capsys, *line, "x", "--json-schema", '{"items": {"$ref": "#/none"}}')
    assert "cannot be followed in /items" in said
    assert "unclosed group" in refused(capsys, *line, "x", "--regex", "(a")
    assert "stdin" in refused(capsys, *line, "-", "--json-schema", "-")
    missing = refused(capsys, *line, "x", "--grammar", str(tmp_path / "none.lark"))
    assert "none.lark" in missing
    assert run([*line, "x", "--regex", "a", "--grammar", "b"]) == 2


def test_every_reply_of_a_chat_keeps_to_its_form_and_goes_on_with_one_that_was_cut(
    model, capsys, monkeypatch
):
    monkeypatch.setattr("sys.stdin", io.StringIO("Hello\n/continue\nAgain\n/quit\n"))
    asked = ("chat", "--model", model, "--regex", "[ab]{6}!", "--max-tokens", "5")
    assert run([*asked, "--temperature", "0"]) == 0
    printed = capsys.readouterr()
    first, rest, second = printed.out.split("\n")[:3]
    assert re.fullmatch(r" ?[ab]{4,5}", first)
    assert re.fullmatch(r"[ab]{6}!", first.strip() + rest)
    assert re.fullmatch(r" ?[ab]{4,5}", second)
    assert printed.err.count("cut") == 2

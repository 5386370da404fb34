"""A vocabulary beside a World model is its own: more words, its ends, or why it is not used."""

import json
import os

import pytest

from app.resources import resource
from app.runtime.checkpoint.file_names import WORLD_VOCABULARY
from app.runtime.tokenizers.world import TOKENS, world

USUAL = resource("vocabulary", WORLD_VOCABULARY).read_bytes()
MARKS = b"65530 '<|im_start|>' 12\n65531 '<|im_end|>' 10\n65532 '<|endoftext|>' 13\n"
LINES = USUAL.splitlines(keepends=True)


def beside(folder, content, name="rwkv_vocab_v20260603.txt"):
    (folder / name).write_bytes(content)
    return world(folder=folder)


def test_words_beyond_the_usual_ones_are_read_and_written(tmp_path):
    tokenizer = beside(tmp_path, USUAL + MARKS)
    ids = tokenizer.encode("<|im_start|>User: hi.<|im_end|>\n")
    assert ids == [65530, *world().encode("User: hi."), 65531, 11]
    assert tokenizer.decode(ids) == "<|im_start|>User: hi.<|im_end|>\n"
    assert tokenizer.end_tokens == {0, 65531, 65532}
    assert tokenizer.never == {65533, 65534, 65535}
    assert (tokenizer.failure, tokenizer.not_used) == (None, "")


def test_text_without_them_is_the_usual_text(tmp_path):
    tokenizer, usual = beside(tmp_path, USUAL + MARKS), world()
    for text in (
        "Hello 今天 <|im|>",
        "a\ud800b",
        "",
        "def f(x):\n\n\treturn '<|' \x00",
        "x" * 300_000,
    ):
        assert tokenizer.encode(text) == usual.encode(text)


def test_its_name_tells_that_the_words_differ(tmp_path):
    one = beside(tmp_path, USUAL + MARKS)
    two = beside(tmp_path, USUAL + MARKS.replace(b"65532", b"65533"))
    assert len({one.name, two.name, "world"}) == 3
    assert one.kind == two.kind == "world"
    assert beside(tmp_path, (USUAL + MARKS).replace(b"\n", b"\r\n")).name == one.name


@pytest.mark.parametrize("content", [USUAL, USUAL.replace(b"\n", b"\r\n"), USUAL + b"\n"])
def test_a_copy_of_the_usual_vocabulary_changes_nothing(tmp_path, content):
    tokenizer = beside(tmp_path, content, WORLD_VOCABULARY)
    assert tokenizer.name == "world"
    assert tokenizer.encoder == world().encoder  # the same, and as fast
    assert tokenizer.never == frozenset(range(TOKENS, 65536))


BAD = {
    "cut": USUAL[:500_000],
    "empty": b"",
    "a web page": b"<!DOCTYPE html><html></html>",
    "a wrong length": USUAL + b"65530 '<|im_start|>' 13\n",
    "an id the model has not": USUAL + b"65536 '<|im_start|>' 12\n",
    "an id twice": USUAL + b"65530 '<a>' 3\n65530 '<b>' 3\n",
    "a word twice": USUAL + b"65530 'a' 1\n",
    "a line of something else": USUAL + b"hello\n",
    "an unknown escape": USUAL + b"65530 '\\d' 2\n",
    "a call": USUAL + b"65530 'a'+print('b')+'' 1\n",
    "brackets": USUAL + b"65530 '\\x41'+" + b"(" * 100_000 + b"'' 1\n",
    "a word of a thousand bytes": USUAL + b"65530 '%s' 1000\n" % (b"ab" * 500),
    "a single byte gone": USUAL.replace(LINES[0], b""),
    "all shifted": b"".join(
        b"%d %s" % (n, line.partition(b" ")[2]) for n, line in enumerate(LINES[1:], 1)
    ),
    "another language": b"".join(b"%d 'w%06d' 7\n" % (n, n) for n in range(1, TOKENS)),
    "five megabytes": USUAL + b" " * (5 << 20),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_or_foreign_one_is_named_and_not_used(tmp_path, name):
    tokenizer = beside(tmp_path, BAD[name])
    assert tokenizer.not_used == str(tmp_path / "rwkv_vocab_v20260603.txt")
    assert (tokenizer.name, tokenizer.failure) == ("world", None)
    assert tokenizer.encode("Hello") == [33155]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_no_vocabulary_and_holds_nobody(tmp_path):
    os.mkfifo(tmp_path / WORLD_VOCABULARY)
    assert world(folder=tmp_path).not_used == str(tmp_path / WORLD_VOCABULARY)


def test_of_several_the_newest_that_is_whole_serves(tmp_path):
    beside(tmp_path, b"broken", "rwkv_vocab_v20270101.txt")
    beside(tmp_path, USUAL, WORLD_VOCABULARY)
    tokenizer = beside(tmp_path, USUAL + MARKS)
    assert 65531 in tokenizer.end_tokens
    assert tokenizer.not_used == ""


def test_words_that_a_hugging_face_folder_adds_stand_for_themselves(tmp_path):
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<|im_end|>": 65531, "far": 70000}))
    decoder = {"0": {"content": "<|rwkv_tokenizer_end_of_text|>"}, "65530": {"content": "<stop>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": decoder}))
    tokenizer = world(folder=tmp_path)
    assert tokenizer.encode("a.<|im_end|>") == [*world().encode("a."), 65531]
    assert tokenizer.end_tokens == {0, 65531}
    assert tokenizer.never == frozenset(range(65532, 65536))


@pytest.mark.parametrize(
    "content", ["", "[]", '{"a": "b"}', '{"added_tokens_decoder": 3}', "[" * 9999]
)
def test_damaged_lists_of_added_words_add_none(tmp_path, content):
    for name in ("added_tokens.json", "tokenizer_config.json"):
        (tmp_path / name).write_text(content)
    assert world(folder=tmp_path).name == "world"

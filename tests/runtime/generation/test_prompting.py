"""The tokens of a prompt: a reply that goes on is read as it was written."""

from types import SimpleNamespace

import pytest

from app.runtime.families.family import family_of
from app.runtime.families.templates import lead
from app.runtime.generation.prompting import prepare
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Generate
from app.runtime.protocol.prompts import Chat, Turn
from app.runtime.tokenizers.world import world

WRITTEN = ' of a rook 🐦:\n\n    def f():\n\n        return "é"  # 鸟\n\n\nThe end.\n'


@pytest.fixture(scope="module")
def opened():
    spec = SimpleNamespace(vocabulary=65536)
    return SimpleNamespace(
        tokenizer=world(),
        family=family_of("rwkv7-g1h", "world"),
        model=SimpleNamespace(spec=spec),
    )


def prepared(opened, template, think, *turns):
    chat = Chat(turns=turns, template=template, think=think)
    return prepare(Generate(id=1, prompt=chat, options=GenerateOptions(limit=9)), opened)


@pytest.mark.parametrize(
    ("template", "think"),
    [("g1", "off"), ("g1", "on"), ("g1", "fake"), ("world", "off"), ("bot", "on"), ("text", "off")],
)
def test_a_reply_cut_between_tokens_is_read_in_the_very_tokens_it_was_written_in(
    opened, template, think
):
    asked = Turn("user", "Write me a ta")  # "tale" is one token, "le" alone another
    begun = prepared(opened, template, think, asked)
    words = ("le" if template == "text" else "") + WRITTEN
    tokens = opened.tokenizer.encode(words)
    for cut in range(1, len(tokens) + 1):
        text = b"".join(map(opened.tokenizer.token_bytes, tokens[:cut])).decode("utf-8", "ignore")
        if opened.tokenizer.encode(text) != tokens[:cut]:
            continue  # inside a character
        going_on = prepared(
            opened, template, think, asked, Turn("assistant", lead(template, think) + text)
        )
        assert going_on.ids == (*begun.ids, *tokens[:cut])
        assert going_on.begun.ids == tuple(tokens[:cut])
        assert going_on.begun.text == text


def test_the_space_before_a_reply_that_has_none_is_one_token_with_its_first_word(opened):
    reply = Turn("assistant", "RWKV is")
    going_on = prepared(opened, "g1", "on", Turn("user", "What?"), reply)
    last = going_on.begun.ids
    assert opened.tokenizer.decode(last) == " RWKV is"
    assert list(last) == opened.tokenizer.encode(" RWKV is")

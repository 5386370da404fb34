"""The word for the tokenizer that goes with a vocabulary's size."""

import pytest

from app.runtime.spec import tokenizer_for


@pytest.mark.parametrize(
    ("vocabulary", "word"),
    [
        (65536, "world"),
        (50277, "neox20b"),
        (50304, "neox20b"),
        (50432, "neox20b"),
        (50254, "none"),
        (256, "bytes"),
        (128, "abc"),
        (20096, "midi"),
        (2176, "midi-piano"),
        (12, "none"),
        (32000, "none"),
        (50433, "none"),
    ],
)
def test_the_tokenizer_follows_from_the_vocabulary(vocabulary, word):
    assert tokenizer_for(vocabulary) == word

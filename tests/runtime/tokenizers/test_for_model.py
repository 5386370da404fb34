"""Which tokenizer a model gets, and what the small ones do."""

import json

import pytest

from app.errors import RequestRefused, TextRefused, TokenizerDamaged, TokenizerMissing
from app.runtime.spec import Spec, tokenizer_for
from app.runtime.tokenizers import for_model


def spec(vocabulary: int) -> Spec:
    return Spec(
        generation="7.0",
        layers=2,
        width=64,
        heads=1,
        head_size=64,
        attention_width=64,
        ffn_width=256,
        vocabulary=vocabulary,
        parameters=1,
    )


@pytest.mark.parametrize(
    ("vocabulary", "name"),
    [
        (65536, "world"),
        (50277, "neox20b"),
        (50304, "neox20b"),
        (50432, "neox20b"),
        (256, "bytes"),
        (128, "abc"),
        (20096, "midi"),
        (2176, "midi-piano"),
        (12, "none"),
        (32000, "none"),
    ],
)
def test_the_vocabulary_decides(vocabulary, name, tmp_path):
    assert for_model(spec(vocabulary), tmp_path).name == name == tokenizer_for(vocabulary)


def test_a_model_of_unknown_vocabulary_has_ids_but_no_text():
    tokenizer = for_model(spec(12), None)
    with pytest.raises(TextRefused):
        tokenizer.encode("1")
    assert tokenizer.decode([1, 2, 3]) == ""
    assert tokenizer.end_tokens == frozenset()
    assert tokenizer.decoder().feed(3) == ""


def test_bytes_are_their_own_ids():
    tokenizer = for_model(spec(256), None)
    assert tokenizer.encode("hé\x00!") == [104, 195, 169, 33]
    assert tokenizer.decode([104, 195, 169, 0, 255]) == "hé\0\ufffd"
    assert tokenizer.end_tokens == {0}
    assert tokenizer.raw_end_tokens == frozenset()
    assert for_model(spec(256), None, {"end_token": "0"}).raw_end_tokens == {0}
    assert tokenizer.never == frozenset()


def test_abc_is_written_in_characters_between_marks():
    tokenizer = for_model(spec(128), None)
    assert tokenizer.encode("\x02X:1\n") == [2, 88, 58, 49, 10]
    assert tokenizer.decode([2, 88, 58, 49, 3]) == "X:1"
    assert tokenizer.end_tokens == {0, 2, 3}
    assert tokenizer.start == (2,)
    with pytest.raises(RequestRefused) as refused:
        tokenizer.encode("é")
    assert refused.value.facts == {"why": "unknown-word", "word": "é"}


def midi_file(folder, words):
    path = folder / "tokenizer-midipiano.json"
    path.write_text(json.dumps({"model": {"vocab": words}}), encoding="utf-8")
    return path


def test_midi_is_written_in_words(tmp_path):
    marks = ["<pad>", "<start>", "<end>"]
    midi_file(tmp_path, {word: i for i, word in enumerate([*marks, *map(str, range(3, 2176))])})
    tokenizer = for_model(spec(2176), tmp_path)
    assert tokenizer.failure is None
    assert tokenizer.encode("<pad> 7  9\n<END>") == [0, 7, 9, 2]
    assert tokenizer.decode([0, 7, 9, 2]) == " 7 9"
    assert tokenizer.end_tokens == {0, 2}
    with pytest.raises(RequestRefused):
        tokenizer.encode("7 nonsense")


def test_the_real_midi_words(golden):
    tokenizer = for_model(spec(20096), golden)
    assert tokenizer.encode("<pad> t1 t125 p:3c:a") == [0, 3, 127, 858]
    assert tokenizer.decode([3, 858]) == " t1 p:3c:a"


@pytest.mark.parametrize(
    ("vocabulary", "wanted"),
    [
        (50277, "20B_tokenizer.json"),
        (20096, "tokenizer-midi.json"),
        (2176, "tokenizer-midipiano.json"),
    ],
)
def test_without_its_file_a_model_still_runs_on_ids(tmp_path, vocabulary, wanted):
    tokenizer = for_model(spec(vocabulary), tmp_path)
    assert isinstance(tokenizer.failure, TokenizerMissing)
    for _ in range(2):
        with pytest.raises(TokenizerMissing) as missing:
            tokenizer.encode("a")
        assert missing.value.facts == {"wanted": wanted, "folder": str(tmp_path)}
    assert tokenizer.decode([1, 2]) == ""


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"model": {"vocab": [1]}}', "[" * 100000]
)
@pytest.mark.parametrize(
    ("vocabulary", "name"), [(50277, "20B_tokenizer.json"), (20096, "tokenizer-midi.json")]
)
def test_a_broken_file_is_named(tmp_path, vocabulary, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    tokenizer = for_model(spec(vocabulary), tmp_path)
    assert isinstance(tokenizer.failure, TokenizerDamaged)
    with pytest.raises(TokenizerDamaged) as damaged:
        tokenizer.encode("a")
    assert damaged.value.facts == {"path": str(tmp_path / name)}


def test_midi_words_of_another_size_are_refused(tmp_path):
    midi_file(tmp_path, {"<pad>": 0, "a": 1})
    assert isinstance(for_model(spec(2176), tmp_path).failure, TokenizerDamaged)

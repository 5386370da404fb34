"""The GPT-NeoX-20B tokenizer, from the file beside the model."""

import json
import os
import time

import pytest
from tokenizers import Tokenizer as Machine

from app.errors import TokenizerDamaged, TokenizerMissing
from app.runtime.checkpoint.file_names import NEOX_TOKENIZERS
from app.runtime.tokenizers.neox import neox


def byte_level(line: int = 187, blank: int = 535, kind: str = "BPE") -> dict:
    """A small vocabulary of the same build: bytes, two line breaks, and NeoX's end token."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = [chr(b) for b in shown] + [chr(0x100 + n) for n in range(256 - len(shown))]
    alphabet.remove("Ċ")
    free = (i for i in range(1, 1000) if i not in (line, blank))
    vocab = {"<|endoftext|>": 0, "Ċ": line, "ĊĊ": blank}
    vocab |= {letter: next(free) for letter in alphabet}
    special = {
        "id": 0,
        "content": "<|endoftext|>",
        "special": True,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [special, special | {"id": 999, "content": "   ", "special": False}],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True},
        "model": {
            "type": kind,
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": vocab,
            "merges": [["Ċ", "Ċ"]],
        },
    }


@pytest.fixture
def folder(tmp_path):
    (tmp_path / NEOX_TOKENIZERS[0]).write_text(json.dumps(byte_level()), encoding="utf-8")
    return tmp_path


def test_it_writes_what_its_file_says(folder):
    tokenizer = neox(50304, folder)
    machine = Machine.from_file(str(folder / NEOX_TOKENIZERS[0]))
    for text in ("Hello, 世界 😀\n\nBob:\n", "a   b", "<|endoftext|>x", "e\u0301", ""):
        assert tokenizer.encode(text) == machine.encode(text).ids
    assert tokenizer.encode("a\n\n")[-1] == 535
    assert tokenizer.never == frozenset(range(50277, 50304))


def test_its_tokens_are_bytes(folder):
    tokenizer = neox(50277, folder)
    text = "Héllo   世界 😀\n\n\n\ttab"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    decoder = tokenizer.decoder()
    assert "".join(map(decoder.feed, ids)) + decoder.flush() == text
    assert tokenizer.decode([0, 50276, 60000]) == ""


def test_a_prompt_ends_in_two_line_breaks_as_the_training_text_did(folder):
    tokenizer = neox(50277, folder)
    assert tokenizer.encode_prompt("a\n\n")[-2:] == [187, 187]
    assert tokenizer.encode_prompt("a\n\nb") == tokenizer.encode("a\n\nb")
    assert tokenizer.encode_prompt("") == []


def test_lone_surrogates_do_no_harm(folder):
    tokenizer = neox(50277, folder)
    assert tokenizer.decode(tokenizer.encode("a\ud800b")) == "a\ufffdb"


def test_a_tokenizer_json_serves_where_it_is_the_right_one(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps(byte_level()), encoding="utf-8")
    assert neox(50277, tmp_path).failure is None


@pytest.mark.parametrize("strange", [{"line": 188}, {"blank": 536}, {"kind": "Unigram"}])
def test_another_models_tokenizer_json_is_passed_over(tmp_path, strange):
    (tmp_path / "tokenizer.json").write_text(json.dumps(byte_level(**strange)), encoding="utf-8")
    assert isinstance(neox(50277, tmp_path).failure, TokenizerMissing)
    (tmp_path / "20B_tokenizer.json").write_text(json.dumps(byte_level(**strange)), "utf-8")
    assert isinstance(neox(50277, tmp_path).failure, TokenizerDamaged)


def test_merges_of_unknown_words_are_damage(tmp_path):
    content = byte_level()
    content["model"]["merges"].append(["no", "such"])
    (tmp_path / NEOX_TOKENIZERS[0]).write_text(json.dumps(content), encoding="utf-8")
    assert isinstance(neox(50277, tmp_path).failure, TokenizerDamaged)


STRANGE = {
    "padding without end": {"padding": {
        "strategy": {"Fixed": 10**10}, "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "x",
    }},
    "a normalizer that doubles": {"normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 16}
    ] * 8}},
    "a pattern that never ends": {"pre_tokenizer": {
        "type": "Split", "pattern": {"Regex": "(a+)+b"}, "behavior": "Isolated", "invert": False,
    }},
    "words before every text": {"post_processor": {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "x", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"x": {"id": "x", "ids": [7] * 100, "tokens": ["x"] * 100}},
    }},
    "a cut": {"truncation": {
        "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0,
    }},
    "things of its own": {"x": [{"y": [[[]]]}] * 1000, "version": 7},
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_only_words_and_merges_are_taken_from_a_file(tmp_path, folder, name):
    plain = neox(50277, folder).encode("aaaa bbbb\n\n")
    (tmp_path / NEOX_TOKENIZERS[0]).write_text(
        json.dumps(byte_level() | STRANGE[name]), encoding="utf-8"
    )
    assert neox(50277, tmp_path).encode("aaaa bbbb\n\n") == plain


def test_a_file_of_a_gigabyte_is_refused_at_once(tmp_path):
    path = tmp_path / NEOX_TOKENIZERS[0]
    path.write_text(json.dumps(byte_level()), encoding="utf-8")
    os.truncate(path, 1 << 30)
    begun = time.process_time()
    assert isinstance(neox(50277, tmp_path).failure, TokenizerDamaged)
    assert time.process_time() - begun < 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_no_vocabulary_and_holds_nobody(tmp_path):
    os.mkfifo(tmp_path / NEOX_TOKENIZERS[0])
    assert isinstance(neox(50277, tmp_path).failure, TokenizerDamaged)


@pytest.mark.parametrize(
    "change",
    [{"vocab": {"a": -1}}, {"vocab": {"a": 1 << 40}}, {"vocab": {"a" * 2000: 5}}, {"merges": []}],
)
def test_ids_and_words_out_of_all_bounds_are_damage(tmp_path, change):
    content = byte_level()
    for name, value in change.items():
        content["model"][name] = content["model"][name] | value if value else value
    (tmp_path / NEOX_TOKENIZERS[0]).write_text(json.dumps(content), encoding="utf-8")
    assert isinstance(neox(50277, tmp_path).failure, TokenizerDamaged)


def test_it_agrees_with_the_golden_vectors(golden):
    tokenizer = neox(50277, golden)
    vectors = json.loads((golden / "tokenizer_vectors.json").read_text(encoding="utf-8"))
    machine = Machine.from_file(str(golden / NEOX_TOKENIZERS[0]))
    for vector in vectors:
        assert tokenizer.encode(vector["text"]) == vector["neox20b"]
        assert tokenizer.decode(vector["neox20b"]) == machine.decode(vector["neox20b"])
